"""The person's mask as a distance field, and the outline of a projected body: what a differentiable fit compares.

All image points are columns and rows in pixels of the photo; distances are pixels of the photo. The mask is kept on a
smaller working grid, because a body model does not explain detail of less than about a hundredth of the stature.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from nfield.cameras import Cameras
from nfield.kernels.rasterize import Raster, rasterize

WORKING_HEIGHT = 320
"""Pixels that the longer side of the person's box has on the working grid."""

_MARGIN = 0.3  # of the box, around it
_ON_OUTLINE = 1.2  # working pixels
_AT_BORDER = 1.5  # pixels of the photo


@dataclass(frozen=True)
class Silhouette:
    """A person's mask on the working grid.

    Attributes:
        inside: The mask on the working grid; beyond the photo's border its edge is repeated, since nothing is known
            there.
        distance: Signed distance to the mask's outline, photo pixels; positive outside.
        contour: Points of the mask's outline that lie inside the photo, photo pixels.
        origin: Photo pixel (column, row) of the working grid's corner.
        scale: Working pixels per photo pixel.
        size: Height and width of the photo, pixels.
    """

    inside: Bool[Tensor, "h w"]
    distance: Float[Tensor, "h w"]
    contour: Float[Tensor, "c 2"]
    origin: Float[Tensor, "2"]
    scale: float
    size: tuple[int, int]

    @property
    def extent(self) -> float:
        """Longer side of the person's box, photo pixels."""
        return WORKING_HEIGHT / self.scale

    def signed_distance(self, points: Float[Tensor, "b n 2"]) -> Float[Tensor, "b n"]:
        """Signed distance at image points, photo pixels; positive outside the mask. Differentiable (bilinear)."""
        height, width = self.distance.shape
        grid = (points - self.origin) * (2.0 * self.scale) / torch.tensor([width, height]) - 1.0
        field = self.distance[None, None].expand(len(points), -1, -1, -1)
        sampled = torch.nn.functional.grid_sample(
            field, grid[:, :, None], mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled[:, 0, :, 0]

    def in_photo(self, points: Float[Tensor, "b n 2"]) -> Bool[Tensor, "b n"]:
        """Which image points lie inside the photo's borders."""
        limit = torch.tensor([self.size[1], self.size[0]]) - _AT_BORDER
        return ((points > _AT_BORDER) & (points < limit)).all(-1)

    def cover(self, vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "f 3"], focal: float) -> Bool[Tensor, "h w"]:
        """Which working pixels a mesh covers; vertices in the camera's frame, metres, focal length in photo pixels."""
        return self._seen(vertices, faces, focal).face >= 0

    def depth_at(
        self, points: Float[Tensor, "n 2"], vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "f 3"], focal: float
    ) -> Float[Tensor, "n"]:
        """Depth of a mesh at image points, metres; infinite where it is not. Arguments as of `cover`."""
        depth = self._seen(vertices, faces, focal).depth
        limit = torch.tensor([depth.shape[1], depth.shape[0]]) - 1
        column, row = torch.minimum(((points - self.origin) * self.scale).long().clamp_min(0), limit).unbind(-1)
        return torch.where(depth[row, column] > 0.0, depth[row, column], torch.inf)

    def _seen(self, vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "f 3"], focal: float) -> Raster:
        size = (self.inside.shape[0], self.inside.shape[1])
        column, row = ((torch.tensor([self.size[1], self.size[0]]) / 2 - self.origin) * self.scale).tolist()
        camera = Cameras.pinhole(focal * self.scale, size, center=(column, row))
        return rasterize(vertices, faces, camera.intrinsics[0], size)

    def outline(self, points: Float[Tensor, "v 2"], cover: Bool[Tensor, "h w"]) -> Int[Tensor, "o"]:
        """Which projected vertices lie on the outline of the mesh that covers `cover`."""
        working = ((points - self.origin) * self.scale).numpy()
        distance = _signed_distance(cover.numpy())
        at = ndimage.map_coordinates(distance, [working[:, 1] - 0.5, working[:, 0] - 0.5], order=1, mode="nearest")
        return torch.from_numpy(np.flatnonzero(np.abs(at) < _ON_OUTLINE))

    def overlap(self, cover: Bool[Tensor, "h w"]) -> float:
        """Intersection over union of the mask and what a body covers, within the photo."""
        height, width = self.inside.shape
        rows = (torch.arange(height) + 0.5) / self.scale + self.origin[1]
        columns = (torch.arange(width) + 0.5) / self.scale + self.origin[0]
        photo = ((rows > 0) & (rows < self.size[0]))[:, None] & ((columns > 0) & (columns < self.size[1]))
        both = (self.inside & cover & photo).sum()
        either = ((self.inside | cover) & photo).sum()
        return float(both / either.clamp_min(1))


def silhouette(mask: Bool[Tensor, "h w"]) -> Silhouette:
    """Prepare a mask (one connected piece, at least one pixel) for comparison with projected bodies."""
    rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
    low = torch.tensor([float(columns[0]), float(rows[0])])
    high = torch.tensor([float(columns[-1]), float(rows[-1])]) + 1.0
    extent = float((high - low).max())
    scale = WORKING_HEIGHT / extent
    origin = low - _MARGIN * extent
    width, height = (((high - low) + 2.0 * _MARGIN * extent) * scale).ceil().int().tolist()
    inside = _resample(mask.numpy(), origin.numpy(), scale, (height, width))
    distance = torch.from_numpy(_signed_distance(inside).astype(np.float32)) / scale
    core = np.asarray(ndimage.binary_erosion(inside, border_value=1))
    edge = torch.from_numpy(inside & np.logical_not(core)).nonzero()
    contour = (edge.flip(-1) + 0.5) / scale + origin
    size = (mask.shape[0], mask.shape[1])
    border = max(_AT_BORDER, 1.0 / scale)
    limit = torch.tensor([size[1], size[0]]) - border
    keep = ((contour > border) & (contour < limit)).all(-1)
    return Silhouette(torch.from_numpy(inside), distance, contour[keep], origin, scale, size)


def _resample(mask: np.ndarray, origin: np.ndarray, scale: float, size: tuple[int, int]) -> np.ndarray:
    """The mask on the working grid: blurred to its pitch, sampled, cut at one half; edges repeated."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.4 / scale) if scale < 1.0 else mask.astype(np.float32)
    rows = (np.arange(size[0]) + 0.5) / scale + origin[1] - 0.5
    columns = (np.arange(size[1]) + 0.5) / scale + origin[0] - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    return ndimage.map_coordinates(soft, grid, order=1, mode="nearest") > 0.5


def _signed_distance(inside: np.ndarray) -> np.ndarray:
    """Distance to the boundary between pixels, positive outside."""
    outside_distance = np.asarray(ndimage.distance_transform_edt(np.logical_not(inside)))
    inside_distance = np.asarray(ndimage.distance_transform_edt(inside))
    return np.where(inside, 0.5 - inside_distance, outside_distance - 0.5)
