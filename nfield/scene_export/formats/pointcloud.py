"""A scene's surfaces as coloured points with normals."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from nfield.data.picture_files import to_bytes
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.export.ply_file import ply_bytes
from nfield.saved_scene import KIND, load_scene_run
from nfield.scene_export.normals import normals_at
from nfield.scene_export.seen_points import seen_points
from nfield.whole_file import write_atomically

_FEWEST, _MOST = 100, 20_000_000


@dataclass(frozen=True)
class PointcloudOptions:
    """Options of --to pointcloud."""

    points: int = 500_000
    """Points, where random rays of the scene's cameras meet its surfaces."""
    seed: int = 0
    """Of these rays."""


@dataclass(frozen=True)
class PointcloudFile:
    """The format."""

    about: str = "points on the scene's surfaces with colours and normals (PLY)"
    suffix: str = ".points.ply"
    endings: tuple[str, ...] = ()
    options: PointcloudOptions = field(default_factory=PointcloudOptions)

    def write(
        self, run: Path, out: Path, options: PointcloudOptions, tell: Tell, *, device: torch.device = CPU
    ) -> None:
        """See `nfield.export.Export`."""
        if not _FEWEST <= options.points <= _MOST:
            raise OptionError(f"--points: is {options.points}, expected {_FEWEST} to {_MOST:,} points")
        saved = load_scene_run(run).offloaded(device)
        generator = torch.Generator().manual_seed(options.seed)
        found = seen_points(saved.shown, saved.cameras, options.points, generator=generator)
        normals = normals_at(saved.shown, found)
        places = saved.record.world.user_from_scene(found.places.double().numpy())
        colors = to_bytes(found.colors[None])[0].numpy()
        write_atomically(out, ply_bytes(places, normals.numpy(), colors))


register(KIND, "pointcloud", PointcloudFile())
