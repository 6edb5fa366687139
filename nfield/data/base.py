"""Photographs with known cameras: what every trainer of a scene starts from."""

import dataclasses
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from nfield.cameras import Cameras
from nfield.data.picture_stack import PictureStack
from nfield.data.world import World
from nfield.types import Box


@dataclass(frozen=True)
class PosedImages:
    """k images with their cameras, and the part of the world that a field of them must cover.

    Attributes:
        cameras: One camera per image, in the pixels of `pictures`.
        pictures: The images; alpha is 255 where the file has none.
        box: World box that the field must cover, metres.
        inner: Box of the first cascade, concentric with `box`: the subject. Equal to `box` where there is no
            background.
        has_alpha: Whether some pixel of the data set is transparent, so that the background is ours to choose.
        background: sRGB colour over which transparent images are compared by convention; None for photographs.
        names: File name of each image, as its data set writes it.
        backdrop: sRGB colour before which everything was photographed: that of `pictures.blended` pixels is partly
            it. None where no such colour is known.
    """

    cameras: Cameras
    pictures: PictureStack
    box: Box
    inner: Box
    has_alpha: bool
    background: tuple[float, float, float] | None
    names: tuple[str, ...]
    backdrop: tuple[float, float, float] | None = None

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def images(self) -> UInt8[Tensor, "k h w 4"]:
        """The pictures as one tensor, where they have one size."""
        return self.pictures.together() if len(self) else self.pictures.pixels.new_zeros(0, *self.cameras.size, 4)

    @property
    def unbounded(self) -> bool:
        """Whether there is a background outside `inner`, which needs cascades."""
        return bool((self.box.size > 1.001 * self.inner.size).any())

    @property
    def scale(self) -> float:
        """Edge of the first cascade, metres: instant-ngp's unit of length."""
        return float(self.inner.size.max())

    def subset(self, index: slice | Int[Tensor, "n"]) -> "PosedImages":
        """Some of the images; they share memory with these."""
        chosen = torch.arange(len(self))[index].tolist()
        return replace(
            self, cameras=self.cameras[index], pictures=self.pictures[index], names=tuple(self.names[i] for i in chosen)
        )

    def image(self, index: int) -> Float[Tensor, "h w 4"]:
        """One image, sRGB and straight alpha in [0, 1]."""
        return self.pictures.picture(index).to(torch.float32) / 255.0

    def solid(self, index: int) -> Bool[Tensor, "h w"]:
        """Where one image may show something: it is not transparent there, or nobody knows."""
        opaque, used = self.pictures.picture(index)[..., 3] > 0, self.pictures.used_of(index)
        return opaque if used is None else opaque | ~used

    def pixels(self, camera: Int[Tensor, "r"], column: Int[Tensor, "r"], row: Int[Tensor, "r"]) -> Float[Tensor, "r 4"]:
        """Single pixels, sRGB and straight alpha in [0, 1].

        Args:
            camera: Which image each pixel is read from.
            column: Its column; the pixel covers [column, column + 1).
            row: Its row, counted from the top.
        """
        return self.pictures.at(camera, column, row)


@dataclass(frozen=True)
class Scene:
    """A data set, split into views to train on and views held out.

    Attributes:
        train: Views to train on.
        test: Held-out views.
        missing: Images that the data set lists but does not hold.
        world: How the world of both lies in the user's.
        points: Points on surfaces, metres, where the data set knows some.
        notes: What a user should know of how the data set was read, a sentence each.
    """

    train: PosedImages
    test: PosedImages
    missing: tuple[str, ...] = ()
    world: World = dataclasses.field(default_factory=World)
    points: Float[Tensor, "n 3"] | None = None
    notes: tuple[str, ...] = ()
