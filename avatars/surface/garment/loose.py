"""A loose piece before and after it is fitted: what it goes around, and where its surface is in the photo."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from avatars.surface.garment.cloth import smooth_step
from avatars.surface.garment.frame import Frame
from avatars.surface.garment.outline import Evidence
from avatars.surface.garment.photographed import Photographed, seen_from
from avatars.surface.garment.settle import Cloth, Obstacle, settle
from avatars.surface.garment.shell import edges_of, grid_faces
from avatars.surface.garment.tube import Sections, Tube


@dataclass(frozen=True)
class DrapeConfig:
    """How a loose surface is fitted."""

    rounds: int = 5
    """How often the outline is looked for."""
    clearance: float = 0.006
    """Distance that cloth keeps from the dressed body, metres."""
    thickness: float = 0.008
    """Of cloth that hangs free in two layers, metres, the outer of which keeps as much farther from the body: thinner
    sheets fall between the samples of a ray."""
    tuck: float = 0.008
    """How deep its upper edge lies under the dressed body's surface, metres."""
    blend: float = 0.05
    """Height over which it leaves the body, metres."""
    rounder: float = 0.8
    """Cloth that is this much wider than the body, as a share of the body, is as deep as wide."""
    roundest: float = 1.0
    """Depth over width of free cloth."""
    upright: float = 0.1
    """How much the thickness at one height follows that at others; 1 for a membrane alike in both directions."""
    row: float = 0.012
    """Distance of the rows, metres."""
    level: float = 0.01
    """Weight of a level hem against the outline."""
    uneven: float = 0.12
    """Nothing that is farther from the hem's median height than this is the hem, metres."""


@dataclass(frozen=True)
class Loose:
    """A piece to be fitted.

    Attributes:
        kind: Its name.
        frame: The body part that it goes around; everything below is in its frame.
        top: Height of its upper edge, metres.
        hem: First guess of the height of its lower edge, metres.
        sections: The part of the body that it goes around.
        solid: What of the body it stays outside of.
        evidence: What the photo says of its outline.
        obstacle: The body below it, as the photo shows it.
        weights: Skin weights of points of the T-pose, in the body's own frame.
        presence: Which points of a tube belong to it.
        parts: Parts of the body that it stays outside of.
        own_growth: For a fitted tube, how much of each body vertex's growth is its own and not the piece's outline.
        covers: Whether it goes all the way around what is below it, which then is not seen.
        led: Whether it gives way to the body away from its axis; else wherever the body's surface leads.
        closed_top: Whether it closes above (a hat); else it comes out of the body there.
        narrowing: How far the body's vertices lie under it from where they were found, metres at rest; None: nowhere.
    """

    kind: str
    frame: Frame
    top: float
    hem: float
    sections: Sections
    solid: Sections
    evidence: Evidence
    obstacle: Obstacle
    weights: Callable[[Float[np.ndarray, "m n 3"]], Float[np.ndarray, "m n j"]]
    presence: Callable[[Tube], Bool[np.ndarray, "m n"]]
    parts: tuple[str, ...]
    own_growth: Callable[[Tube], Float[np.ndarray, "v"]]
    covers: bool
    led: bool = True
    closed_top: bool = False
    narrowing: Float[np.ndarray, "v 3"] | None = None


def carried(seen: Photographed, piece: Loose, tube: Tube, config: DrapeConfig) -> Float[np.ndarray, "m n 3"]:
    """A tube's points as the photo shows them, clear of the body."""
    points = piece.frame.to_rest(tube.points())
    joints = seen.body.joints_from_rest.double().numpy()
    affine = np.einsum("mnj,jab->mnab", piece.weights(points), joints)
    posed = (affine[..., :3] @ points[..., None])[..., 0] + affine[..., 3]
    outward = (affine[..., :3] @ piece.frame.to_rest(tube.outward())[..., None])[..., 0]
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    clear = clearances(tube, config).reshape(-1)
    edges = edges_of(grid_faces(tube.present))
    cloth = Cloth.of(points.reshape(-1, 3), edges, clearance=clear, fastened=clear < 0.0)
    places = settle(posed.reshape(-1, 3), outward.reshape(-1, 3) * piece.led, cloth=cloth, obstacle=piece.obstacle)
    return places.reshape(points.shape)


def clearances(tube: Tube, config: DrapeConfig) -> Float[np.ndarray, "m n"]:
    """Distance to keep from the body, metres: tucked in at the top, clear of it farther down."""
    out = smooth_step((tube.heights[:1] - tube.heights) / config.blend)
    return -config.tuck + out * (config.tuck + config.clearance)


def tube_cover(seen: Photographed, tube: Tube, rings: Float[np.ndarray, "m n 3"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of a tube's surface."""
    vertices = torch.from_numpy(rings.reshape(-1, 3)).float()
    faces = torch.from_numpy(grid_faces(tube.present))
    return (seen_from(seen.camera, vertices, faces).face >= 0).numpy()


def everywhere(tube: Tube) -> Bool[np.ndarray, "m n"]:
    """The presence of a piece without openings."""
    return np.ones(tube.radii.shape, dtype=bool)
