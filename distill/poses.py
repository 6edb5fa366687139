"""Random poses between those that a field was trained from: what a teacher does not know it cannot teach."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.cameras import Cameras

_NEIGHBOURS = 6


@dataclass(frozen=True)
class PoseConfig:
    """Where the teacher is looked at from."""

    turn: float = 5.0
    """Cameras are turned about their centres by up to so many degrees around each axis."""
    reach: float = 0.03
    """Cameras are moved along their view by up to this share of the cameras' extent."""


def poses_between(
    cameras: Cameras, count: int, config: PoseConfig | None = None, *, generator: torch.Generator
) -> Cameras:
    """Random cameras, each between one of the given and one of its neighbours (PVD-AL draws from their range).

    Args:
        cameras: Where the field is known from.
        count: How many.
        config: How far they may leave the ways between cameras.
        generator: Draws them.
    """
    config = config or PoseConfig()
    first = torch.randint(len(cameras), (count,), generator=generator)
    near = _neighbours(cameras)
    second = near[first, torch.randint(near.shape[1], (count,), generator=generator)]
    share = torch.rand(count, 1, generator=generator)
    pose = cameras.world_from_camera
    origins = torch.lerp(pose[first, :3, 3], pose[second, :3, 3], share)
    rotation = _orthonormal(torch.lerp(pose[first, :3, :3], pose[second, :3, :3], share[:, :, None]))
    rotation = rotation @ _turns(count, math.radians(config.turn), generator)
    extent = (cameras.origins - cameras.origins.mean(0)).norm(dim=-1).mean()
    moved = (torch.rand(count, 1, generator=generator) * 2.0 - 1.0) * config.reach * extent
    between = torch.eye(4).repeat(count, 1, 1)
    between[:, :3, :3] = rotation
    between[:, :3, 3] = origins + moved * rotation[:, :, 2]
    return replace(cameras[first], world_from_camera=between)


def turned(cameras: Cameras, degrees: float, generator: torch.Generator) -> Cameras:
    """Cameras turned about their own centres by independent angles of up to some degrees around each axis."""
    pose = cameras.world_from_camera.clone()
    turns = _turns(len(cameras), math.radians(degrees), generator).to(pose.device)
    pose[:, :3, :3] = pose[:, :3, :3] @ turns
    return replace(cameras, world_from_camera=pose)


def _neighbours(cameras: Cameras) -> Tensor:
    """For each camera the nearest ones, itself among them: by place and by direction of view."""
    origins, forward = cameras.origins, cameras.world_from_camera[:, :3, 2]
    extent = (origins - origins.mean(0)).norm(dim=-1).mean().clamp_min(1e-9)
    apart = torch.cdist(origins, origins) / extent + torch.cdist(forward, forward)
    return apart.topk(min(_NEIGHBOURS, len(cameras)), largest=False).indices


def _orthonormal(matrices: Float[Tensor, "k 3 3"]) -> Float[Tensor, "k 3 3"]:
    """The nearest rotations to blends of rotations; the last axis, the view, is kept where they degenerate."""
    forward = torch.nn.functional.normalize(matrices[:, :, 2], dim=-1)
    down = matrices[:, :, 1] - (matrices[:, :, 1] * forward).sum(-1, keepdim=True) * forward
    down = torch.nn.functional.normalize(down, dim=-1)
    return torch.stack([torch.linalg.cross(down, forward), down, forward], -1)


def _turns(count: int, most: float, generator: torch.Generator) -> Float[Tensor, "k 3 3"]:
    """Rotations by independent angles up to `most` radians about x, y and z."""
    angle = (torch.rand(count, 3, generator=generator) * 2.0 - 1.0) * most
    skew = torch.zeros(count, 3, 3)
    skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0] = angle.unbind(-1)
    return torch.linalg.matrix_exp(skew - skew.transpose(1, 2))
