"""Light on a figure: a key light with soft shadows, a sky, a ground, and less of both in nooks."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter
from torch import Tensor

from avatars.people.figure import Figure, Surface
from avatars.people.finish import Eyes
from nfield.cameras import Cameras
from nfield.kernels.rasterize import Raster, rasterize

_SHADOW_EDGE = 1200
_SHADOW_SLACK = 0.012
_TAPS = (-6, -3, 0, 3, 6)
"""Where the shadow map is looked up around each point, in its pixels along each axis."""

_OCCLUDERS = (0.008, 0.02, 0.045, 0.09)
"""Distances at which nearer surfaces are looked for, metres."""

_FAR = 1e3
_EXPOSURE = 0.62


@dataclass(frozen=True)
class Light:
    """What shines on a figure.

    Attributes:
        position: Of the key light, in the camera's OpenCV frame, metres.
        key: Strength of the key light.
        tint: Its colour, linear RGB.
        sky: Linear RGB from above.
        ground: Linear RGB from below.
        shadow_edge: Edge of the shadow map, pixels.
    """

    position: tuple[float, float, float]
    key: float = 1.75
    tint: tuple[float, float, float] = (1.0, 0.96, 0.90)
    sky: tuple[float, float, float] = (0.62, 0.66, 0.74)
    ground: tuple[float, float, float] = (0.34, 0.30, 0.27)
    shadow_edge: int = _SHADOW_EDGE


@dataclass(frozen=True)
class ShadowMap:
    """What a light sees of a mesh, with soft edges.

    Attributes:
        source: Where the light is, metres.
        turn: Rows: the axes of its view.
        focal: Of its view, pixels.
        depth: Of what it sees, metres, with a border around.
        edge: Of the view without the border, pixels.
    """

    source: Float[np.ndarray, "3"]
    turn: Float[np.ndarray, "3 3"]
    focal: float
    depth: Float[np.ndarray, "h w"]
    edge: int

    @staticmethod
    def of(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"], light: Light) -> "ShadowMap":
        """The shadows of a mesh, vertices in the light's frame, metres."""
        source, target = np.array(light.position), vertices.mean(0).double().numpy()
        distance, edge = np.linalg.norm(target - source), light.shadow_edge
        turn = _frame(target - source)
        focal = 0.5 * edge * float(distance)
        matrix = Cameras.pinhole(focal, (edge, edge)).intrinsics[0]
        in_light = (vertices.double() - torch.from_numpy(source)) @ torch.from_numpy(turn).T
        seen = rasterize(in_light.float(), faces, matrix, (edge, edge))
        depth = np.where(seen.face.numpy() >= 0, seen.depth.double().numpy(), _FAR)
        return ShadowMap(source, turn, focal, np.pad(depth, _border(edge), mode="edge"), edge)

    def reached(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
        """How much of the light reaches each point: the map is looked up around it."""
        edge, border, width = self.edge, _border(self.edge), self.depth.shape[1]
        local = (points - self.source) @ self.turn.T
        column, row = (np.floor(self.focal * local[:, k] / local[:, 2] + 0.5 * edge).astype(int) for k in (0, 1))
        place = (row.clip(0, edge - 1) + border) * width + column.clip(0, edge - 1) + border
        steps = [round(tap * edge / _SHADOW_EDGE) for tap in _TAPS]
        nearest, flat = local[:, 2] - _SHADOW_SLACK, self.depth.ravel()
        total = np.zeros(len(points))
        for down in steps:
            for right in steps:
                total += nearest < flat[place + down * width + right]
        return total / len(steps) ** 2


def _border(edge: int) -> int:
    return max(_TAPS) * edge // _SHADOW_EDGE + 1


def vertex_normals(vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]) -> Float[Tensor, "v 3"]:
    """Unit normals: those of the faces around each vertex, weighted by area."""
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(0, faces[:, corner], across)
    return torch.nn.functional.normalize(total, dim=-1)


@dataclass(frozen=True)
class LitPoints:
    """Points of a figure that samples see, and the light that reaches them; paints give them their colours.

    Attributes:
        material: Of each, an index into the figure's surfaces.
        rest: In the rest pose, metres.
        marks: See `Figure.marks`.
        place: In the camera's OpenCV frame, metres.
        normal: Towards the camera's side, in the camera's frame.
        openness: How much of the surroundings each sees.
        light: What shines.
        shadow: Where its key light does not reach; None where there is none.
    """

    material: Int[np.ndarray, "n"]
    rest: Float[np.ndarray, "n 3"]
    marks: Float[np.ndarray, "n m"]
    place: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    openness: Float[np.ndarray, "n"]
    light: Light
    shadow: ShadowMap | None

    def painted(self, surfaces: tuple[Surface, ...], eyes: Eyes) -> Float[np.ndarray, "n 3"]:
        """Linear colours, each by the paint of its material."""
        light = self.light
        albedo, bump, gloss, sharpness = _finishes(surfaces, eyes, self)
        normal = _unit(self.normal + bump)
        upward = (0.5 - 0.5 * normal[:, 1])[:, None]
        ambient = (np.array(light.sky) * upward + np.array(light.ground) * (1.0 - upward)) * self.openness[:, None]
        if self.shadow is None:
            return albedo * ambient * _EXPOSURE
        to_light = _unit(np.array(light.position) - self.place)
        soft = np.clip(((normal * to_light).sum(1) + 0.25) / 1.25, 0.0, 1.0)
        lit = self.shadow.reached(self.place + 0.004 * normal)
        highlight = gloss * np.clip((normal * _unit(to_light - _unit(self.place))).sum(1), 0.0, 1.0) ** sharpness
        direct = light.key * np.array(light.tint) * (soft * (0.25 + 0.75 * lit))[:, None]
        return albedo * (ambient + direct) * _EXPOSURE + (highlight * lit)[:, None] * 0.8


def light_up(
    figure: Figure, vertices: Float[Tensor, "v 3"], raster: Raster, *, focal: float, light: Light, stride: int = 1
) -> LitPoints:
    """The points that the samples of `raster` see of a figure, row by row, and the light on them.

    Args:
        figure: Whose surface is seen.
        vertices: In the camera's OpenCV frame, metres.
        raster: What each sample sees.
        focal: In samples.
        light: What shines.
        stride: Occlusion is looked for at every so many samples of a row and of a column.
    """
    faces = figure.model.faces
    inside = raster.face >= 0
    face = raster.face[inside]
    weights = raster.barycentric[inside].to(vertices)
    attributes = torch.cat(
        [figure.model.template, vertices, vertex_normals(vertices, faces), torch.from_numpy(figure.marks)], 1
    )
    seen = (attributes[faces[face]] * weights[..., None]).sum(1).double().numpy()
    rest, place, normal, marks = seen[:, :3], seen[:, 3:6], seen[:, 6:9], seen[:, 9:]
    normal = normal * np.sign((normal * -_unit(place)).sum(1, keepdims=True) + 1e-9)
    shadow = ShadowMap.of(vertices, faces, light) if light.key else None
    return LitPoints(
        figure.material[face.numpy()], rest, marks, place, normal, _openness(raster, focal, stride), light, shadow
    )


def shade(
    figure: Figure, vertices: Float[Tensor, "v 3"], raster: Raster, *, focal: float, light: Light, stride: int = 1
) -> Float[np.ndarray, "n 3"]:
    """Linear colour of the samples of `raster` that see the figure, row by row; arguments as of `light_up`."""
    points = light_up(figure, vertices, raster, focal=focal, light=light, stride=stride)
    return points.painted(figure.surfaces, figure.eyes)


def _unit(vectors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]


def _finishes(
    surfaces: tuple[Surface, ...], eyes: Eyes, points: LitPoints
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Albedo, bump, gloss and sharpness of points, each by the paint of its material."""
    rest = points.rest
    albedo, bump = np.zeros_like(rest), np.zeros_like(rest)
    gloss, sharpness = np.zeros(len(rest)), np.ones(len(rest))
    for kind, surface in enumerate(surfaces):
        mine = np.nonzero(points.material == kind)[0]
        if not len(mine):
            continue
        finish = surface.paint.finish(rest[mine], points.marks[mine], eyes)
        albedo[mine], bump[mine] = finish.albedo, finish.bump
        gloss[mine], sharpness[mine] = finish.gloss, finish.sharpness
    return albedo, bump, gloss, sharpness


def _openness(raster: Raster, focal: float, stride: int) -> Float[np.ndarray, "n"]:
    """How much of the surroundings each seen point sees: occlusion estimated in the depth image."""
    inside = raster.face.numpy() >= 0
    depth = np.where(inside, raster.depth.float().numpy(), np.float32(_FAR))[::stride, ::stride]
    scale = focal / stride / raster.depth.numpy()[inside].mean()
    blocked = np.zeros(depth.shape, dtype=np.float32)
    directions = [(radius, angle) for radius in _OCCLUDERS for angle in np.arange(8) * np.pi / 4 + 20.0 * radius]
    for radius, angle in directions:
        down, right = np.rint(scale * radius * np.array([np.sin(angle), np.cos(angle)])).astype(int)
        nearer = depth - np.roll(depth, (down, right), (0, 1))
        blocked += _ramp(0.15 * radius, radius, nearer) * _ramp(4.0 * radius + 0.05, 2.0 * radius, nearer)
    blocked = gaussian_filter(blocked / len(directions), 2.0 / stride)
    whole = blocked.repeat(stride, 0).repeat(stride, 1)[: inside.shape[0], : inside.shape[1]]
    return np.clip(1.0 - 1.5 * whole[inside], 0.15, 1.0)


def _ramp(low: float, high: float, x: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """`smoothstep` with few passes over the memory."""
    t = x * np.float32(1.0 / (high - low))
    t -= np.float32(low / (high - low))
    np.clip(t, 0.0, 1.0, out=t)
    square = t * t
    t *= -2.0
    t += 3.0
    t *= square
    return t


def _frame(forward: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rows: to the right, down and forward of one who looks along `forward`."""
    forward = forward / np.linalg.norm(forward)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])
