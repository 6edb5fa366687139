"""A field made of trained ones: pieces of them cut out, moved, recoloured and put together.

PVD's promise is an edit in the architecture that suits it, carried to any other: a conversion of such a field bakes it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from nfield.config_json import from_json
from nfield.errors import OptionError
from nfield.fields.base import BACKENDS, BuildContext, Field, FieldConfig
from nfield.fields.placement import UNMOVED, Placement, Region
from nfield.fields.recolor import Recolor
from nfield.kernels.march import BLOCK, occupied_at
from nfield.types import Box, FieldOutput, Latent, Level, Triple

NOTHING = -30.0
"""Log-density, 1/m, of what is not there."""


@dataclass(frozen=True)
class SourceConfig:
    """A trained field that an edited one is made of, and the grid of its cells: where none is filled, nothing is."""

    backend: str
    """Of the field."""
    options: Mapping[str, object]
    """Of the field."""
    low: Triple
    """Smallest corner of the field's box, metres of its own scene."""
    high: Triple
    """Largest corner."""
    inner_low: Triple
    """Smallest corner of the grid's finest cascade."""
    inner_high: Triple
    """Largest corner."""
    cascades: int
    """Of the grid."""
    resolution: int
    """Cells along an edge of each."""

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise OptionError(f"backend is {self.backend!r}, expected one of {', '.join(BACKENDS)}")
        if self.cascades < 1 or self.resolution < BLOCK or self.resolution % BLOCK:
            raise OptionError(
                f"a grid of {self.cascades} cascades of {self.resolution} cells, expected a multiple of 4"
            )
        _ = self.field  # refuses what is no option of the backend

    @property
    def field(self) -> FieldConfig:
        """Options of the field."""
        return from_json(BACKENDS[self.backend], self.options, where="options")


@dataclass(frozen=True)
class Piece:
    """A part of a source, where it is put."""

    source: int
    """Index of the source."""
    placement: Placement = UNMOVED
    """From the source's world to the edited one."""
    inside: tuple[Region, ...] = ()
    """Where it is, of the source's points: in all of these."""
    outside: tuple[Region, ...] = ()
    """Where it is not: in any of these."""
    colors: tuple[Recolor, ...] = ()
    """Changes of colours, one after the other, of the source's points."""

    def holds(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether points of the source lie in this part of it."""
        held = torch.ones(len(points), dtype=torch.bool, device=points.device)
        for region in self.inside:
            held &= region.holds(points)
        for region in self.outside:
            held &= ~region.holds(points)
        return held


@dataclass(frozen=True)
class EditedConfig(FieldConfig):
    """Sources and the pieces of them; made by `nfield edit`, and no backend that could be trained."""

    sources: tuple[SourceConfig, ...]
    """What it is made of."""
    pieces: tuple[Piece, ...]
    """Which parts of that, and where; where several are, their densities add up."""

    def __post_init__(self) -> None:
        if not self.pieces or not all(0 <= piece.source < len(self.sources) for piece in self.pieces):
            raise OptionError("pieces: expected at least one, each of one of the sources")

    def build(self, context: BuildContext) -> "EditedField":
        """Its sources, untrained."""
        return EditedField(tuple(Source(config, context.generator) for config in self.sources), self.pieces)


class Source(nn.Module):
    """A field and the cells that it fills.

    Args:
        config: What it is.
        generator: Draws first values, which are to be replaced by trained ones.
    """

    def __init__(self, config: SourceConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        box = Box(torch.tensor(config.low), torch.tensor(config.high))
        self.field = config.field.build(BuildContext(box, generator))
        blocks = config.resolution // BLOCK
        words = torch.zeros(config.cascades, blocks, blocks, blocks, dtype=torch.int64)
        self.register_buffer("words", words)
        self.register_buffer("low", torch.tensor(config.inner_low))
        self.register_buffer("high", torch.tensor(config.inner_high))

    @property
    def inner(self) -> Box:
        """The box of the grid's finest cascade."""
        return Box(self.get_buffer("low"), self.get_buffer("high"))

    def occupied(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether points lie in cells that the field fills."""
        return occupied_at(points.detach(), self.get_buffer("words"), self.inner)


class EditedField(Field):
    """Pieces of trained fields, put together: densities add up, colours are their mean, weighted by density.

    Light goes through matter of `scale` times the size with densities divided by it, so that it looks the same.

    Args:
        sources: Trained fields.
        pieces: Parts of them.
    """

    levels = frozenset({Level.DENSITY, Level.COLOR})

    def __init__(self, sources: tuple[Source, ...], pieces: tuple[Piece, ...]) -> None:
        super().__init__()
        self.sources = nn.ModuleList(sources)
        self.pieces = pieces
        fields = [source.field for source in sources]
        self.log_density_range = (NOTHING, max(self._highest(fields[piece.source], piece) for piece in pieces))
        self._widths = [1 + fields[piece.source].feature_dim + len(piece.colors) for piece in pieces]
        self.feature_dim = sum(self._widths)

    @staticmethod
    def _highest(field: Field, piece: Piece) -> float:
        return field.log_density_range[1] - math.log(piece.placement.scale)

    @property
    def initialised(self) -> bool:
        """Whether the centres of all sources are."""
        return all(self._source(piece).field.initialised for piece in self.pieces)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """None: the sources stay as they are."""
        return {}

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """Of each piece its log-density, the source's feature, and where colours change."""
        parts, anywhere = [], torch.zeros_like(points[:, 0])
        for piece in self.pieces:
            source, own = self._source(piece), piece.placement.back(points)
            latent = source.field.encode(own)
            presence = latent.presence * (piece.holds(own) & source.occupied(own))
            density = _there(source.field.log_density(latent) - math.log(piece.placement.scale), presence)
            recolored = [change.holds(own).to(own)[:, None] for change in piece.colors]
            parts += [density[:, None], latent.feature, *recolored]
            anywhere = torch.maximum(anywhere, presence.to(anywhere))
        return Latent(torch.cat(parts, -1), (anywhere > 0.0).to(points))

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """Logarithm of the sum of the pieces' densities."""
        return torch.logsumexp(torch.stack([part[:, 0] for part in feature.split(self._widths, -1)]), 0)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Mean of the pieces' colours by density."""
        parts = feature.split(self._widths, -1)
        shares = torch.stack([part[:, 0] for part in parts]).softmax(0)
        color = torch.zeros_like(dirs)
        for piece, part, share in zip(self.pieces, parts, shares, strict=True):
            inner = self._source(piece).field
            own = inner.color_head(part[:, 1 : 1 + inner.feature_dim], piece.placement.turned_back(dirs))
            for index, change in enumerate(piece.colors):
                own = change.of(own, part[:, 1 + inner.feature_dim + index])
            color = color + share[:, None] * own
        return color

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """Each piece asked where it is, so that two halves cost no more than the whole."""
        total, color = torch.zeros_like(points[:, 0]), torch.zeros_like(points)
        for piece in self.pieces:
            own, here = self._here(piece, points)
            out = self._source(piece).field(own, piece.placement.turned_back(dirs[here]))
            density = out.presence * (out.log_density - math.log(piece.placement.scale)).exp()
            shown = out.color
            for change in piece.colors:
                shown = change.of(shown, change.holds(own).to(own))
            total = total.index_add(0, here, density)
            color = color.index_add(0, here, density[:, None] * shown)
        mean = color / total.clamp_min(1e-30)[:, None]
        return FieldOutput(self._logged(total), mean, (total > 0.0).to(points))

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
        """The same without colours."""
        total = torch.zeros_like(points[:, 0])
        for piece in self.pieces:
            own, here = self._here(piece, points)
            log_density, presence = self._source(piece).field.density_and_presence(own)
            total = total.index_add(0, here, presence * (log_density - math.log(piece.placement.scale)).exp())
        return self._logged(total), (total > 0.0).to(points)

    def _here(self, piece: Piece, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "m 3"], Int[Tensor, "m"]]:
        """The points where a piece is, in its source's world, and their indices."""
        own = piece.placement.back(points)
        here = (piece.holds(own) & self._source(piece).occupied(own)).nonzero()[:, 0]
        return own[here], here

    def _source(self, piece: Piece) -> Source:
        source = self.sources[piece.source]
        assert isinstance(source, Source)
        return source

    def _logged(self, density: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        return density.clamp_min(1e-30).log().clamp(*self.log_density_range)


def without(piece: Piece, region: Region) -> Piece:
    """A piece less what lies in a region of the edited world."""
    return replace(piece, outside=(*piece.outside, region.seen_from(piece.placement)))


def within(piece: Piece, region: Region) -> Piece:
    """What of a piece lies in a region of the edited world."""
    return replace(piece, inside=(*piece.inside, region.seen_from(piece.placement)))


def _there(log_density: Float[Tensor, "n"], presence: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Logarithm of presence times density; `NOTHING` where there is none."""
    return (log_density + presence.clamp_min(1e-30).log()).clamp_min(NOTHING)
