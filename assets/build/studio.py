"""A photo studio: a figure before a seamless backdrop, a soft key light, a pinhole camera at the origin."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from assets.build.figure import Figure, Material
from assets.build.materials import FINISHES, Eyes
from assets.build.noise import noise, smoothstep
from avatars.body import BodyPose
from nfield.kernels.rasterize import Raster, rasterize

OVERSAMPLING = 3
KEY, SKY = 1.75, np.array([0.62, 0.66, 0.74])
KEY_TINT = np.array([1.0, 0.96, 0.90])
GROUND = np.array([0.34, 0.30, 0.27])


@dataclass(frozen=True)
class Studio:
    """Where things stand, in the camera's OpenCV frame, metres.

    Attributes:
        floor: Height of the floor below the camera.
        wall: Distance of the backdrop.
        light: Position of the key light.
        focal: Pixels.
        size: Edge of the square image, pixels.
    """

    floor: float
    wall: float
    light: np.ndarray
    focal: float
    size: int

    def matrix(self, scale: int) -> torch.Tensor:
        """Intrinsics of an image that is `scale` times as large."""
        focal, center = self.focal * scale, 0.5 * self.size * scale
        return torch.tensor([[focal, 0.0, center], [0.0, focal, center], [0.0, 0.0, 1.0]])


def photograph(figure: Figure, pose: BodyPose, studio: Studio, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The photo (size, size, 3), sRGB in [0, 1], and the exact soft mask (size, size) of the figure."""
    body = figure.model.pose(pose)
    vertices, faces = body.vertices, figure.model.faces
    edge = studio.size * OVERSAMPLING
    raster = rasterize(vertices, faces, studio.matrix(OVERSAMPLING), (edge, edge))
    image = _backdrop(studio, vertices.numpy())
    inside = raster.face.numpy() >= 0
    image[inside] = _shade(figure, vertices, raster, studio)
    image = _shrink(image)
    mask = _shrink(inside[..., None].astype(np.float64))[..., 0]
    image = gaussian_filter(image, (0.45, 0.45, 0.0))
    grain = np.random.default_rng(seed).normal(0.0, 0.006, image.shape[:2])[..., None]
    return np.clip(_srgb(image) + grain, 0.0, 1.0), mask


def _srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0.0, None)
    bright = linear / (1.0 + 0.12 * linear)  # A soft shoulder instead of clipped highlights.
    return np.where(bright < 0.0031308, 12.92 * bright, 1.055 * np.maximum(bright, 1e-6) ** (1 / 2.4) - 0.055)


def _shrink(image: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    n = OVERSAMPLING
    return image.reshape(height // n, n, width // n, n, channels).mean((1, 3))


def _normals(vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(0, faces[:, corner], across)
    return torch.nn.functional.normalize(total, dim=-1)


def _shade(figure: Figure, vertices: torch.Tensor, raster: Raster, studio: Studio) -> np.ndarray:
    """Linear colour of the pixels that see the figure."""
    faces, template = figure.model.faces, figure.model.template
    inside = raster.face >= 0
    attributes = torch.cat([template, vertices, _normals(vertices, faces), torch.from_numpy(figure.marks)], 1)
    seen = raster.interpolate(attributes, faces)[inside].double().numpy()
    rest, place, normal, marks = seen[:, :3], seen[:, 3:6], seen[:, 6:9], seen[:, 9:]
    material = figure.material[raster.face[inside].numpy()]
    eyes = _eyes(figure)
    view = -place / np.linalg.norm(place, axis=1, keepdims=True)
    normal *= np.sign((normal * view).sum(1, keepdims=True) + 1e-9)
    albedo, gloss, sharpness = np.zeros_like(rest), np.zeros(len(rest)), np.ones(len(rest))
    for kind in Material:
        mine = material == kind
        finish = FINISHES[kind](rest[mine], marks[mine], eyes)
        albedo[mine], gloss[mine], sharpness[mine] = finish.albedo, finish.gloss, finish.sharpness
        normal[mine] += finish.bump
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    to_light = studio.light - place
    to_light /= np.linalg.norm(to_light, axis=1, keepdims=True)
    soft = np.clip(((normal * to_light).sum(1) + 0.25) / 1.25, 0.0, 1.0)
    open_sky = _openness(raster, studio)
    lit = _lit(vertices, faces, place + 0.004 * normal, studio)
    halfway = to_light + view
    halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
    highlight = gloss * np.clip((normal * halfway).sum(1), 0.0, 1.0) ** sharpness
    upward = 0.5 - 0.5 * normal[:, 1]
    ambient = (SKY * upward[:, None] + GROUND * (1.0 - upward[:, None])) * open_sky[:, None]
    direct = KEY * KEY_TINT * (soft * (0.25 + 0.75 * lit))[:, None]
    return albedo * (ambient + direct) * 0.62 + (highlight * lit)[:, None] * 0.8


def _eyes(figure: Figure) -> Eyes:
    points = figure.model.template.numpy()[figure.model.faces.numpy()[figure.material == Material.EYE].ravel()]
    centers = np.stack(
        [0.5 * (side.min(0) + side.max(0)) for side in (points[points[:, 0] > 0], points[points[:, 0] < 0])]
    )
    return Eyes(centers, 0.5 * float(np.ptp(points[points[:, 0] > 0], axis=0)[:2].mean()))


def _openness(raster: Raster, studio: Studio) -> np.ndarray:
    """How much of the surroundings each seen point sees: occlusion estimated in the depth image."""
    depth = np.where(raster.face.numpy() >= 0, raster.depth.double().numpy(), 1e3)
    inside = raster.face.numpy() >= 0
    blocked, total = np.zeros(depth.shape), 0.0
    focal = studio.focal * OVERSAMPLING / depth[inside].mean()
    for radius in (0.008, 0.02, 0.045, 0.09):
        for angle in np.arange(8) * np.pi / 4 + 20.0 * radius:
            shift = np.rint(focal * radius * np.array([np.sin(angle), np.cos(angle)])).astype(int)
            nearer = depth - np.roll(depth, tuple(shift), (0, 1))
            blocked += smoothstep(0.15 * radius, 1.0 * radius, nearer) * smoothstep(
                4.0 * radius + 0.05, 2.0 * radius, nearer
            )
            total += 1.0
    blocked = gaussian_filter(blocked / total, 2.0)
    return np.clip(1.0 - 1.5 * blocked[inside], 0.15, 1.0)


def _lit(vertices: torch.Tensor, faces: torch.Tensor, points: np.ndarray, studio: Studio) -> np.ndarray:
    """How much of the key light reaches each point: a shadow map with a soft edge."""
    target = vertices.mean(0).double().numpy()
    forward = target - studio.light
    forward /= np.linalg.norm(forward)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    distance, edge = np.linalg.norm(target - studio.light), 1200
    matrix = torch.tensor([[0.5 * edge * distance, 0, edge / 2], [0, 0.5 * edge * distance, edge / 2], [0, 0, 1.0]])
    seen = rasterize(
        ((vertices.double() - torch.from_numpy(studio.light)) @ torch.from_numpy(turn).T).float(),
        faces,
        matrix,
        (edge, edge),
    )
    depth = np.where(seen.face.numpy() >= 0, seen.depth.double().numpy(), 1e3)
    local = (points - studio.light) @ turn.T
    column, row = (0.5 * edge * distance * local[:, k] / local[:, 2] + edge / 2 for k in (0, 1))
    light = np.zeros(len(points))
    taps = [(dx, dy) for dx in range(-6, 7, 3) for dy in range(-6, 7, 3)]
    for dx, dy in taps:
        x, y = (np.clip(np.floor(v + d).astype(int), 0, edge - 1) for v, d in ((column, dx), (row, dy)))
        light += local[:, 2] < depth[y, x] + 0.012
    return light / len(taps)


def _backdrop(studio: Studio, vertices: np.ndarray) -> np.ndarray:
    """Linear colours of a grey-blue cyclorama, lit from the left, with the figure's shadow on its floor."""
    edge = studio.size * OVERSAMPLING
    pixel = (np.arange(edge) + 0.5 - edge / 2) / (studio.focal * OVERSAMPLING)
    x, y = np.meshgrid(pixel, pixel)
    reach = np.where(y > 1e-6, studio.floor / np.maximum(y, 1e-6), np.inf)
    on_floor = smoothstep(studio.wall + 0.2, studio.wall - 1.2, reach)
    depth = np.minimum(reach, studio.wall)
    glow = np.exp(-((x + 0.10) ** 2 + (y + 0.06) ** 2) / 0.16)
    wall = np.array([0.27, 0.31, 0.34]) * (0.55 + 0.75 * glow)[..., None]
    floor = np.array([0.30, 0.30, 0.29]) * (0.70 + 0.35 * glow)[..., None]
    place = np.stack([x * depth, np.minimum(y * depth, studio.floor), depth], -1).reshape(-1, 3)
    blotches = noise(place, 0.6, seed=71, octaves=3).reshape(edge, edge)
    image = (wall + (floor - wall) * on_floor[..., None]) * (1.0 + 0.07 * blotches)[..., None]
    shadow = _floor_shadow(studio, vertices, x * reach, reach)
    return image * (1.0 - shadow * on_floor)[..., None]


def _floor_shadow(studio: Studio, vertices: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Darkness of the floor points (x, floor, z): a wide soft shadow cast by the key light and one at the soles."""
    cells, extent = 400, 4.0
    center = vertices.mean(0)
    steps = (studio.floor - studio.light[1]) / (vertices[:, 1] - studio.light[1])
    cast = studio.light + (vertices - studio.light) * steps[:, None]
    dark = np.zeros((cells, cells))
    soles = vertices[vertices[:, 1] > studio.floor - 0.05]
    for points, blur, strength in ((cast, 7.0, 0.45), (soles, 2.5, 0.55)):
        where = [np.clip(((points[:, k] - center[k]) / extent + 0.5) * cells, 0, cells - 1).astype(int) for k in (0, 2)]
        covered = np.zeros((cells, cells))
        covered[where[0], where[1]] = 1.0
        soft = gaussian_filter(gaussian_filter(covered, 1.5) > 0.12, blur, output=float)
        dark = 1.0 - (1.0 - dark) * (1.0 - strength * soft)
    i, j = (((v - center[k]) / extent + 0.5) * cells for v, k in ((x, 0), (z, 2)))
    known = (i >= 0) & (i < cells) & (j >= 0) & (j < cells) & np.isfinite(z)
    safe = [np.where(known, v, 0).astype(int) for v in (i, j)]
    return np.where(known, gaussian_filter(dark, 1.0)[safe[0], safe[1]], 0.0)
