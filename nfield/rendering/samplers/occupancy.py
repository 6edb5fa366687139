"""Samples where an occupancy grid says that something may be (instant-ngp, appendix E)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nfield.cameras import Cameras
from nfield.devices import uniform, whole_numbers
from nfield.fields.base import Field
from nfield.kernels.march import StepRule, march, occupied_at, pack_bits, unpack_bits
from nfield.rendering.samplers.base import Sampler, cull_hidden, jitter
from nfield.types import Box, Rays, Samples

_LOTS = 4
"""Refreshes in which every cell has its turn, at first."""
_SPARSE = 0.1
"""Share of occupied cells below which a grid has its full effect."""


@dataclass(frozen=True)
class OccupancyConfig:
    """Options of the occupancy grid."""

    resolution: int = 128
    """Cells along an edge of each cascade; a multiple of 4."""
    cascades: int = 1
    """Nested grids, each twice as large as the one before."""
    steps: int = 448
    """Even steps along the diagonal of the inner box."""
    coarse: float = 4.0
    """Steps are up to this much longer while most of the grid is still occupied, so that more rays can be afforded."""
    cone: float = 0.0
    """Steps grow to this multiple of the distance (instant-ngp: 1/256 for large scenes); 0 keeps them even."""
    cull: float = 1e-3
    """Samples with a transmittance below this are dropped; 0 keeps all."""
    cull_stride: int = 2
    """Density is looked up at every n-th step only to find what is hidden."""
    threshold: float = 0.01
    """A cell is occupied if one step through it would be this opaque."""
    decay: float = 0.95
    """Factor on a cell's density at each refresh before the new value is taken."""
    interval: int = 16
    """Training steps between refreshes."""
    warmup: int = 256
    """Training steps during which all cells are refreshed in turn, not only likely ones."""


class OccupancySampler(Sampler):
    """Marches rays through a grid of cells that are known to be empty or not.

    Args:
        inner: The box of the finest cascade.
        config: Options.
    """

    def __init__(self, inner: Box, config: OccupancyConfig) -> None:
        super().__init__()
        self.config = config
        size = (config.cascades, config.resolution**3)
        self.register_buffer("low", inner.low.clone())
        self.register_buffer("high", inner.high.clone())
        self.register_buffer("cells", torch.zeros(size))
        self.register_buffer("possible", torch.ones(size, dtype=torch.bool))
        self.register_buffer("words", self._packed(torch.ones(size, dtype=torch.bool)))
        self.register_buffer("share", torch.ones(()))
        self._numbers: dict[str, tuple[Tensor, int, float]] = {}

    @property
    def inner(self) -> Box:
        """The box of the finest cascade."""
        return Box(self.get_buffer("low"), self.get_buffer("high"))

    @property
    def rule(self) -> StepRule:
        """Lengths of steps, metres; the longest is a cell of the coarsest cascade."""
        diagonal = self._known("diagonal", lambda: self.inner.size.norm(), self.get_buffer("low"))
        step = diagonal / self.config.steps * min(max(self.occupied_share / _SPARSE, 1.0), self.config.coarse)
        longest = diagonal * 2 ** (self.config.cascades - 1) / self.config.resolution
        return StepRule(step, self.config.cone, longest if self.config.cone > 0.0 else math.inf)

    @property
    def _limit(self) -> float:
        """Density, 1/m, above which a cell counts as occupied."""
        return self.config.threshold * self.config.steps / float(self.inner.size.norm())

    @property
    def occupied_share(self) -> float:
        """Share of the cells of all cascades that are marched through."""
        share = self.get_buffer("share")
        return self._known("share", lambda: share, share)

    def _known(self, name: str, number: Callable[[], Tensor], source: Tensor) -> float:
        """A number that is read anew only where what it depends on has changed: it may lie on a GPU."""
        known = self._numbers.get(name)
        if known is None or known[0] is not source or known[1] != source._version:
            known = source, source._version, float(number())
            self._numbers[name] = known
        return known[2]

    def sample(self, field: Field, rays: Rays, *, generator: torch.Generator | None = None) -> Samples:
        """Occupied steps on each ray that are not hidden by what lies before them."""
        samples = march(rays, self.get_buffer("words"), self.inner, self.rule, jitter(rays, generator))
        return cull_hidden(field, rays, samples, threshold=self.config.cull, stride=self.config.cull_stride)

    def occupied(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether world points lie in cells that are marched through."""
        return occupied_at(points, self.get_buffer("words"), self.inner)

    @torch.no_grad()
    def update(self, field: Field, step: int, *, generator: torch.Generator) -> None:
        """Refreshes some cells every `interval` steps: all in turn at first, later random and occupied ones."""
        if step == 0 or step % self.config.interval:
            return
        cells = self.get_buffer("cells")
        cells *= self.config.decay
        for cascade in range(self.config.cascades):
            index = self._chosen(cascade, step, generator)
            density = field.density(self._points(cascade, index, generator))
            cells[cascade, index] = torch.maximum(cells[cascade, index], density)
        self._pack()

    @torch.no_grad()
    def rebuild(self, field: Field, *, generator: torch.Generator, passes: int = 16) -> None:
        """Learns all cells of a field from nothing."""
        cells = self.get_buffer("cells")
        cells.zero_()
        for cascade in range(self.config.cascades):
            possible = self.get_buffer("possible")[cascade].nonzero()[:, 0]
            for _ in range(passes):
                for index in possible.split(1 << 18):
                    density = field.density(self._points(cascade, index, generator))
                    cells[cascade, index] = torch.maximum(cells[cascade, index], density)
        self._pack()

    @torch.no_grad()
    def keep_near(self, near: Callable[[Float[Tensor, "n 3"]], Bool[Tensor, "n"]]) -> None:
        """Marks cells as empty for good whose middle is not near what is fitted.

        Args:
            near: World points, metres, to whether something may be in the cell around them.
        """
        possible = self.get_buffer("possible")
        for cascade in range(self.config.cascades):
            for index in possible[cascade].nonzero()[:, 0].split(1 << 18):
                possible[cascade, index] = near(self._points(cascade, index, None))
        self._set(possible)

    @torch.no_grad()
    def keep_cells(self, kept: Bool[Tensor, "c m"]) -> None:
        """Marks all but some cells as empty for good.

        Args:
            kept: Of each cascade, its cells, x the quickest, z the slowest.
        """
        self.get_buffer("possible").logical_and_(kept)
        self._set(self.get_buffer("possible"))

    def occupied_cells(self) -> Bool[Tensor, "c m"]:
        """Of each cascade, which cells are marched through; x the quickest, z the slowest."""
        return unpack_bits(self.get_buffer("words")).flatten(1)

    @torch.no_grad()
    def forget_unseen(self, cameras: Cameras, *, nearest: float, views: int = 1) -> None:
        """Marks cells as empty for good that fewer than `views` cameras see from at least `nearest` metres away.

        Nothing supervises such cells, so what would grow there are floaters before the cameras.
        """
        every = torch.arange(self.config.resolution**3, device=self.get_buffer("cells").device)
        for cascade in range(self.config.cascades):
            points = self._points(cascade, every, None)
            seen = torch.zeros(len(points), dtype=torch.int32, device=points.device)
            close = torch.zeros(len(points), dtype=torch.bool, device=points.device)
            for index in range(len(cameras)):
                height, width = cameras.size_of(index)
                pixels, depth = cameras.project(points, index)
                in_image = ((pixels >= 0) & (pixels < pixels.new_tensor([width, height]))).all(-1) & (depth > 0.0)
                close |= in_image & (depth < nearest)
                seen += in_image & (depth >= nearest)
            self.get_buffer("possible")[cascade] = (seen >= views) & ~close
        self._set(self.get_buffer("possible"))

    @torch.no_grad()
    def carve(self, cameras: Cameras, opaque: Sequence[Bool[Tensor, "_ _"]]) -> None:
        """Marks cells as empty for good that some camera sees before nothing but transparent pixels (visual hull).

        Cells are looked at in blocks of eight.

        Args:
            cameras: Of photos whose background is transparent.
            opaque: Of each, which pixels (rows, columns) are not wholly transparent.
        """
        size = self.config.resolution // 2
        every = torch.arange(size**3, device=self.get_buffer("cells").device)
        for cascade in range(self.config.cascades):
            radius = 2.0 ** (cascade - 1) * float(self.inner.size.norm()) / size
            index, points = every, self._points(cascade, every, None, size=size)
            for camera in range(len(cameras)):
                height, width = cameras.size_of(camera)
                pixels, depth = cameras.project(points, camera)
                seen = ((pixels >= 0) & (pixels < pixels.new_tensor([width, height]))).all(-1) & (depth > radius)
                focal = float(cameras.intrinsics[camera, :2, :2].max())
                reach = math.ceil(focal * radius / (float(depth[seen].min()) - radius)) + 1 if seen.any() else 0
                column, row = pixels[seen].long().unbind(-1)
                kept = ~seen
                kept[seen] = _grown(opaque[camera], reach)[row, column]
                index, points = index[kept], points[kept]
            blocks = torch.zeros_like(every, dtype=torch.bool).index_fill(0, index, True).view(size, size, size)
            for axis in range(3):
                blocks = blocks.repeat_interleave(2, dim=axis)
            self.get_buffer("possible")[cascade] &= blocks.flatten()
        self._set(self.get_buffer("possible"))

    def _chosen(self, cascade: int, step: int, generator: torch.Generator) -> Int[Tensor, "m"]:
        """Cells of a cascade to refresh at this step."""
        total, possible = self.config.resolution**3, self.get_buffer("possible")[cascade]
        if step <= self.config.warmup:
            lot = step // self.config.interval % _LOTS
            chosen = torch.arange(lot, total, _LOTS, device=possible.device)
        else:
            chosen = whole_numbers(total, total // 16, generator=generator, device=possible.device)
            occupied = self.occupied_cells()[cascade].nonzero()[:, 0]
            if len(occupied):
                count = min(total // 8, len(occupied))
                pick = whole_numbers(len(occupied), count, generator=generator, device=possible.device)
                chosen = torch.cat([chosen, occupied[pick]])
        return chosen[possible[chosen]]

    def _points(
        self, cascade: int, index: Int[Tensor, "m"], generator: torch.Generator | None, *, size: int | None = None
    ) -> Tensor:
        """A random point in each cell of `size` along an edge (those of the grid); its middle without a generator."""
        size = size or self.config.resolution
        corner = torch.stack([index % size, index // size % size, index // size**2], -1)
        place: float | Tensor = 0.5
        if generator is not None:
            place = uniform(*corner.shape, generator=generator, device=corner.device)
        unit = (corner + place) / size
        return self.inner.world_from_unit((unit - 0.5) * 2.0**cascade + 0.5)

    def _pack(self) -> None:
        """Cells denser than the threshold, or than the mean where the field is still thinner, become occupied."""
        cells, possible = self.get_buffer("cells"), self.get_buffer("possible")
        bound = min(self._limit, float(cells[possible].mean()))
        self._set((cells > bound) & possible)

    def _set(self, occupied: Bool[Tensor, "c m"]) -> None:
        self.get_buffer("words").copy_(self._packed(occupied))
        self.get_buffer("share").copy_(occupied.float().mean())

    def _packed(self, occupied: Bool[Tensor, "c m"]) -> Int[Tensor, "c bz by bx"]:
        size = self.config.resolution
        return pack_bits(occupied.reshape(-1, size, size, size))


def grown_cells(cells: Bool[Tensor, "c m"], resolution: int) -> Bool[Tensor, "c m"]:
    """Cells of each cascade with all of their neighbours, across corners, too.

    Args:
        cells: x the quickest, z the slowest.
        resolution: Cells along an edge.
    """
    blocks = cells.view(-1, 1, resolution, resolution, resolution).float()
    return torch.nn.functional.max_pool3d(blocks, 3, stride=1, padding=1).view(cells.shape) > 0.0


def _grown(mask: Bool[Tensor, "h w"], reach: int) -> Bool[Tensor, "h w"]:
    """A mask with all pixels up to `reach` rows and columns away; what lies outside the image counts as set."""
    if 2 * reach + 1 >= min(mask.shape):
        return torch.ones_like(mask)
    padded = torch.nn.functional.pad(mask[None].float(), (reach,) * 4, value=1.0)
    across = torch.nn.functional.max_pool2d(padded, (1, 2 * reach + 1), stride=1)
    return torch.nn.functional.max_pool2d(across, (2 * reach + 1, 1), stride=1)[0] > 0.0
