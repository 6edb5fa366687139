"""Edits of trained scenes: cropping, erasing, moving, recolouring, putting together; the result is a scene again."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from nfield.cameras import Cameras
from nfield.checkpoint import Checkpoint, backend_of, restore_module
from nfield.config_json import to_json
from nfield.errors import OptionError
from nfield.fields.edited import EditedConfig, EditedField, Piece, Source, SourceConfig, within, without
from nfield.fields.placement import Placement, Region
from nfield.fields.recolor import Recolor
from nfield.kernels.march import BLOCK, cascade_boxes, cell_index, unpack_bits
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.occupancy import OccupancySampler, grown_cells
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.saved_scene import KIND, BoxRecord, OrbitRecord, SavedScene, SceneRecord, camera_tensors
from nfield.types import Box, triple

_PASSES = 8
"""Times that each cell of a new grid is looked at."""
_CORNERS = 2
"""Points along an edge of a cell at which it is asked what of it is left."""
_DENSEST = 8
"""The same at most where cells of a new grid are looked for."""
_RESOLUTIONS = (64, 192)
_STEPS = (64, 1024)
_MARGIN = 1e-3


@dataclass(frozen=True)
class Edit:
    """A scene while it is edited.

    Attributes:
        sources: Trained fields, with their options.
        pieces: What is left of them, and where.
        record: How the scene was rendered before.
        cameras: Where its photos were taken.
        box: Of the scene before, metres.
    """

    sources: tuple[tuple[SourceConfig, Source], ...]
    pieces: tuple[Piece, ...]
    record: SceneRecord
    cameras: Cameras
    box: Box

    @property
    def config(self) -> EditedConfig:
        """Of the edited field."""
        return EditedConfig(tuple(config for config, _ in self.sources), self.pieces)

    @property
    def field(self) -> EditedField:
        """The edited field."""
        return EditedField(tuple(source for _, source in self.sources), self.pieces)

    def of_pieces(self, change: Callable[[Piece], Iterable[Piece]]) -> "Edit":
        """Each piece replaced by others."""
        return replace(self, pieces=tuple(new for piece in self.pieces for new in change(piece)))


def opened(saved: SavedScene) -> Edit:
    """A scene to be edited, one that was edited before included."""
    config, field = saved.checkpoint.field, saved.shown.field
    if isinstance(field, EditedField):
        assert isinstance(config, EditedConfig)
        trained = [source for source in field.sources if isinstance(source, Source)]
        sources, pieces = tuple(zip(config.sources, trained, strict=True)), field.pieces
    else:
        sources, pieces = (_source(saved),), (Piece(0),)
    return Edit(sources, pieces, saved.record, saved.cameras, saved.shown.box)


def _source(saved: SavedScene) -> tuple[SourceConfig, Source]:
    """A trained scene's field and grid."""
    sampler = saved.shown.renderer.sampler
    assert isinstance(sampler, OccupancySampler)
    inner = saved.record.inner
    source_config = SourceConfig(
        backend=backend_of(saved.checkpoint),
        options=to_json(saved.checkpoint.field),
        low=triple(saved.shown.box.low),
        high=triple(saved.shown.box.high),
        inner_low=inner.low,
        inner_high=inner.high,
        cascades=sampler.config.cascades,
        resolution=sampler.config.resolution,
    )
    source = Source(source_config)
    restore_module(source.field, saved.shown.field.state_dict(), where=source_config.backend)
    source.get_buffer("words").copy_(sampler.get_buffer("words"))
    return source_config, source.eval()


def whole_of(checkpoint: Checkpoint) -> tuple[EditedConfig, dict[str, Shaped[Tensor, "..."]]]:
    """A run's field as an edited one of a single piece, all of it, whatever fills it; and its tensors.

    Args:
        checkpoint: Of a run whose field was not edited before.
    """
    low, high = triple(checkpoint.box.low), triple(checkpoint.box.high)
    source = SourceConfig(backend_of(checkpoint), to_json(checkpoint.field), low, high, low, high, 1, BLOCK)
    tensors = {f"field.sources.0.field.{name}": tensor for name, tensor in checkpoint.part("field").items()}
    grid = {
        "words": torch.full((1, 1, 1, 1), -1, dtype=torch.int64),
        "low": checkpoint.box.low.clone(),
        "high": checkpoint.box.high.clone(),
    }
    tensors |= {f"field.sources.0.{name}": tensor for name, tensor in grid.items()}
    return EditedConfig((source,), (Piece(0),)), tensors


def cropped(edit: Edit, region: Region) -> Edit:
    """What lies in a region, and nothing else."""
    return edit.of_pieces(lambda piece: [within(piece, region)])


def erased(edit: Edit, region: Region) -> Edit:
    """All but what lies in a region."""
    return edit.of_pieces(lambda piece: [without(piece, region)])


def moved(edit: Edit, region: Region | None, placement: Placement, *, copy: bool = False) -> Edit:
    """What lies in a region, put elsewhere.

    Args:
        edit: The scene.
        region: What is moved; None is all.
        placement: Where it is put, in the scene's world.
        copy: It stays where it was as well.
    """

    def change(piece: Piece) -> list[Piece]:
        taken = piece if region is None else within(piece, region)
        new = replace(taken, placement=placement.after(piece.placement))
        if copy:
            return [piece, new]
        return [new] if region is None else [without(piece, region), new]

    return edit.of_pieces(change)


def recolored(edit: Edit, change: Recolor) -> Edit:
    """Other colours, in the change's region of the scene's world."""

    def painted(piece: Piece) -> list[Piece]:
        region = None if change.region is None else change.region.seen_from(piece.placement)
        return [replace(piece, colors=(*piece.colors, replace(change, region=region)))]

    return edit.of_pieces(painted)


def joined(edit: Edit, other: Edit, placement: Placement) -> Edit:
    """A scene and another one in it.

    Args:
        edit: The scene, whose cameras and background stay.
        other: What is added.
        placement: From the other's world to the scene's.
    """
    first = len(edit.sources)
    added = tuple(
        replace(piece, source=first + piece.source, placement=placement.after(piece.placement))
        for piece in other.pieces
    )
    return replace(edit, sources=edit.sources + other.sources, pieces=edit.pieces + added)


def between_worlds(edit: Edit, other: Edit) -> Placement:
    """From another scene's world to this one's, such that both lie in the world of the user's files as they did."""
    own, theirs = edit.record.world, other.record.world
    scale = own.scale / theirs.scale
    x, y, z = ((b - a) * own.scale for a, b in zip(own.origin, theirs.origin, strict=True))
    return Placement(scale=scale, shift=(x, y, z))


def extent(edit: Edit) -> Box | None:
    """The box around what may be seen of a scene, metres, by the grids of its sources; None where nothing is left."""
    found = [
        Box.around(piece.placement.of(points), margin=0.5 * apart * piece.placement.scale)
        for piece in edit.pieces
        for points, apart in _filled(piece, edit.sources[piece.source][1], lambda cell: _CORNERS)
        if len(points)
    ]
    if not found:
        return None
    return Box(torch.stack([box.low for box in found]).amin(0), torch.stack([box.high for box in found]).amax(0))


def _filled(
    piece: Piece, source: Source, along: Callable[[float], int]
) -> Iterator[tuple[Float[Tensor, "n 3"], float]]:
    """Points in the source's occupied cells that belong to a piece, some at a time, and how far apart they are.

    Args:
        piece: The piece.
        source: Its source.
        along: Points along an edge of a cell, from its length, metres.
    """
    words = source.get_buffer("words")
    resolution = BLOCK * words.shape[1]
    for occupied, bounds in zip(unpack_bits(words), cascade_boxes(source.inner, len(words)), strict=True):
        cell = (bounds[3:] - bounds[:3]) / resolution
        count = along(float(cell.max()))
        corner = occupied.nonzero().flip(-1)  # z, y, x there
        for offset in torch.cartesian_prod(*[(torch.arange(count) + 0.5) / count] * 3).view(-1, 3):
            points = bounds[:3] + (corner + offset) * cell
            held = piece.holds(points)
            if len(words) > 1:  # a coarser cascade says nothing about what a finer one covers
                held &= source.occupied(points)
            yield points[held], float(cell.max()) / count


def _possible(edit: Edit, sampler: OccupancySampler) -> Bool[Tensor, "c m"]:
    """Cells of a new grid in which, or beside which, something may be."""
    config, inner = sampler.config, sampler.inner
    size, resolution = float(inner.size.min()) / config.resolution, config.resolution
    marked = torch.zeros(config.cascades, resolution**3, dtype=torch.bool)
    for piece in edit.pieces:
        scale = piece.placement.scale
        along = partial(_points_along, scale=scale, size=size)
        for points, _ in _filled(piece, edit.sources[piece.source][1], along):
            marked[cell_index(piece.placement.of(points), inner, config.cascades, resolution)] = True
    return grown_cells(marked, resolution)


def _points_along(cell: float, *, scale: float, size: float) -> int:
    """Points along an edge of a source's cell that leave no cell of the new grid out."""
    return min(max(math.ceil(cell * scale / size), 1), _DENSEST)


@dataclass(frozen=True)
class Finished:
    """An edited scene, ready to be looked at and saved.

    Attributes:
        shown: Renders it.
        record: How.
        checkpoint: The run.
    """

    shown: SceneRenderer
    record: SceneRecord
    checkpoint: Checkpoint


def finished(edit: Edit, *, note: Mapping[str, object], seed: int = 0) -> Finished:
    """An edited scene with a box and a grid of its own.

    Args:
        edit: The scene.
        note: What was done, for the checkpoint's entry "edit".
        seed: Of the points at which the grid's cells are looked at.

    Raises:
        OptionError: Nothing is left of it.
    """
    left = extent(edit)
    if left is None:
        raise OptionError(
            "nothing would be left of the scene; give another box (nfield edit extent RUN shows where it is)"
        )
    record, box = _framed(edit, left)
    field = edit.field.eval()
    sampler = OccupancySampler(record.inner.box, record.sampler)
    sampler.keep_cells(_possible(edit, sampler))
    sampler.rebuild(field, generator=torch.Generator().manual_seed(seed), passes=_PASSES)
    shown = SceneRenderer(field, Renderer(sampler), box, record.near, record.background)
    tensors = {
        **{f"field.{name}": tensor for name, tensor in field.state_dict().items()},
        **{f"sampler.{name}": tensor for name, tensor in sampler.state_dict().items()},
        **camera_tensors(edit.cameras),
    }
    extra = {"scene": to_json(record), "edit": dict(note)}
    return Finished(shown, record, Checkpoint(KIND, edit.config, box, _plain(tensors), extra=extra))


def _framed(edit: Edit, left: Box) -> tuple[SceneRecord, Box]:
    """How a scene is rendered whose matter lies elsewhere now, and its box.

    The box of an object is drawn around what is left of it, at steps of the same length. That of a capture with
    nested grids stays, and is doubled until it holds everything.
    """
    record = edit.record
    if record.sampler.cascades > 1:
        return _doubled(record, edit.box, left)
    before = record.inner.box
    box = Box.around(torch.stack([left.low, left.high]), margin=_MARGIN * float(left.size.norm()))
    ratio = float(box.size.norm() / before.size.norm())
    cells = record.sampler.resolution * float(box.size.max() / before.size.max())
    low, high = _RESOLUTIONS[0], max(_RESOLUTIONS[1], record.sampler.resolution)
    sampler = replace(
        record.sampler,
        steps=min(max(math.ceil(record.sampler.steps * ratio), _STEPS[0]), _STEPS[1]),
        resolution=min(max(BLOCK * math.ceil(cells / BLOCK), low, record.sampler.resolution), high),
    )
    orbit = _reframed(record.orbit, left, ratio)
    return replace(record, inner=BoxRecord(triple(box.low), triple(box.high)), sampler=sampler, orbit=orbit), box


def _doubled(record: SceneRecord, box: Box, left: Box) -> tuple[SceneRecord, Box]:
    cascades = record.sampler.cascades
    while not _holds(box, left):
        cascades += 1
        low, high = cascade_boxes(record.inner.box, cascades)[-1].split(3)
        box = Box(torch.minimum(low, box.low), torch.maximum(high, box.high))
    return replace(record, sampler=replace(record.sampler, cascades=cascades)), box


def _holds(box: Box, other: Box) -> bool:
    slack = _MARGIN * float(box.size.max())
    return bool((other.low >= box.low - slack).all() and (other.high <= box.high + slack).all())


def _reframed(orbit: OrbitRecord, left: Box, ratio: float) -> OrbitRecord:
    """An orbit around what is left, from as much nearer or further as that is smaller or larger."""
    x, y, z = (ratio * offset for offset in orbit.start)
    return replace(orbit, target=triple(0.5 * (left.low + left.high)), start=(x, y, z))


def _plain(tensors: Mapping[str, Shaped[Tensor, "..."]]) -> dict[str, Shaped[Tensor, "..."]]:
    """Copies, so that no two names share memory: a source may stand under several."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
