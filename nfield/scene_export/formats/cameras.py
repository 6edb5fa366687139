"""A scene's cameras, as a transforms file and as a COLMAP model."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from nfield.data.picture_files import to_bytes
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.saved_scene import KIND, SavedScene, load_scene_run
from nfield.scene_export.colmap_text import ColoredPoints, write_colmap
from nfield.scene_export.pictures import Pictures, common_folder
from nfield.scene_export.seen_points import seen_points
from nfield.scene_export.transforms_json import transforms_bytes
from nfield.scene_export.users_cameras import UsersCameras
from nfield.whole_file import write_atomically

_MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class CamerasOptions:
    """Options of --to cameras."""

    colmap: bool = True
    """Also write the folder NAME.colmap with a COLMAP model in text (sparse/0) and a link to the pictures (images)."""
    points: int = 10_000
    """Points on the field's surfaces in the COLMAP model, from which Gaussian splatting can start."""
    seed: int = 0
    """Of the choice of these points."""


@dataclass(frozen=True)
class CamerasFile:
    """The format."""

    about: str = "cameras of the scene (transforms.json of instant-ngp and nerfstudio, with COLMAP's files beside it)"
    suffix: str = ".transforms.json"
    endings: tuple[str, ...] = ()
    options: CamerasOptions = field(default_factory=CamerasOptions)

    def write(self, run: Path, out: Path, options: CamerasOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        if not 0 <= options.points <= _MOST_POINTS:
            raise OptionError(f"--points: is {options.points}, expected 0 to {_MOST_POINTS:,} points")
        saved = load_scene_run(run)
        cameras = UsersCameras.of(saved.cameras, saved.record.world, Pictures.of(run, saved, tell))
        if options.colmap:
            folder = colmap_folder(out)
            write_colmap(folder / "sparse" / "0", cameras, _points(saved, options))
            tell(f"COLMAP's model: {folder}")
            _link_pictures(folder, cameras, tell)
        write_atomically(out, transforms_bytes(cameras, out.parent))


def colmap_folder(out: Path) -> Path:
    """Where COLMAP's model lies beside a transforms file."""
    return out.with_name(out.name.removesuffix(".json").removesuffix(".transforms") + ".colmap")


def _points(saved: SavedScene, options: CamerasOptions) -> ColoredPoints:
    generator = torch.Generator().manual_seed(options.seed)
    found = seen_points(saved.shown, saved.cameras, options.points, generator=generator)
    places = saved.record.world.user_from_scene(found.places.double().numpy())
    return ColoredPoints(places, to_bytes(found.colors[None])[0].numpy())


def _link_pictures(folder: Path, cameras: UsersCameras, tell: Tell) -> None:
    """Puts the folder of the pictures where programs look for it beside a model."""
    link = folder / "images"
    if cameras.shots is None or link.exists():
        return
    pictures = common_folder([shot.path.resolve() for shot in cameras.shots])
    try:
        link.unlink(missing_ok=True)
        link.symlink_to(pictures, target_is_directory=True)
    except OSError:  # Windows asks for a right to do so
        tell(f"its pictures lie in {pictures}: copy or link that folder to {link}")


register(KIND, "cameras", CamerasFile())
