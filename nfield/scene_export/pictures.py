"""Which pictures a run's cameras took: runs keep cameras alone, so the capture is looked up where it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from nfield.data.capture import Capture, Shot
from nfield.data.loaders import LoadOptions, load_capture
from nfield.errors import NFieldError
from nfield.export import Tell
from nfield.saved_scene import SavedScene
from nfield.training.scene_run import plan_of

_FARTHEST = 0.2
"""Between a camera and that of its picture: entries of rotations, and places over the cameras' spread."""


@dataclass(frozen=True)
class Pictures:
    """The pictures behind a run.

    Attributes:
        shots: Of each of the run's cameras its picture, in their order; None where the capture is not there any more.
    """

    shots: tuple[Shot, ...] | None

    @staticmethod
    def of(run: Path, saved: SavedScene, tell: Tell) -> "Pictures":
        """The pictures that a run was trained on.

        Args:
            run: Its folder.
            saved: What it holds.
            tell: Is told where they cannot be found.
        """
        try:
            plan = plan_of(saved.checkpoint, where=run)
            capture = load_capture(Path(plan.data), LoadOptions(plan.convention))
        except NFieldError as error:
            tell(f"the pictures are not found, so names and sizes of files are made up: {error}")
            return Pictures(None)
        found = matched(saved, capture)
        if found is None:
            tell(f"{capture.where}: has other cameras than the run, so names and sizes of files are made up")
        return Pictures(found)


def matched(saved: SavedScene, capture: Capture) -> tuple[Shot, ...] | None:
    """The shot that stands nearest to each camera of a run; None where two share one, or one is far from all.

    Cameras may have been refined since, so they need not stand where the capture says.
    """
    given = saved.record.world.poses_from_user(capture.poses)
    own = saved.cameras.world_from_camera.double().numpy()
    center = given[:, :3, 3].mean(0)
    spread = max(float(np.linalg.norm(given[:, :3, 3] - center, axis=-1).max()), 1e-9)
    distance, index = KDTree(_features(given, center, spread)).query(_features(own, center, spread))
    if len(np.unique(index)) < len(own) or float(np.max(distance)) > _FARTHEST:
        return None
    return tuple(capture.shots[i] for i in np.asarray(index).tolist())


def _features(poses: np.ndarray, center: np.ndarray, spread: float) -> np.ndarray:
    return np.concatenate([poses[:, :3, :3].reshape(-1, 9), (poses[:, :3, 3] - center) / spread], -1)


def common_folder(paths: Sequence[Path]) -> Path:
    """The deepest folder that holds all of some files, at least one."""
    shared = paths[0].parent
    while not all(path.is_relative_to(shared) for path in paths):
        shared = shared.parent
    return shared
