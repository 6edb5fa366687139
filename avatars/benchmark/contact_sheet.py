"""Pictures to look at: the truth and all rows beside each other, from some of the held-out views."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from avatars.benchmark.truth_cache import CachedTruth
from avatars.benchmark.views import PHOTO_POSE, View

SOURCE = "source"
"""Name of an avatar's picture from the photo's camera."""
_ANGLES = (0.0, 45.0, 90.0, 135.0, 180.0)
_POSES = (("walk", 45.0), ("sit", 315.0))
_WIDTH, _HEIGHT, _CAPTION, _MARGIN = 240, 320, 24, 170
_FILTER = Image.Resampling.LANCZOS
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def shown(views: Sequence[View]) -> list[View]:
    """The views of a sheet: five of the photo's pose from the front to the back, and two of other poses.

    Where a plan lacks one, the nearest takes its place; the two poses are its first two where it has neither.
    """
    level = [view for view in views if view.pose == PHOTO_POSE and view.elevation == 0.0]
    names = list(dict.fromkeys(view.pose for view in views if view.pose != PHOTO_POSE))
    wanted = [(pose, angle) for pose, angle in _POSES if pose in names] or [(name, 45.0) for name in names[:2]]
    posed = [_nearest([view for view in views if view.pose == pose], angle) for pose, angle in wanted]
    around = [_nearest(level, angle) for angle in _ANGLES] if level else []
    return list(dict.fromkeys([*around, *posed]))


def write_sheet(path: Path, truth: CachedTruth, views: Sequence[View], rows: Mapping[str, Path]) -> None:
    """Writes a sheet: columns are the photo's view and those of `shown`, lines the truth and the rows.

    Args:
        path: The PNG file.
        truth: Of the person.
        views: All held-out views.
        rows: The folder of pictures of each row; what it lacks stays empty.
    """
    columns = [SOURCE, *(view.name for view in shown(views))]
    lines = {"truth": [truth.folder / f"{'photo' if name == SOURCE else name}.png" for name in columns]}
    lines |= {row: [folder / f"{name}.png" for name in columns] for row, folder in rows.items()}
    size = (_MARGIN + _WIDTH * len(columns), _CAPTION + _HEIGHT * len(lines))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(columns):
        pen.text((_MARGIN + column * _WIDTH + 8, 6), "photo" if name == SOURCE else name, fill=_INK)
    for line, (row, files) in enumerate(lines.items()):
        top = _CAPTION + line * _HEIGHT
        pen.text((8, top + 8), row.replace(", ", ",\n"), fill=_INK)
        for column, file in enumerate(files):
            if file.is_file():
                sheet.paste(_small(file), (_MARGIN + column * _WIDTH, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _nearest(views: Sequence[View], azimuth: float) -> View:
    return min(views, key=lambda view: abs((view.azimuth - azimuth + 180.0) % 360.0 - 180.0))


def _small(file: Path) -> Image.Image:
    """The middle of a picture, three quarters of its width; people are taller than wide."""
    with Image.open(file) as picture:
        width, height = picture.size
        cut = round(0.5 * (width - height * _WIDTH / _HEIGHT))
        return picture.convert("RGB").crop((cut, 0, width - cut, height)).resize((_WIDTH, _HEIGHT), _FILTER)
