"""Bodies, and what feet do on the ground, measured on the whole skin of the feet by other means than the library's."""

from functools import cache

import torch

from avatars.body import BodyModel, BodyPose
from avatars.motion import Motion

SHAPES = {
    "mean": torch.zeros(10),
    "tall": torch.tensor([2.0, *[0.0] * 9]),
    "small": torch.tensor([-2.5, 1.0, *[0.0] * 8]),
    "odd": 1.5 * torch.randn(10, generator=torch.Generator().manual_seed(0)),
}


@cache
def body() -> BodyModel:
    return BodyModel.load()


def foot_skin(motion: Motion, shape: torch.Tensor, side: int):
    """Positions over time of all skin that hangs on a foot, its height against the ground of the rest pose."""
    model = body()
    ankle, toes = ((7, 10), (8, 11))[side]
    skin = (model.weights[:, ankle] + model.weights[:, toes] > 0.5).nonzero()[:, 0]
    ground = float(model.rest(shape)[0][:, 1].min())
    feet = model.subset(skin)
    pose = BodyPose(motion.rotations, motion.travel, shape.expand(len(motion), -1))
    return feet.pose(pose).vertices - torch.tensor([0.0, ground, 0.0])


def runs(flags: torch.Tensor):
    """(first, last + 1) of each run of True, by a loop."""
    found, start = [], None
    for index, flag in enumerate([*flags.tolist(), False]):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            found.append((start, index))
            start = None
    return found


def slide(motion: Motion, shape: torch.Tensor, side: int, *, near: float = 0.003):
    """How far any skin of a standing foot moves over the ground while it is on it, metres."""
    assert motion.contacts is not None
    skin = foot_skin(motion, shape, side)
    worst = 0.0
    for first, last in runs(motion.contacts[:, side]):
        for vertex in skin[first:last].unbind(1):
            for start, end in runs(vertex[:, 1] < near):
                level = vertex[start:end, [0, 2]]
                worst = max(worst, float((level - level[0]).norm(dim=-1).max()))
    return worst
