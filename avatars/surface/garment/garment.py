"""What a person wears that the grown body cannot follow: skirts, coats, long hair, hats."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from avatars.body import Body, BodyModel
from avatars.body.parts import PART_NAMES
from avatars.dress import laplacian, vertex_parts
from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.cloth_piece import TRUNK, cloth_piece
from avatars.surface.garment.drape import DrapeConfig, Loose, clearances, drape
from avatars.surface.garment.excess import Excess, ExcessConfig, cloth_kind, find_excess, trouser_legs
from avatars.surface.garment import hair
from avatars.surface.garment.limb import limb_piece
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.shell import grid_faces, two_layers, with_floor
from avatars.surface.garment.tube import Tube
from nfield.cameras import Cameras

_THICKNESS = 0.006
_FREE = -1.0
_RIM_ABOVE = 0.08
_RIM_BELOW = 0.14


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
        body: Vertices of the dressed body at rest, metres, which under the garment has not grown to the photo's outline.
        covered: Body vertices under it that are left out of the dressed surface, whatever the pose.
        piece: Which of `kinds` each vertex belongs to.
        kinds: "hull" (around both legs), "sheet" (open in front), "hair", "leg", "sleeve".
        solid: For each of `kinds`, the parts of the body that it gives way to.
    """

    rest: Float[Tensor, "g 3"]
    faces: Int[Tensor, "t 3"]
    weights: Float[Tensor, "g 24"]
    outward: Float[Tensor, "g 3"]
    clearance: Float[Tensor, "g"]
    fastened: Bool[Tensor, "g"]
    outer: Int[Tensor, "g"]
    body: Float[Tensor, "v 3"]
    covered: Bool[Tensor, "v"]
    piece: Int[Tensor, "g"]
    kinds: tuple[str, ...]
    solid: tuple[tuple[str, ...], ...]


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
    excess = find_excess(seen, ExcessConfig())
    pieces = _pieces(seen, excess)
    fitted = [(piece, drape(seen, piece, config)) for piece in pieces]
    return _joined(seen, fitted, config) if fitted else None


def _pieces(seen: Photographed, excess: Excess) -> list[Loose]:
    """What is to be fitted."""
    pieces: list[Loose | None] = []
    limbs = [("arm", excess.sleeves)]
    kind = cloth_kind(seen, excess) if excess.cloth.any() else "none"
    if kind == "legs":
        limbs.append(("leg", trouser_legs(seen, excess)))
    elif kind != "none":
        pieces.append(cloth_piece(seen, excess, around=kind == "hull"))
    if excess.hair.any():
        pieces.append(hair.hair_piece(seen, excess))
    for limb, sides in limbs:
        for side, loose in zip(("left", "right"), sides, strict=True):
            if loose.any():
                pieces.append(limb_piece(seen, loose, side=side, limb=limb, pixel=excess.pixel))
    return [piece for piece in pieces if piece is not None]


@dataclass(frozen=True)
class _Mesh:
    """One piece; the attributes are those of a garment."""

    rest: Float[np.ndarray, "g 3"]
    faces: Int[np.ndarray, "t 3"]
    weights: Float[np.ndarray, "g 24"]
    outward: Float[np.ndarray, "g 3"]
    clearance: Float[np.ndarray, "g"]
    outer: Int[np.ndarray, "g"]


def _joined(seen: Photographed, pieces: list[tuple[Loose, Tube]], config: DrapeConfig) -> Garment:
    """The garment of fitted pieces."""
    parts = [(_hull if piece.covers else _sheet)(piece, tube, config) for piece, tube in pieces]
    offsets = np.cumsum([0] + [len(part.rest) for part in parts])
    covered = np.zeros(len(seen.rest), dtype=bool)
    for piece, tube in pieces:
        if piece.covers:
            covered |= _under(seen, piece, tube)
    clearance = _stacked([part.clearance for part in parts])
    return Garment(
        rest=_stacked([part.rest for part in parts]),
        faces=torch.cat([torch.from_numpy(part.faces) + int(k) for part, k in zip(parts, offsets, strict=False)]),
        weights=_stacked([part.weights for part in parts]),
        outward=_stacked([part.outward for part in parts]),
        clearance=clearance,
        fastened=(clearance < 0.0) & (clearance > _FREE),
        outer=torch.from_numpy(
            np.concatenate([np.where(p.outer < 0, -1, p.outer + k) for p, k in zip(parts, offsets, strict=False)])
        ),
        body=_ungrown(seen, pieces),
        covered=torch.from_numpy(covered),
        piece=torch.from_numpy(np.repeat(np.arange(len(parts)), np.diff(offsets))),
        kinds=tuple(piece.kind for piece, _ in pieces),
        solid=tuple(piece.parts for piece, _ in pieces),
    )


def _stacked(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays)).float()


def _hull(piece: Loose, tube: Tube, config: DrapeConfig) -> _Mesh:
    """One layer with a floor above the hem."""
    floor, faces = with_floor(tube.points())
    floor, grid, outward = (piece.frame.to_rest(points) for points in (floor, tube.points(), tube.outward()))
    rings = (len(floor) - 1) // grid.shape[1]
    return _Mesh(
        rest=np.concatenate([grid.reshape(-1, 3), floor]),
        faces=faces,
        weights=np.concatenate([piece.weights(grid).reshape(-1, 24), piece.weights(floor[:, None])[:, 0]]),
        outward=np.concatenate([outward.reshape(-1, 3), np.tile(outward[-1], (rings, 1)), outward[-1, :1]]),
        clearance=np.concatenate([clearances(tube, config).reshape(-1), np.full(len(floor), _FREE)]),
        outer=np.full(grid.shape[0] * grid.shape[1] + len(floor), -1),
    )


def _sheet(piece: Loose, tube: Tube, config: DrapeConfig) -> _Mesh:
    """Two layers, without the grid points that no face uses."""
    grid, outward = (piece.frame.to_rest(points) for points in (tube.points(), tube.outward()))
    count = grid.shape[0] * grid.shape[1]
    faces = two_layers(grid_faces(tube.present), count)
    used, numbered = np.unique(faces, return_inverse=True)
    place = np.full(2 * count, -1)
    place[used] = np.arange(len(used))
    both = np.concatenate([grid.reshape(-1, 3), (grid - _THICKNESS * outward).reshape(-1, 3)])
    clear = clearances(tube, config).reshape(-1)
    clear = np.where(clear < 0.0, clear, clear + _THICKNESS)
    return _Mesh(
        rest=both[used],
        faces=numbered.reshape(faces.shape),
        weights=np.tile(piece.weights(grid).reshape(-1, 24), (2, 1))[used],
        outward=np.tile(outward.reshape(-1, 3), (2, 1))[used] * (piece.kind != "hair"),
        clearance=np.tile(clear, 2)[used],
        outer=np.where(used < count, -1, place[used - count]),
    )


def _ungrown(seen: Photographed, meshes: list[tuple[Loose, Tube]]) -> Float[Tensor, "v 3"]:
    """The dressed body without what grew to the outline of a garment, smoothly."""
    bare, share = seen.bare(), np.ones(len(seen.rest))
    for piece, tube in meshes:
        own = _own_share(seen, piece, tube, bare)
        share = np.minimum(share, np.maximum(own, ~_of(seen, piece.parts)))
    smoothness = laplacian(seen.model.faces, len(share))
    for _ in range(6):
        share = share - 0.6 * (smoothness @ share)
    return bare + (seen.rest - bare) * torch.from_numpy(share).to(bare)[:, None]


def _own_share(
    seen: Photographed, piece: Loose, tube: Tube, bare: Float[Tensor, "v 3"]
) -> Float[np.ndarray, "v"]:
    """How much of each vertex's growth is the body's own and not the outline of a piece."""
    if piece.kind == "hair":
        return hair.grown_share(bare, piece.top, float(seen.joints[[16, 17], 1].mean())).double().numpy()
    place = piece.frame.to_local(bare.double().numpy())
    height, column = place[:, 1], _columns(place, piece, tube)
    above = smooth_step((height - (piece.top - 0.10)) / 0.08)
    past = smooth_step((tube.heights[-1, column] - 0.04 - height) / 0.16)
    return np.maximum(np.maximum(above, past), ~tube.present[-1, column])


def _of(seen: Photographed, parts: tuple[str, ...]) -> Bool[np.ndarray, "v"]:
    return np.isin(vertex_parts(seen.model).numpy(), [PART_NAMES.index(name) for name in parts])


def _columns(rest: Float[np.ndarray, "v 3"], piece: Loose, tube: Tube) -> Int[np.ndarray, "v"]:
    """The column of a tube at whose azimuth each vertex, in the tube's frame, lies."""
    across, forward = rest[:, 0] - piece.frame.axis[0], rest[:, 2] - piece.frame.axis[1]
    count = len(tube.azimuths)
    return np.round((np.arctan2(across, forward) + np.pi) / (2.0 * np.pi) * count).astype(np.int64) % count


def _under(seen: Photographed, piece: Loose, tube: Tube) -> Bool[np.ndarray, "v"]:
    """Vertices well inside a tube: a rim stays at its upper edge and above its hem."""
    place = piece.frame.to_local(seen.rest.double().numpy())
    hem = tube.heights[-1, _columns(place, piece, tube)]
    return _of(seen, piece.parts) & (place[:, 1] < piece.top - _RIM_ABOVE) & (place[:, 1] > hem + _RIM_BELOW)
