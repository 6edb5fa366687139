"""What of a fitted body the photo shows: how much of each segment, which vertices lie beyond its borders, in words."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.parts import SEGMENT_NAMES, vertex_segments
from avatars.body_fit.silhouette import Silhouette
from nfield.cameras import Cameras

HIDDEN = 0.25
"""A segment of which the photo shows less than this is called hidden."""

_BESIDE = 0.025  # metres beside the mask: the fit's own error
_PAIRS = ("thigh", "lower leg", "foot", "upper arm", "forearm", "hand")
_PLURALS = {"foot": "feet", "thigh": "thighs"}


def outside_photo(model: BodyModel, pose: BodyPose, camera: Cameras) -> Bool[Tensor, "v"]:
    """Which vertices of a posed body lie beyond the borders of the photo: its frame cuts them off.

    Args:
        model: The body.
        pose: In camera axes.
        camera: The photo's one, at the origin of its own frame.
    """
    vertices = model.pose(pose).vertices
    points, _ = camera.project(vertices, 0)
    limit = points.new_tensor([camera.size[1], camera.size[0]])
    return ~((points >= 0) & (points < limit)).all(-1) | (vertices[:, 2] <= 0)


def shown_segments(model: BodyModel, pose: BodyPose, camera: Cameras, silhouette: Silhouette) -> dict[str, float]:
    """How much of each segment the photo shows, by its name.

    That is, of its surface that faces the camera, the share that projects into photo and mask; whether another limb
    lies before it is left to the landmarks' visibility.

    Args:
        model: The body.
        pose: In camera axes.
        camera: The photo's one, at the origin of its own frame.
        silhouette: The person's mask.
    """
    vertices = model.pose(pose).vertices
    facing = _areas_facing_camera(vertices, model)
    points, _ = camera.project(vertices, 0)
    metres = float(vertices[:, 2].mean()) / float(camera.focal_lengths[0, 0])
    inside = silhouette.signed_distance(points[None])[0] * metres < _BESIDE
    shown = inside & ~outside_photo(model, pose, camera)
    segment = torch.from_numpy(vertex_segments(model.weights.numpy(), model.joint_names))
    totals = torch.zeros(2, len(SEGMENT_NAMES))
    totals.index_add_(1, segment, torch.stack([facing * shown, facing]))
    return dict(zip(SEGMENT_NAMES, (totals[0] / totals[1].clamp_min(1e-9)).tolist(), strict=True))


def in_words(segments: Sequence[str]) -> tuple[str, ...]:
    """Names of segments with both sides in one: "both feet" for "left foot" and "right foot".

    >>> in_words(("hips", "left foot", "right foot", "right hand"))
    ('hips', 'right hand', 'both feet')
    """
    both = [name for name in _PAIRS if f"left {name}" in segments and f"right {name}" in segments]
    single = [name for name in segments if name.removeprefix("left ").removeprefix("right ") not in both]
    return (*single, *(f"both {_PLURALS.get(name, name + 's')}" for name in both))


def _areas_facing_camera(vertices: Float[Tensor, "v 3"], model: BodyModel) -> Float[Tensor, "v"]:
    """Area around each vertex as the camera, at the origin, sees it, up to a factor; 0 where it faces away."""
    corners = vertices[model.faces]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    toward = -(normals * torch.nn.functional.normalize(corners.mean(1), dim=-1)).sum(-1)
    areas = torch.zeros(len(vertices))
    return areas.index_add_(0, model.faces.flatten(), toward.clamp_min(0.0).repeat_interleave(3))
