"""The shipped body in clothes, shoes and hair, as one body model that can be posed."""

from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import KDTree

from assets.build.anny_source import EYES_START, SKIN_END, AnnyBodies, mask_path
from assets.build.garments import Garment, load_garment
from assets.build.rest_pose import mean_t_pose
from avatars.body import BodyModel

_NEIGHBOURS = 8


class Material(IntEnum):
    """What a face is made of."""

    SKIN = 0
    EYE = 1
    SHIRT = 2
    TROUSERS = 3
    SHOE = 4
    SOCK = 5
    HAIR = 6


@dataclass(frozen=True)
class Figure:
    """A dressed body.

    Attributes:
        model: Skin that no garment hides, eyes and garments; poses like the bare body does.
        material: Material of each face.
        marks: Per vertex, what paints it: the masks of `MARKS`, then how near hair is (1 touching, 0 far), (v, m).
    """

    model: BodyModel
    material: np.ndarray
    marks: np.ndarray


MARKS = ("lips", "inside-mouth", "ears", "eyelids", "fingernails")


def dress(bodies: AnnyBodies, wardrobe: Path, *, suit: str, shoes: str, hair: str) -> Figure:
    """Put clothes of the wardrobe on the shipped body; trousers are the lower of the suit's two pieces."""
    model = BodyModel.load()
    rest, to_t_pose = mean_t_pose(bodies)
    ours = _body_vertices(bodies)
    offset = np.median(model.template.numpy() - to_t_pose(rest, bodies.weights)[ours], axis=0)
    worn = {
        name: load_garment(wardrobe / folder, rest, bodies.weights, to_t_pose)
        for name, folder in (("suit", f"clothes/{suit}"), ("shoes", f"clothes/{shoes}"), ("hair", f"hair/{hair}"))
    }
    hidden = np.zeros(len(rest), dtype=bool)
    for garment in worn.values():
        hidden[garment.hidden[garment.hidden < len(rest)]] = True
    faces = model.faces.numpy()
    eye = (ours >= EYES_START)[faces].all(1)
    bare = ~hidden[ours][faces].all(1)
    pieces = [(faces[bare], np.where(eye[bare], Material.EYE, Material.SKIN))]
    points, start = [], len(ours)
    for name, garment in worn.items():
        points.append(garment.vertices + offset)
        pieces.append((garment.faces + start, _materials(name, garment)))
        start += len(garment.vertices)
    dressed = _bind(model, np.concatenate(points))
    all_faces, material = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    dressed = replace(dressed, faces=torch.from_numpy(all_faces), parts=torch.zeros(len(all_faces), dtype=torch.long))
    hairs = KDTree(worn["hair"].vertices + offset)
    nearness = np.clip(1.0 - (hairs.query(dressed.template.numpy())[0] - 0.004) / 0.012, 0.0, 1.0)
    marks = np.concatenate([_marks(model, len(dressed.template)), nearness[:, None]], 1)
    return Figure(dressed, material, marks.astype(np.float32))


def _body_vertices(bodies: AnnyBodies) -> np.ndarray:
    """The base mesh's index of each vertex of the shipped body."""
    tongue = ((bodies.faces >= SKIN_END) & (bodies.faces < EYES_START)).any(1)
    return np.unique(bodies.faces[~tongue])


def _materials(name: str, garment: Garment) -> np.ndarray:
    if name == "hair":
        return np.full(len(garment.faces), Material.HAIR)
    heights = [garment.vertices[garment.faces[garment.pieces == k], 1].mean() for k in range(garment.pieces.max() + 1)]
    # Trousers lie below shirts, shoes below socks.
    upper, lower = {"suit": (Material.SHIRT, Material.TROUSERS), "shoes": (Material.SOCK, Material.SHOE)}[name]
    middle = 0.5 * (min(heights) + max(heights))
    return np.where(np.array(heights)[garment.pieces] > middle, upper, lower)


def _bind(model: BodyModel, points: np.ndarray) -> BodyModel:
    """The model with more vertices, each of which moves like the skin around it."""
    template = model.template.numpy()
    distance, near = KDTree(template).query(points, k=_NEIGHBOURS)
    share = 1.0 / (distance + 1e-3) ** 2
    share = torch.from_numpy((share / share.sum(1, keepdims=True)).astype(np.float32))
    near = torch.from_numpy(near)
    mixed = {
        "weights": torch.einsum("vi,vij->vj", share, model.weights[near]),
        "shape_dirs": torch.einsum("vi,vidk->vdk", share, model.shape_dirs[near]),
    }
    pose_dirs = torch.einsum("vi,qvid->qvd", share, model.pose_dirs[:, near])
    return replace(
        model,
        template=torch.cat([model.template, torch.from_numpy(points.astype(np.float32))]),
        weights=torch.cat([model.weights, mixed["weights"]]),
        shape_dirs=torch.cat([model.shape_dirs, mixed["shape_dirs"]]),
        pose_dirs=torch.cat([model.pose_dirs, pose_dirs], 1),
        mirror=torch.arange(len(template) + len(points)),
        uv=None,
        uv_faces=None,
    )


def _marks(model: BodyModel, vertices: int) -> np.ndarray:
    """The grey masks of the skin at its vertices; 0 for garments."""
    from PIL import Image

    assert model.uv is not None
    assert model.uv_faces is not None
    uv = np.zeros((len(model.template), 2))
    uv[model.faces.numpy().ravel()] = model.uv.numpy()[model.uv_faces.numpy().ravel()]
    marks = np.zeros((vertices, len(MARKS)))
    for column, name in enumerate(MARKS):
        image = np.asarray(Image.open(mask_path(name)).convert("L")) / 255.0
        height, width = image.shape
        x = (uv[:, 0] * width).astype(int).clip(0, width - 1)
        y = ((1.0 - uv[:, 1]) * height).astype(int).clip(0, height - 1)
        marks[: len(uv), column] = image[y, x]
    return marks
