"""Signals on the plane, such as pictures, or in space: an encoding and a small network (NeuRBF, section 3.1).

    f(x) = MLP([h(x); g(x)] + b)

with h(x) from a hash grid and, in the hybrid field, g(x) from adaptive radial bases. Points are (x, y) in [0, 1]^2,
x to the right and y down.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nfield.devices import device_of
from nfield.encodings.budget import Budget
from nfield.encodings.hashgrid import HashGrid
from nfield.encodings.rbf import AdaptiveBases, BasesConfig, Nearby
from nfield.kernels.hash_grid import GridLayout
from nfield.kernels.mlp import mlp
from nfield.kernels.rbf import frequency_ladder

PIXELS_PER_UNIT = 64.0
"""Pixels along a unit of length: the pitch is the same in every picture, and with it what a kernel's width means."""

BY_SIZE = (0.0, 0.0)
"""Stands for the frequencies that `picture_sines` gives."""

_INITIAL = 1e-4
_BASE = 16
LARGE = 1 << 22
"""Pixels above which a picture is large: it is seen few times in a training, which takes other options."""

_LEVELS, _LARGE_LEVELS = 2, 8


@dataclass(frozen=True)
class Canvas:
    """What a signal covers.

    Attributes:
        size: Height and width, pixels.
        channels: Numbers of a pixel.
    """

    size: tuple[int, int]
    channels: int

    @property
    def extent(self) -> Float[Tensor, "2"]:
        """Width and height in units of length."""
        height, width = self.size
        return torch.tensor([width, height]) / PIXELS_PER_UNIT

    def layout(self, levels: int, log2_table_size: int, finest: int | None) -> GridLayout:
        """A grid over the canvas; its finest level has half as many vertices as the longer edge has pixels."""
        wanted = max(_BASE, max(self.size) // 2) if finest is None else finest
        return GridLayout.up_to(
            wanted, levels=levels, log2_table_size=log2_table_size, base_resolution=min(_BASE, wanted), dims=2
        )

    def pixel_centers(self, pixels: Int[Tensor, "n"]) -> Float[Tensor, "n 2"]:
        """Middles of pixels, numbered row by row, in [0, 1]^2."""
        height, width = self.size
        column, row = pixels % width, pixels // width
        return (torch.stack([column, row], -1) + 0.5) / torch.tensor([width, height])


def picture_sines(canvas: Canvas, given: tuple[float, float] | None) -> tuple[float, float] | None:
    """The frequencies that are given, or for `BY_SIZE` NeuRBF's: [1, 1000] up to 4 megapixels, [10, 100] above."""
    height, width = canvas.size
    if given != BY_SIZE:
        return given
    return (1.0, 1000.0) if height * width <= LARGE else (10.0, 100.0)


class SignalNet(nn.Module):
    """Three linear layers with biases; ReLU between them, or sines after the first one.

    Args:
        inputs: Length of the encoding.
        hidden: Width of both hidden layers.
        outputs: Numbers of an answer.
        sines: Lowest and highest frequency of the sinusoidal composition h + sin(h m) in place of the first ReLU
            (equation 7); None for ReLU.
        generator: Draws weights and biases, uniform within one over the root of a layer's inputs.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        sines: tuple[float, float] | None,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        sizes = [(hidden, inputs), (hidden, hidden), (outputs, hidden)]
        self.matrices = nn.ParameterList([_uniform(s, s[1], generator) for s in sizes])
        self.biases = nn.ParameterList([_uniform((s[0],), s[1], generator) for s in sizes])
        ladder = None if sines is None else frequency_ladder(hidden, *sines)
        self.register_buffer("frequencies", ladder, persistent=False)

    def forward(self, encoded: Float[Tensor, "n c"]) -> Float[Tensor, "n o"]:
        """Answers for encoded points, unbounded."""
        return mlp(encoded, list(self.matrices), list(self.biases), frequencies=self._buffers["frequencies"])

    if TYPE_CHECKING:

        def __call__(self, encoded: Float[Tensor, "n c"]) -> Float[Tensor, "n o"]:
            """Typed for the checker."""
            ...


def _uniform(shape: tuple[int, ...], inputs: int, generator: torch.Generator | None) -> nn.Parameter:
    bound = inputs**-0.5
    return nn.Parameter((torch.rand(shape, generator=generator) * 2.0 - 1.0) * bound)


@dataclass(frozen=True)
class FixedPoints:
    """Points that are asked for again and again, with what does not change about them.

    Attributes:
        unit: In [0, 1]^d.
        nearby: Their kernels; None in a field without.
    """

    unit: Float[Tensor, "n d"]
    nearby: Nearby | None

    def __getitem__(self, rows: Int[Tensor, "b"]) -> "FixedPoints":
        return FixedPoints(self.unit[rows], None if self.nearby is None else self.nearby[rows])


class Signal(nn.Module):
    """A signal on the plane or in space: points below are in [0, 1]^d.

    Args:
        grid: The hash grid.
        bases: Radial bases; None in a field without.
        hidden: Width of the network.
        channels: Numbers of an answer.
        sines: See `SignalNet`.
        generator: Draws first values.
    """

    def __init__(
        self,
        grid: HashGrid,
        bases: AdaptiveBases | None,
        hidden: int,
        channels: int,
        *,
        sines: tuple[float, float] | None,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.grid, self.bases = grid, bases
        inputs = grid.out_dim + (0 if bases is None else bases.out_dim)
        shift = None if bases is None else (torch.rand(inputs, generator=generator) * 2.0 - 1.0) * _INITIAL
        self.shift = None if shift is None else nn.Parameter(shift)
        self.net = SignalNet(inputs, hidden, channels, sines=sines, generator=generator)

    def fix(self, unit: Float[Tensor, "n d"], *, often: bool = True) -> FixedPoints:
        """Points to be asked for, `often` or once, while centres and shapes stay as they are."""
        return FixedPoints(unit, None if self.bases is None else self.bases.nearby(unit, keep=often))

    def at(self, points: FixedPoints) -> Float[Tensor, "n o"]:
        """The signal at points that were prepared."""
        encoded = self.grid(points.unit)
        if self.bases is not None and self.shift is not None:
            assert points.nearby is not None, "points were fixed by this field"
            encoded = torch.cat([encoded, self.bases.mix(points.nearby)], -1) + self.shift
        return self.net(encoded)

    def forward(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n o"]:
        """The signal at points of [0, 1]^d, unbounded."""
        return self.at(self.fix(unit, often=False))

    @torch.no_grad()
    def answers(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n o"]:
        """The signal at points that may lie on another device; the answer comes to where they are. No gradients."""
        return self(unit.to(device_of(self))).to(unit.device)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by name of group."""
        groups = {"grid": [self.grid.table], "network": list(self.net.parameters())}
        if self.bases is not None and self.shift is not None:
            groups |= {"features": [self.bases.features], "shift": [self.shift]}
        return groups

    def counts(self) -> tuple[int, int]:
        """How many numbers are trained, and how many there are with the frozen centres and shapes."""
        trained = sum(parameter.numel() for parameter in self.parameters())
        frozen = 0 if self.bases is None else self.bases.centers.numel() + self.bases.shapes.numel()
        return trained, trained + frozen

    if TYPE_CHECKING:

        def __call__(self, unit: Float[Tensor, "n d"]) -> Float[Tensor, "n o"]:
            """Typed for the checker."""
            ...


@dataclass(frozen=True)
class SignalConfig(ABC):
    """Options of a signal; a frozen dataclass whose docstrings are the help text."""

    @abstractmethod
    def build(self, canvas: Canvas, generator: torch.Generator | None = None) -> Signal:
        """A new signal over a canvas."""


@dataclass(frozen=True)
class HashSignalConfig(SignalConfig):
    """Multiresolution hash grid and a small network: instant-ngp's picture field."""

    levels: int = 16
    """Resolutions of the grid."""
    log2_table_size: int = 24
    """Logarithm of the most entries of one level."""
    finest_resolution: int | None = None
    """Vertices along an edge of the finest level. Default: half the picture's longer edge, in pixels."""
    hidden: int = 64
    """Width of the network."""
    sines: tuple[float, float] | None = None
    """Frequencies of sines after the first layer, by the picture's size where they are 0; None for ReLU."""

    def build(self, canvas: Canvas, generator: torch.Generator | None = None) -> Signal:
        """A new field over a canvas."""
        grid = HashGrid(canvas.layout(self.levels, self.log2_table_size, self.finest_resolution), generator=generator)
        return Signal(
            grid, None, self.hidden, canvas.channels, sines=picture_sines(canvas, self.sines), generator=generator
        )


@dataclass(frozen=True)
class RbfSignalConfig(SignalConfig):
    """NeuRBF's hybrid: a small grid, adaptive radial bases, and sines in both places."""

    bases: BasesConfig = field(default_factory=lambda: BasesConfig(0, frequencies=(2.0**-3, 2.0**12)))
    """The kernels; a count of 0 stands for as many as make the field as large as a hash grid."""
    levels: int = 0
    """Resolutions of the grid; 0 stands for NeuRBF's 2 up to 4 megapixels, and for 8 above."""
    log2_table_size: int = 24
    """Logarithm of the most entries of one level, here and in the hash grid that is the measure of size."""
    finest_resolution: int | None = None
    """Vertices along an edge of the finest level. Default: half the picture's longer edge, in pixels."""
    hidden: int = 64
    """Width of the network."""
    sines: tuple[float, float] | None = BY_SIZE
    """Frequencies of the sines after the first layer, by the picture's size where they are 0; None for ReLU."""

    def build(self, canvas: Canvas, generator: torch.Generator | None = None) -> Signal:
        """A new field over a canvas; its kernels have no places yet."""
        levels = self.levels or (_LEVELS if canvas.size[0] * canvas.size[1] <= LARGE else _LARGE_LEVELS)
        layout = canvas.layout(levels, self.log2_table_size, self.finest_resolution)
        grid = HashGrid(layout, generator=generator)
        bases = AdaptiveBases(self.bases, canvas.extent, generator=generator)
        return Signal(
            grid, bases, self.hidden, canvas.channels, sines=picture_sines(canvas, self.sines), generator=generator
        )

    def budget(self, canvas: Canvas) -> Budget:
        """What kernels cost, against the hash grid of the same table size."""
        reference, own = HashSignalConfig(log2_table_size=self.log2_table_size), replace(self, bases=self._bases(1))
        built = own.build(canvas)
        trained, total = built.counts()
        of_kernel = self.bases.features
        return Budget(reference.build(canvas).counts()[1], trained - of_kernel, of_kernel, total - trained)

    def sized(self, canvas: Canvas, *, most: int) -> "RbfSignalConfig":
        """With a count of kernels: as given, or as many as the budget affords, and at most so many."""
        wanted = self.bases.count or self.budget(canvas).kernels
        return replace(self, bases=self._bases(min(max(wanted, 1), most)))

    def _bases(self, count: int) -> BasesConfig:
        return replace(self.bases, count=count)


SIGNALS: dict[str, type[SignalConfig]] = {"hash": HashSignalConfig, "rbf": RbfSignalConfig}
"""Signals by the name that the command line and checkpoints use."""
