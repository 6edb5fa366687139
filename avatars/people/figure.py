"""A dressed body: one body model of skin and garments that can be posed, and what each of its faces is made of."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

import assets
from avatars.body import BodyModel
from avatars.people.finish import MARKS, Eyes, Paint

_HAIR_TOUCHES, _HAIR_FADES = 0.004, 0.012
"""Metres from a hair within which the scalp is covered, and over which that fades."""


@dataclass(frozen=True)
class Surface:
    """A kind of surface.

    Attributes:
        label: What it is, one of `avatars.people.labels.LABELS`.
        paint: Its colours.
    """

    label: str
    paint: Paint


@dataclass(frozen=True)
class Figure:
    """A dressed body.

    Attributes:
        model: Skin that no garment hides, eyes and garments; poses like the bare body does.
        surfaces: What there is to be seen.
        material: For each face, which of `surfaces` it is.
        marks: Per vertex, what paints it: the masks of `MARKS`, then how near hair is (1 touching, 0 far).
        eyes: Where the eyes are.
    """

    model: BodyModel
    surfaces: tuple[Surface, ...]
    material: Int[np.ndarray, "t"]
    marks: Float[np.ndarray, "v m"]
    eyes: Eyes


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh, on which the shipped body and the garments of MakeHuman hang (assets/people/README.md).

    Attributes:
        rest: Vertices of the mean body in the pose that garments are bound in, metres.
        posed: The same vertices in the shipped body's rest pose, metres.
        turned: Linear part of the map from `rest` to `posed` around each vertex.
        body: The base vertex of each vertex of the shipped body.
        eye: Which vertices of the shipped body are eyeballs.
        marks: Masks of the skin, in the order of `MARKS`, 0 to 255.
    """

    rest: Float[np.ndarray, "b 3"]
    posed: Float[np.ndarray, "b 3"]
    turned: Float[np.ndarray, "b 3 3"]
    body: Int[np.ndarray, "v"]
    eye: Bool[np.ndarray, "v"]
    marks: UInt8[np.ndarray, "v 5"]

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> "BaseMesh":
        """The shipped file."""
        with np.load(assets.path("people/base_mesh.npz")) as file:
            arrays = {name: file[name] for name in file.files}
        return BaseMesh(**{**arrays, "turned": arrays["turned"].astype(np.float32)})


def skin_marks(vertices: int, nearness: Float[np.ndarray, "v"]) -> Float[np.ndarray, "v m"]:
    """Marks of a figure whose first vertices are the shipped body's; garments have none but the nearness of hair."""
    own = BaseMesh.load().marks / 255.0
    marks = np.zeros((vertices, len(MARKS)))
    marks[: len(own)] = own
    return np.concatenate([marks, nearness[:, None]], 1).astype(np.float32)


def hair_nearness(points: Float[np.ndarray, "v 3"], hairs: Float[np.ndarray, "h 3"]) -> Float[np.ndarray, "v"]:
    """1 where points touch a hair, 0 far from all; rest pose, metres."""
    from scipy.spatial import KDTree

    if not len(hairs):
        return np.zeros(len(points))
    return np.clip(1.0 - (KDTree(hairs).query(points)[0] - _HAIR_TOUCHES) / _HAIR_FADES, 0.0, 1.0)


def eyes_of(model: BodyModel) -> Eyes:
    """Where the eyeballs of the shipped body are at rest."""
    points = model.template.numpy().astype(np.float64)[BaseMesh.load().eye]
    sides = (points[points[:, 0] > 0], points[points[:, 0] < 0])
    centers = np.stack([0.5 * (side.min(0) + side.max(0)) for side in sides])
    return Eyes(centers, 0.5 * float(np.ptp(sides[0], axis=0)[:2].mean()))


def with_mesh(
    model: BodyModel,
    *,
    template: Float[Tensor, "n 3"],
    weights: Float[Tensor, "n 24"],
    shape_dirs: Float[Tensor, "n 3 k"],
    pose_dirs: Float[Tensor, "207 n 3"],
    faces: Int[np.ndarray, "f 3"],
) -> BodyModel:
    """The skeleton of a model with another mesh, which has no parts, no texture and no landmarks; see `BodyModel`."""
    return replace(
        model,
        template=template,
        weights=weights,
        shape_dirs=shape_dirs,
        pose_dirs=pose_dirs,
        faces=torch.from_numpy(np.ascontiguousarray(faces)).long(),
        parts=torch.zeros(len(faces), dtype=torch.long),
        mirror=torch.arange(len(template)),
        uv=None,
        uv_faces=None,
        landmarks={},
    )
