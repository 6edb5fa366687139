"""Square crops around a part of a person: as a change of the camera, so that rays see the crop and nothing else."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nfield.cameras import Cameras

PADDING = 0.05
HEAD_PADDING = 0.5
"""Share of the longer side that is added around a part; a head is hardly one without its surroundings."""


@dataclass(frozen=True)
class Crop:
    """A square of a picture.

    Attributes:
        left: Column where it begins, pixels.
        top: Row where it begins, pixels.
        edge: Its length, pixels.
    """

    left: float
    top: float
    edge: float

    @staticmethod
    def around(mask: Bool[Tensor, "h w"], part: str) -> "Crop | None":
        """The square around the pixels of a part, with room; it may reach past the picture. None where there are none.

        Args:
            mask: Pixels that show the part.
            part: Its name.
        """
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        if not len(rows):
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        longer = max(bottom - top, right - left)
        edge = longer + 2.0 * round((HEAD_PADDING if part == "head" else PADDING) * longer)
        return Crop(0.5 * (left + right - edge), 0.5 * (top + bottom - edge), edge)

    def camera(self, cameras: Cameras, index: int, size: int) -> Cameras:
        """The camera, a pinhole, that sees only the crop, in `size` by `size` pixels."""
        scale = size / self.edge
        intrinsics = cameras.intrinsics[index].clone()
        intrinsics[0, 2] -= self.left
        intrinsics[1, 2] -= self.top
        intrinsics[:2] *= scale
        return Cameras(intrinsics[None], cameras.world_from_camera[index][None], (size, size))

    def of(self, picture: Float[Tensor, "h w 3"], size: int) -> Float[Tensor, "s s 3"]:
        """The crop of a picture in `size` by `size` pixels; what lies past its border repeats the border."""
        height, width = picture.shape[:2]
        many = max(1, round(self.edge / size))  # Samples per pixel each way: a crop that shrinks is averaged.
        steps = (torch.arange(size * many) + 0.5) * (self.edge / (size * many))
        rows, columns = torch.meshgrid(self.top + steps, self.left + steps, indexing="ij")
        grid = torch.stack([columns / (0.5 * width), rows / (0.5 * height)], -1) - 1.0
        planes = picture.permute(2, 0, 1)[None]
        found = torch.nn.functional.grid_sample(planes, grid[None], padding_mode="border", align_corners=False)
        return torch.nn.functional.avg_pool2d(found, many)[0].permute(1, 2, 0)
