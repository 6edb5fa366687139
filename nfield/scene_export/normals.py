"""Normals of points on surfaces: away from where the matter around them is."""

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.fields.dense import spread_directions
from nfield.rendering.image import CHUNK
from nfield.rendering.samplers.occupancy import OccupancySampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.scene_export.seen_points import SeenPoints

_DIRECTIONS = 32
_REACH = 2.0
"""Steps of the field's rays from a point to where it is looked around."""


@torch.no_grad()
def normals_at(shown: SceneRenderer, points: SeenPoints) -> Float[Tensor, "n 3"]:
    """Unit normals towards the camera: minus the mean of directions, weighted by how opaque the field is that way.

    Args:
        shown: The scene.
        points: On its surfaces.
    """
    sampler = shown.renderer.sampler
    assert isinstance(sampler, OccupancySampler)
    around, step = spread_directions(_DIRECTIONS), sampler.rule.step
    parts = [
        _normals(shown, place, dirs, around, step)
        for place, dirs in zip(points.places.split(CHUNK), points.dirs.split(CHUNK), strict=True)
    ]
    return torch.cat(parts)


def _normals(
    shown: SceneRenderer,
    places: Float[Tensor, "n 3"],
    dirs: Float[Tensor, "n 3"],
    around: Float[Tensor, "k 3"],
    step: float,
) -> Float[Tensor, "n 3"]:
    looked = (places[:, None] + _REACH * step * around).reshape(-1, 3)
    opacity = -torch.expm1(-shown.field.density(looked) * step)
    outwards = -(opacity.reshape(len(places), -1, 1) * around).mean(1)
    outwards = torch.where(outwards.norm(dim=-1, keepdim=True) > 1e-4, outwards, -dirs)
    toward = torch.where((outwards * dirs).sum(-1, keepdim=True) > 0.0, -outwards, outwards)
    return torch.nn.functional.normalize(toward, dim=-1)
