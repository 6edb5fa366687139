"""Outfits from a folder of MakeHuman garments: `clothes/` (suits and shoes) and `hair/`, one folder a garment."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from avatars.body import BodyModel
from avatars.people.cloth_paint import ClothPaint, Grain, ShoePaint
from avatars.people.figure import BaseMesh, Figure, Surface, eyes_of, hair_nearness, skin_marks, with_mesh
from avatars.people.skin_paint import EyePaint, HairPaint, SkinPaint
from avatars.people.wardrobe import WardrobePiece, read_garment

_NEIGHBOURS = 8
_LEG_WIDTH = 0.03
"""Trousers within this distance hide a sock, metres."""

_KNIT = ClothPaint((0.30, 0.30, 0.31), grains=(Grain(0.003, 0.1, 61),), gloss=0.0)


@dataclass(frozen=True)
class WardrobeOutfit:
    """A suit, shoes and hair of a wardrobe, painted.

    Attributes:
        folder: The wardrobe.
        suit: Name of the suit: its lower piece is painted as bottom, the upper as top.
        shoes: Name of the shoes: their upper piece, where there are two, are socks.
        hair: Name of the hair.
        top: Paint of the suit's upper piece.
        bottom: Paint of its lower piece.
        shoe: Paint of the shoes.
        head: Paints of skin, eyes and hair.
    """

    folder: Path
    suit: str
    shoes: str
    hair: str
    top: ClothPaint
    bottom: ClothPaint
    shoe: ShoePaint
    head: tuple[SkinPaint, EyePaint, HairPaint]

    def figure(self, model: BodyModel) -> Figure:
        """The shipped body, dressed.

        Raises:
            DataError: Where a garment cannot be read.
        """
        suit, shoes = (
            read_garment(self.folder / "clothes" / self.suit),
            read_garment(self.folder / "clothes" / self.shoes),
        )
        hair = read_garment(self.folder / "hair" / self.hair)
        skin, eye, strands = self.head
        surfaces = (
            Surface("skin", skin),
            Surface("skin", eye),
            Surface("top", self.top),
            Surface("bottom", self.bottom),
            Surface("shoes", replace(self.shoe, ground=float(shoes.vertices[:, 1].min()))),
            Surface("shoes", _KNIT),
            Surface("hair", strands),
        )
        suit_levels, shoe_levels = _levels(suit, 2, 3), _levels(shoes, 5, 4)
        shown = (shoe_levels == 4) | ~_under(shoes, suit.vertices[np.unique(suit.faces[suit_levels == 3])])
        shoes = replace(shoes, faces=shoes.faces[shown], pieces=shoes.pieces[shown])
        worn = ((suit, suit_levels), (shoes, shoe_levels[shown]), (hair, np.full(len(hair.faces), 6)))
        return _dressed(model, worn, surfaces, hair)


def _levels(piece: WardrobePiece, upper: int, lower: int) -> Int[np.ndarray, "t"]:
    """The material of each face: `lower` for the garment's connected pieces whose mean lies in its lower half."""
    count = piece.pieces.max() + 1
    heights = np.array([piece.vertices[piece.faces[piece.pieces == k], 1].mean() for k in range(count)])
    return np.where(heights[piece.pieces] > 0.5 * (heights.min() + heights.max()), upper, lower)


def _under(socks: WardrobePiece, trousers: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, "t"]:
    """Faces that lie next to trousers: socks there would come through them."""
    near = KDTree(trousers).query(socks.vertices)[0] < _LEG_WIDTH
    return near[socks.faces].any(1)


def _dressed(
    model: BodyModel,
    worn: tuple[tuple[WardrobePiece, Int[np.ndarray, "_"]], ...],
    surfaces: tuple[Surface, ...],
    hair: WardrobePiece,
) -> Figure:
    """The body in garments, each with the material of its faces; skin that they hide is left out."""
    base = BaseMesh.load()
    hidden = np.zeros(len(base.rest), dtype=bool)
    for piece, _ in worn:
        hidden[piece.hidden] = True
    faces = model.faces.numpy()
    bare = ~hidden[base.body][faces].all(1)
    pieces = [(faces[bare], np.where(base.eye[faces[bare][:, 0]], 1, 0))]
    start = len(model.template)
    for piece, material in worn:
        pieces.append((piece.faces + start, material))
        start += len(piece.vertices)
    all_faces, material = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    dressed = _bind(model, np.concatenate([piece.vertices for piece, _ in worn]), all_faces)
    nearness = hair_nearness(dressed.template.numpy(), hair.vertices)
    marks = skin_marks(len(dressed.template), nearness)
    return Figure(dressed, surfaces, material, marks, eyes_of(model))


def _bind(model: BodyModel, points: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "t 3"]) -> BodyModel:
    """The model with other faces and more vertices, each of which moves like the skin around it."""
    distance, near = KDTree(model.template.numpy()).query(points, k=_NEIGHBOURS)
    share = 1.0 / (distance + 1e-3) ** 2
    share = torch.from_numpy((share / share.sum(1, keepdims=True)).astype(np.float32))
    near = torch.from_numpy(near)
    pose_dirs = torch.einsum("vi,qvid->qvd", share, model.pose_dirs[:, near])
    return with_mesh(
        model,
        template=torch.cat([model.template, torch.from_numpy(points.astype(np.float32))]),
        weights=torch.cat([model.weights, torch.einsum("vi,vij->vj", share, model.weights[near])]),
        shape_dirs=torch.cat([model.shape_dirs, torch.einsum("vi,vidk->vdk", share, model.shape_dirs[near])]),
        pose_dirs=torch.cat([model.pose_dirs, pose_dirs], 1),
        faces=faces,
    )
