"""What a tailor delivers, and the figure that wears it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from avatars.body import BodyModel
from avatars.people.figure import BaseMesh, Figure, Surface, eyes_of, hair_nearness, skin_marks, with_mesh
from avatars.people.sheet import Sheet, cut, join
from avatars.people.skin_paint import EyePaint, SkinPaint

_TUCK = 0.006
"""Metres by which skin goes on under a garment."""

_OVERLAP = 0.018
"""Metres by which a garment goes on under one that is worn over it."""


@dataclass(frozen=True)
class Sewn:
    """A garment that is made.

    Attributes:
        sheet: Its surface, closed.
        covers: For each vertex of the body, how far inside the garment it is, metres along the skin; negative outside.
    """

    sheet: Sheet
    covers: Float[np.ndarray, "v"]


@runtime_checkable
class Cut(Protocol):
    """How a garment is made for the body."""

    def sew(self, model: BodyModel) -> Sewn:
        """The garment on the shipped body at rest."""
        ...


@dataclass(frozen=True)
class Garment:
    """Something to wear.

    Attributes:
        cut: How it is made.
        surface: What it is and how it is painted.
    """

    cut: Cut
    surface: Surface


def wear(model: BodyModel, garments: tuple[Garment, ...], *, skin: SkinPaint, eye: EyePaint) -> Figure:
    """The shipped body in garments, the innermost first.

    What a garment hides is left out, so that nothing can come through it in any pose; garments are closed, so that
    nobody can look into a body without skin.
    """
    bare = Sheet.of_body(model)
    eyeball = BaseMesh.load().eye[bare.faces[:, 0]]
    sewn = [garment.cut.sew(model) for garment in garments]
    hidden = np.max([np.full(len(bare.points), -1.0), *(made.covers for made in sewn)], axis=0) - _TUCK
    flesh = _outside(bare.part(~eyeball), hidden)
    pieces = [(flesh, Surface("skin", skin)), (bare.part(eyeball), Surface("skin", eye))]
    for place, garment in enumerate(garments):
        sheet = sewn[place].sheet
        for upper in sewn[place + 1 :]:
            sheet = _outside(sheet, upper.covers - _OVERLAP)
        pieces.append((sheet, garment.surface))
    whole = join([sheet for sheet, _ in pieces])
    material = np.repeat(np.arange(len(pieces)), [len(sheet.faces) for sheet, _ in pieces])
    hairs = [sheet.points for sheet, surface in pieces if surface.label == "hair"]
    nearness = hair_nearness(whole.points, np.concatenate([np.zeros((0, 3)), *hairs]))
    marks = whole.binding @ skin_marks(len(bare.points), np.zeros(len(bare.points)))
    marks[:, -1] = nearness
    return Figure(
        bound(model, whole),
        tuple(surface for _, surface in pieces),
        material,
        marks.astype(np.float32),
        eyes_of(model),
    )


def bound(model: BodyModel, sheet: Sheet) -> BodyModel:
    """The body model of a sheet: poses and grows as the body vertices do that its points hang on."""
    binding, fade = sheet.binding, 1.0 - sheet.own
    shapes = binding @ model.shape_dirs.numpy().reshape(len(model.template), -1)
    bends = binding @ model.pose_dirs.numpy().transpose(1, 0, 2).reshape(len(model.template), -1)
    bends = (bends * fade[:, None]).reshape(len(sheet.points), -1, 3).transpose(1, 0, 2)
    return with_mesh(
        model,
        template=torch.from_numpy(sheet.points.astype(np.float32)),
        weights=torch.from_numpy(sheet.skin_weights(model).astype(np.float32)),
        shape_dirs=torch.from_numpy(shapes.reshape(len(sheet.points), 3, -1).astype(np.float32)),
        pose_dirs=torch.from_numpy(np.ascontiguousarray(bends, dtype=np.float32)),
        faces=sheet.faces,
    )


def _outside(sheet: Sheet, covers: Float[np.ndarray, "v"]) -> Sheet:
    """The part of a sheet where `covers`, given at body vertices, is negative."""
    parted, carry = cut(sheet, sheet.binding @ covers)
    depth = carry @ (sheet.binding @ covers)
    return parted.part(depth[parted.faces].mean(1) <= 0)
