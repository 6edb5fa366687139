"""Photographs with known cameras: what every trainer of a scene starts from."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from nfield.cameras import Cameras
from nfield.types import Box


@dataclass(frozen=True)
class PosedImages:
    """k images of one size with their cameras, and the part of the world that a field of them must cover.

    Attributes:
        cameras: One camera per image, in the pixels of `images`.
        images: sRGB with straight alpha; alpha is 255 where the file has none.
        box: World box that the field must cover, metres.
        inner: Box of the first cascade, concentric with `box`: the subject. Equal to `box` where there is no
            background.
        has_alpha: Whether some pixel of the data set is transparent, so that the background is ours to choose.
        background: sRGB colour over which transparent images are compared by convention; None for photographs.
        names: File name of each image, as its data set writes it.
    """

    cameras: Cameras
    images: UInt8[Tensor, "k h w 4"]
    box: Box
    inner: Box
    has_alpha: bool
    background: tuple[float, float, float] | None
    names: tuple[str, ...]

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def unbounded(self) -> bool:
        """Whether there is a background outside `inner`, which needs cascades."""
        return bool((self.box.size > 1.001 * self.inner.size).any())

    @property
    def scale(self) -> float:
        """Edge of the first cascade, metres: instant-ngp's unit of length."""
        return float(self.inner.size.max())

    def subset(self, index: slice | Int[Tensor, "n"]) -> "PosedImages":
        """Some of the images. A slice shares their memory, a tensor of indices copies them."""
        chosen = torch.arange(len(self))[index].tolist()
        return replace(
            self, cameras=self.cameras[index], images=self.images[index], names=tuple(self.names[i] for i in chosen)
        )

    def image(self, index: int) -> Float[Tensor, "h w 4"]:
        """One image, sRGB and straight alpha in [0, 1]."""
        return self.images[index].to(torch.float32) / 255.0

    def pixels(self, camera: Int[Tensor, "r"], column: Int[Tensor, "r"], row: Int[Tensor, "r"]) -> Float[Tensor, "r 4"]:
        """Single pixels, sRGB and straight alpha in [0, 1].

        Args:
            camera: Which image each pixel is read from.
            column: Its column; the pixel covers [column, column + 1).
            row: Its row, counted from the top.
        """
        _, height, width, _ = self.images.shape
        flat = (camera * height + row) * width + column
        return self.images.view(-1, 4)[flat].to(torch.float32) / 255.0


@dataclass(frozen=True)
class Scene:
    """A data set, split into views to train on and views held out.

    Attributes:
        train: Views to train on.
        test: Held-out views.
        missing: Images that the data set lists but does not hold.
    """

    train: PosedImages
    test: PosedImages
    missing: tuple[str, ...] = ()
