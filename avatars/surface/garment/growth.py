"""What of a body's growth to the mask was a loose piece's outline, and which vertices a piece hides."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.loose import Loose
from avatars.surface.garment.photographed import Photographed
from avatars.surface.garment.regions import belongs
from avatars.surface.garment.tube import Tube
from avatars.surface.mesh import laplacian, vertex_parts

_ROUNDS = 6
_RIM_ABOVE = 0.08
_RIM_BELOW = 0.14


def outside_growth(seen: Photographed, frame: Frame, top: float) -> Callable[[Tube], Float[np.ndarray, "v"]]:
    """For a tube that begins at a height of its frame: 1 for body vertices outside of it, 0 for those under it."""
    place = frame.to_local(seen.bare().double().numpy())

    def share(tube: Tube) -> Float[np.ndarray, "v"]:
        column = _columns(place, tube)
        above = smooth_step((place[:, 1] - (top - 0.10)) / 0.08)
        past = smooth_step((tube.heights[-1, column] - 0.04 - place[:, 1]) / 0.16)
        return np.maximum(np.maximum(above, past), ~tube.present[-1, column])

    return share


def ungrown(seen: Photographed, fitted: list[tuple[Loose, Tube]]) -> Float[Tensor, "v 3"]:
    """Vertices of the dressed body at rest, metres: not grown to pieces' outlines, and narrow enough for them."""
    bare, share, label = seen.bare(), np.ones(len(seen.rest)), vertex_parts(seen.model).numpy()
    for piece, tube in fitted:
        share = np.minimum(share, np.maximum(piece.own_growth(tube), ~belongs(label, piece.parts)))
    smoothness = laplacian(seen.model.faces, len(share))
    for _ in range(_ROUNDS):
        share = share - 0.6 * (smoothness @ share)
    body = bare + (seen.rest - bare) * torch.from_numpy(share).to(bare)[:, None]
    narrowings = [piece.narrowing for piece, _ in fitted if piece.narrowing is not None]
    return sum((torch.from_numpy(moved).to(body) for moved in narrowings), body)


def hidden(seen: Photographed, fitted: list[tuple[Loose, Tube]]) -> Bool[Tensor, "v"]:
    """Body vertices well inside of pieces that cover what is below; a rim stays at the upper edge and above the hem."""
    label, rest = vertex_parts(seen.model).numpy(), seen.rest.double().numpy()
    inside = np.zeros(len(rest), dtype=bool)
    for piece, tube in fitted:
        if piece.covers:
            place = piece.frame.to_local(rest)
            below = place[:, 1] < piece.top - _RIM_ABOVE
            above = place[:, 1] > tube.heights[-1, _columns(place, tube)] + _RIM_BELOW
            inside |= belongs(label, piece.parts) & below & above
    return torch.from_numpy(inside)


def _columns(place: Float[np.ndarray, "v 3"], tube: Tube) -> Int[np.ndarray, "v"]:
    """The column of a tube at whose azimuth each point of its frame lies."""
    turn = np.arctan2(place[:, 0] - tube.axis[0], place[:, 2] - tube.axis[1])
    count = len(tube.azimuths)
    return np.round((turn + np.pi) / (2.0 * np.pi) * count).astype(np.int64) % count
