"""From photos or a video to a folder that the loader of COLMAP's captures reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.data.loaders import LOADERS
from nfield.data.posing.keyframes import keyframes
from nfield.data.posing.motion import displacement, sharpness
from nfield.data.posing.outcome import notes_on, require_features, require_registered
from nfield.data.posing.pairs import neighbours, pairs_of_photos
from nfield.data.posing.photos import (
    LEAST,
    LONGEST_EDGE,
    copy_name,
    photos_in,
    require_enough,
    write_picture,
    write_upright,
)
from nfield.data.posing.record import Origin, PosesFolder
from nfield.data.posing.registration import Registration, require_pycolmap
from nfield.data.posing.video import color_frames, frame_count, grey_frames, is_video
from nfield.data.posing.watch import Watch, in_parts, unwatched
from nfield.errors import DataError

MOST_FRAMES = 100
"""Of a video, where nobody says how many."""
_LOOKED_AT = 320
"""Pixels along the longer edge of the frames that are judged."""

_Pairs = Callable[[Sequence[str]], list[tuple[str, str]]]


@dataclass(frozen=True)
class Posed:
    """Poses that were found.

    Attributes:
        folder: In COLMAP's layout.
        notes: What a user should know of it, a sentence each.
    """

    folder: Path
    notes: tuple[str, ...]


def lacks_poses(source: Path) -> bool:
    """Whether something is a video, or a folder of photos that no program has found the poses of."""
    if is_video(source):
        return True
    if not source.is_dir() or any(loader.recognises(source) for loader in LOADERS):
        return False
    return bool(photos_in(source))


def find_poses(source: Path, folder: Path, *, frames: int = MOST_FRAMES, watch: Watch = unwatched) -> Posed:
    """Poses of photos, or of frames of a video; those that were found before are taken from the folder.

    A search that was stopped goes on where it was.

    Args:
        source: A folder of photos, or a video.
        folder: Where to keep the poses and the pictures that they are of.
        frames: How many to take of a video, at most.
        watch: Is told how far it is.

    Raises:
        DataError: There are too few pictures, or they cannot be read or registered.
        BackendUnavailable: The package pycolmap is missing.
    """
    photos = [] if is_video(source) else photos_in(source)
    if not is_video(source):
        require_enough(len(photos), where=source)
    elif not source.is_file():
        raise DataError(f"{source}: does not exist, expected a video; check the path")
    origin = Origin.of(photos) if photos else Origin.of([source], frames=frames)
    kept = PosesFolder(folder)
    notes = kept.notes_on(origin)
    if notes is not None:
        return Posed(folder, notes)
    require_pycolmap()
    kept.begin(origin)
    pictures = _of_photos(photos, kept, watch) if photos else _of_video(source, kept, frames, watch)
    pairs: _Pairs = pairs_of_photos if photos else neighbours
    return Posed(folder, _registered(pictures, kept, pairs, where=source, watch=watch))


def _of_photos(photos: Sequence[Path], kept: PosesFolder, watch: Watch) -> list[str]:
    names: list[str] = []
    for (photo,) in in_parts(photos, 1, step="preparing photos", watch=watch):
        names.append(write_upright(photo, kept.images / copy_name(photo, names)).name)
    return names


def _of_video(video: Path, kept: PosesFolder, most: int, watch: Watch) -> list[str]:
    chosen = _chosen(video, most, watch)
    names: list[str] = []
    for number, frame in enumerate(color_frames(video, LONGEST_EDGE)):
        if number == chosen[len(names)]:
            names.append(write_picture(kept.images / f"frame_{number:06d}.jpg", frame).name)
            watch("writing frames", len(names), len(chosen))
        if len(names) == len(chosen):
            break
    return names


def _chosen(video: Path, most: int, watch: Watch) -> list[int]:
    """Numbers of the frames to take."""
    sharp, motion = _judged(video, watch)
    chosen = keyframes(sharp, np.array(motion), most=most) if motion else []
    if len(chosen) < LEAST:
        raise DataError(
            f"{video}: its camera hardly moves in its {len(motion)} frames, so only {len(chosen)} differ, expected at "
            f"least {LEAST}, better 30 to 100; walk slowly around what is filmed"
        )
    return chosen


def _judged(video: Path, watch: Watch) -> tuple[list[float], list[float]]:
    """Sharpness of each frame, and its motion since the one before in longer edges of the picture."""
    sharp: list[float] = []
    motion: list[float] = []
    total, before = frame_count(video), None
    for frame in grey_frames(video, _LOOKED_AT):
        moved = 0.0 if before is None else displacement(before, frame) / max(frame.shape)
        sharp.append(sharpness(frame))
        motion.append(moved)
        before = frame
        watch("choosing frames", min(len(motion), total), total)
    return sharp, motion


def _registered(
    pictures: Sequence[str], kept: PosesFolder, pairs: _Pairs, *, where: Path, watch: Watch
) -> tuple[str, ...]:
    registration = Registration(kept.images, pictures, kept.work, watch=watch)
    registration.find_features()
    features = registration.match(pairs(pictures))
    require_features(features, where=where)
    models = registration.place(kept.sparse)
    require_registered(models, features, where=where)
    notes = notes_on(models, pictures, where=where)
    kept.finish(notes)
    return notes
