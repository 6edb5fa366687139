"""Marching rays through nested occupancy grids to packed samples (instant-ngp, appendix E).

Steps lie on one lattice: step k of a ray spans distance(base + k) to distance(base + k + 1), with base its entry
plus a jitter. A step is kept where the cell at its midpoint is occupied.
"""

import math
from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from nfield.kernels import cuda, native_core
from nfield.types import Box, Rays, Samples

BLOCK = 4
"""Cells along an edge of what one word holds."""


@dataclass(frozen=True)
class StepRule:
    """How long the steps along a ray are.

    Attributes:
        step: The shortest, metres.
        cone: Steps grow to this multiple of the distance; 0 for even steps.
        longest: The longest, metres; only with a cone.
    """

    step: float
    cone: float = 0.0
    longest: float = math.inf

    def index(self, distance: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """The warped distance in which all steps have length 1."""
        if self.cone <= 0.0:
            return distance / self.step
        begin, end, growth = self._bounds()
        middle = begin / self.step + (distance.clamp(begin, end) / begin).log() / growth
        last = begin / self.step + math.log(end / begin) / growth + (distance - end) / self.longest
        return torch.where(distance <= begin, distance / self.step, torch.where(distance <= end, middle, last))

    def distance(self, index: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """The inverse of `index`, metres."""
        if self.cone <= 0.0:
            return index * self.step
        begin, end, growth = self._bounds()
        first, second = begin / self.step, begin / self.step + math.log(end / begin) / growth
        middle = begin * ((index.clamp(first, second) - first) * growth).exp()
        last = end + (index - second) * self.longest
        return torch.where(index <= first, index * self.step, torch.where(index <= second, middle, last))

    def _bounds(self) -> tuple[float, float, float]:
        begin = self.step / self.cone
        return begin, max(begin, self.longest / self.cone), math.log1p(self.cone)


def pack_bits(occupied: Bool[Tensor, "c z y x"]) -> Int[Tensor, "c bz by bx"]:
    """Cells as one 64-bit word a 4x4x4 block; bit x + 4 y + 16 z within the block.

    >>> cells = torch.zeros(1, 4, 4, 4, dtype=torch.bool); cells[0, 1, 0, 2] = True
    >>> pack_bits(cells).item() == 1 << 18
    True
    """
    cascades, size = occupied.shape[:2]
    n = size // BLOCK
    cells = occupied.reshape(cascades, n, BLOCK, n, BLOCK, n, BLOCK).permute(0, 1, 3, 5, 2, 4, 6)
    bits = cells.reshape(cascades, n, n, n, BLOCK**3)
    if bits.device.type == "cpu":  # ten times as fast there as shifts
        packed = np.packbits(bits.numpy(), axis=-1, bitorder="little")
        return torch.from_numpy(packed.view("<i8")[..., 0].astype(np.int64))
    return pack_bits_reference(bits)


def pack_bits_reference(bits: Bool[Tensor, "*n 64"]) -> Int[Tensor, "*n"]:
    """Words from their bits, the lowest first, on any device."""
    # The highest bit makes the word negative: the sum is taken modulo 2^64, as words are.
    return (bits.long() << torch.arange(BLOCK**3, device=bits.device)).sum(-1)


def unpack_bits(words: Int[Tensor, "c bz by bx"]) -> Bool[Tensor, "c z y x"]:
    """The inverse of `pack_bits`."""
    cascades, n = words.shape[:2]
    if words.device.type == "cpu":
        packed = words.numpy().astype("<i8")[..., None].view(np.uint8)
        bits = torch.from_numpy(np.unpackbits(packed, axis=-1, bitorder="little").view(np.bool_))
    else:
        bits = unpack_bits_reference(words)
    cells = bits.reshape(cascades, n, n, n, BLOCK, BLOCK, BLOCK).permute(0, 1, 4, 2, 5, 3, 6)
    return cells.reshape(cascades, BLOCK * n, BLOCK * n, BLOCK * n)


def unpack_bits_reference(words: Int[Tensor, "*n"]) -> Bool[Tensor, "*n 64"]:
    """The inverse of `pack_bits_reference`."""
    return (words[..., None] >> torch.arange(BLOCK**3, device=words.device) & 1).bool()


def cascade_boxes(inner: Box, cascades: int) -> Float[Tensor, "c 6"]:
    """Smallest and largest corner of each cascade's box, metres."""
    reach = 2.0 ** torch.arange(cascades, device=inner.low.device)[:, None]
    middle, half = 0.5 * (inner.low + inner.high), 0.5 * inner.size
    return torch.cat([middle - reach * half, middle + reach * half], -1)


def cell_index(
    points: Float[Tensor, "n 3"], inner: Box, cascades: int, resolution: int
) -> tuple[Int[Tensor, "n"], Int[Tensor, "n"]]:
    """Cascade and flat cell (x fastest) of world points; each lies in the finest cascade that holds it."""
    unit = inner.unit_from_world(points) * 2.0 - 1.0
    reach = unit.abs().amax(-1)
    cascade = torch.zeros_like(reach, dtype=torch.int64)
    for c in range(1, cascades):
        cascade += (reach > 2.0 ** (c - 1)).long()
    scale = torch.exp2(cascade.to(unit.dtype))[:, None]
    cell = ((unit + scale) * (0.5 * resolution / scale)).long().clamp(0, resolution - 1)
    return cascade, cell[:, 0] + resolution * (cell[:, 1] + resolution * cell[:, 2])


def occupied_at(points: Float[Tensor, "n 3"], words: Int[Tensor, "c bz by bx"], inner: Box) -> Bool[Tensor, "n"]:
    """Whether world points lie in occupied cells, each of the finest cascade that holds it; see `march`."""
    resolution = BLOCK * words.shape[1]
    cascade, cell = cell_index(points, inner, words.shape[0], resolution)
    x, y, z = cell % resolution, cell // resolution % resolution, cell // resolution**2
    word = words[cascade, z // BLOCK, y // BLOCK, x // BLOCK]
    return (word >> (x % BLOCK + BLOCK * (y % BLOCK) + BLOCK**2 * (z % BLOCK)) & 1).bool()


def march_reference(
    rays: Rays, words: Int[Tensor, "c bz by bx"], inner: Box, rule: StepRule, jitter: Float[Tensor, "r"]
) -> Samples:
    """The torch twin of `march`: every step of every ray is looked up."""
    base = rule.index(rays.near) + jitter
    hits = rays.far > rays.near
    count = torch.where(hits, (rule.index(rays.far) - base).ceil(), 0.0).clamp_min(0)
    steps = torch.arange(int(count.max()) if len(rays) else 0, device=base.device)
    start, end = rule.distance(base[:, None] + steps), rule.distance(base[:, None] + steps + 1.0)
    middle = 0.5 * (start + end)
    points = rays.origins[:, None] + middle[..., None] * rays.dirs[:, None]
    occupied = occupied_at(points.reshape(-1, 3), words, inner)
    keep = occupied.reshape(middle.shape) & (start < rays.far[:, None]) & hits[:, None]
    ray = keep.nonzero()[:, 0]
    return Samples(start[keep], torch.minimum(end, rays.far[:, None])[keep], ray, len(rays))


_unpacked: MutableMapping[Tensor, tuple[int, Tensor]] = WeakTensorKeyDictionary()


def _cells(words: Int[Tensor, "c bz by bx"]) -> Bool[Tensor, "c x y z"]:
    """Cells as nerfacc wants them, unpacked anew only where the words have changed."""
    known = _unpacked.get(words)
    if known is None or known[0] != words._version:
        known = words._version, unpack_bits(words).permute(0, 3, 2, 1).contiguous()
        _unpacked[words] = known
    return known[1]


@torch.no_grad()
def march(
    rays: Rays, words: Int[Tensor, "c bz by bx"], inner: Box, rule: StepRule, jitter: Float[Tensor, "r"]
) -> Samples:
    """Occupied steps of all rays, packed.

    Args:
        rays: Rays with near and far, metres.
        words: Occupancy bits, see `pack_bits`; cascade c covers `inner` scaled by 2^c about its middle.
        inner: The box of cascade 0.
        rule: Lengths of steps.
        jitter: Shift of each ray's lattice, in steps, in [0, 1).
    """
    if cuda.takes(rays.origins, rays.dirs, rays.near, rays.far, jitter):
        boxes = cascade_boxes(inner, len(words))
        return cuda.march(rays, _cells(words), boxes, jitter, step=rule.step, cone=rule.cone)
    if not native_core.runs_natively(rays.origins, rays.dirs, rays.near, rays.far, jitter):
        return march_reference(rays, words, inner, rule, jitter)
    arrays = [native_core.array(t) for t in (rays.origins, rays.dirs, rays.near, rays.far, jitter, words)]
    t0, t1, ray, _ = native_core.require().march(
        *arrays, inner.low, inner.high, rule.step, rule.cone, rule.longest, torch.get_num_threads()
    )
    return Samples(torch.from_numpy(t0), torch.from_numpy(t1), torch.from_numpy(ray), len(rays))
