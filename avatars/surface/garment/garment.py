"""What a person wears that the grown body cannot follow: skirts, coats, long hair, hats."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.surface.garment.cloth_piece import cloth_piece
from avatars.surface.garment.drape import drape
from avatars.surface.garment.excess import Excess, find_excess, trouser_legs
from avatars.surface.garment.growth import hidden, ungrown
from avatars.surface.garment.hair import hair_piece
from avatars.surface.garment.limb import limb_piece
from avatars.surface.garment.loose import DrapeConfig, Loose, carried, tube_cover
from avatars.surface.garment.mesh import FREE, hull_mesh, sheet_mesh
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.tube import Tube
from avatars.surface.garment.wrapping import Wrapping, wrapping
from nfield.cameras import Cameras


@dataclass(frozen=True)
class Garment:
    """A loose surface in the T-pose.

    Attributes:
        rest: Vertices, metres.
        faces: Corners, counter-clockwise from outside.
        weights: Skin weights; rows sum to 1.
        outward: Unit directions at rest in which vertices give way to the body; 0 where they give way any way.
        clearance: Distance that each keeps from the dressed body, metres; negative where it may lie under its surface.
        fastened: Vertices that lie under the body's surface and go with it.
        outer: For vertices of an inner layer, the vertex of the outer layer that they lie behind; else -1.
        body: Vertices of the dressed body at rest, metres; under the garment it has not grown to the photo's outline.
        covered: Body vertices under it that are left out of the dressed surface, whatever the pose.
        piece: Which of `kinds` each vertex belongs to.
        kinds: "hull" (around both legs), "sheet" (open in front), "hair", "leg", "sleeve".
        solid: For each of `kinds`, the parts of the body that it gives way to.
    """

    rest: Float[Tensor, "g 3"]
    faces: Int[Tensor, "t 3"]
    weights: Float[Tensor, "g j"]
    outward: Float[Tensor, "g 3"]
    clearance: Float[Tensor, "g"]
    fastened: Bool[Tensor, "g"]
    outer: Int[Tensor, "g"]
    body: Float[Tensor, "v 3"]
    covered: Bool[Tensor, "v"]
    piece: Int[Tensor, "g"]
    kinds: tuple[str, ...]
    solid: tuple[tuple[str, ...], ...]

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by the names of the attributes."""
        return {name: value for name, value in vars(self).items() if torch.is_tensor(value)}


def make_garment(
    model: BodyModel,
    body: Body,
    *,
    rest: Float[Tensor, "v 3"],
    camera: Cameras,
    photo: UInt8[Tensor, "h w 3"],
    mask: Bool[Tensor, "h w"],
    config: DrapeConfig | None = None,
) -> Garment | None:
    """The loose clothes and hair of a photo, or None where the dressed body explains the mask.

    Args:
        model: The body's constants.
        body: As the photo shows it.
        rest: The dressed body in the T-pose, metres.
        camera: The photo's one camera.
        photo: sRGB.
        mask: The person.
        config: Options.
    """
    config = config or DrapeConfig()
    seen = Photographed.of(model, body, rest=rest, camera=camera, photo=photo, mask=mask)
    excess = find_excess(seen)
    pieces = _pieces(seen, excess)
    fitted = [(piece, drape(seen, piece, config)) for piece in pieces]
    fitted = [(piece, tube) for piece, tube in fitted if _explains(seen, piece, tube, config)]
    return _joined(seen, fitted, config) if fitted else None


def _pieces(seen: Photographed, excess: Excess) -> list[Loose]:
    """What is to be fitted."""
    pieces: list[Loose | None] = []
    limbs = [("arm", excess.sleeves)]
    if excess.cloth.any():
        lies = wrapping(seen, excess)
        if lies is Wrapping.LEGS:
            limbs.append(("leg", trouser_legs(seen, excess)))
        elif lies is not Wrapping.CARRIED:
            pieces.append(cloth_piece(seen, excess, around=lies is Wrapping.HULL))
    if excess.hair.any():
        pieces.append(hair_piece(seen, excess))
    for limb, sides in limbs:
        for side, loose in zip(("left", "right"), sides, strict=True):
            if loose.any():
                pieces.append(limb_piece(seen, loose, side=side, limb=limb, pixel=excess.pixel))
    return [piece for piece in pieces if piece is not None]


def _explains(seen: Photographed, piece: Loose, tube: Tube, config: DrapeConfig) -> bool:
    """Whether the mask is met better by a fitted piece over the body than by the body that grew to its outline."""
    cover = tube_cover(seen, tube, carried(seen, piece, tube, config))
    below = seen.wearing(ungrown(seen, [(piece, tube)])).part > 0
    return _overlap(below | cover, seen.mask) > _overlap(seen.part > 0, seen.mask)


def _overlap(first: Bool[np.ndarray, "h w"], second: Bool[np.ndarray, "h w"]) -> float:
    return float((first & second).sum() / max(1, (first | second).sum()))


def _joined(seen: Photographed, pieces: list[tuple[Loose, Tube]], config: DrapeConfig) -> Garment:
    """The garment of fitted pieces."""
    parts = [(hull_mesh if piece.covers else sheet_mesh)(piece, tube, config) for piece, tube in pieces]
    offsets = np.cumsum([0] + [len(part.rest) for part in parts])
    clearance = _stacked([part.clearance for part in parts])
    return Garment(
        rest=_stacked([part.rest for part in parts]),
        faces=torch.cat([torch.from_numpy(part.faces) + int(k) for part, k in zip(parts, offsets, strict=False)]),
        weights=_stacked([part.weights for part in parts]),
        outward=_stacked([part.outward for part in parts]),
        clearance=clearance,
        fastened=(clearance < 0.0) & (clearance > FREE),
        outer=torch.from_numpy(
            np.concatenate([np.where(p.outer < 0, -1, p.outer + k) for p, k in zip(parts, offsets, strict=False)])
        ),
        body=ungrown(seen, pieces),
        covered=hidden(seen, pieces),
        piece=torch.from_numpy(np.repeat(np.arange(len(parts)), np.diff(offsets))),
        kinds=tuple(piece.kind for piece, _ in pieces),
        solid=tuple(piece.parts for piece, _ in pieces),
    )


def _stacked(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays)).float()
