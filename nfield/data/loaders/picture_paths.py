"""Where the pictures of a capture lie, though their names were written elsewhere; and their masks."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".webp")
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_MASKS = "masks"
_USUAL = "images"
_MOST_FILES = 200_000


class PictureFinder:
    """Finds pictures by the names that files give them.

    Args:
        folder: Of the capture.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exactly(self, name: str) -> Path | None:
        """The picture where the name says, with or without its suffix; None where there is none."""
        base = self.folder / _slashed(name)
        return next((path for suffix in _SUFFIXES if (path := Path(f"{base}{suffix}")).is_file()), None)

    def anywhere(self, name: str, taken: Collection[Path] = ()) -> Path | None:
        """The picture of that file name in the capture's folder: that which shares most of the path, or the nearest.

        Args:
            name: As a file writes it.
            taken: Pictures that are known to be others.
        """
        wanted = PurePosixPath(_slashed(name))
        named = (self._by_name.get(key.lower(), []) for key in (wanted.name, wanted.stem))
        found = next((free for paths in named if (free := [path for path in paths if path not in taken])), None)
        return max(found, key=lambda path: self._likeness(path, wanted)) if found else None

    def mask_of(self, picture: Path) -> Path | None:
        """Its mask in the folder `masks`, named as COLMAP does (NAME.jpg.png) or like the picture."""
        folder = self.folder / _MASKS
        if not folder.is_dir():
            return None
        inside = _inside(picture, self.folder)
        names = [inside, PurePosixPath(*inside.parts[1:]), PurePosixPath(inside.name)]
        for name in names:
            if not name.name:
                continue
            for candidate in (f"{name}.png", str(name.with_suffix(".png")), str(name)):
                if (folder / candidate).is_file():
                    return folder / candidate
        return None

    @cached_property
    def _by_name(self) -> Mapping[str, list[Path]]:
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for count, path in enumerate(sorted(self.folder.rglob("*"))):
            if count > _MOST_FILES:
                break
            if path.suffix.lower() in _PICTURES and _MASKS not in _inside(path, self.folder).parts:
                found[path.name.lower()].append(path)
                found[path.stem.lower()].append(path)
        return found

    def _likeness(self, path: Path, wanted: PurePosixPath) -> tuple[int, bool, int, str]:
        own = _inside(path, self.folder).parts
        shared = 0
        for one, other in zip(own[-2::-1], wanted.parts[-2::-1], strict=False):
            if one.lower() != other.lower():
                break
            shared += 1
        return shared, _USUAL in own, -len(own), str(path)


def pictures_in(folder: Path) -> list[Path]:
    """Pictures that lie in a folder itself, by name; none where it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and path.is_file())


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


def _inside(path: Path, folder: Path) -> PurePosixPath:
    relative = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return PurePosixPath(relative.as_posix())
