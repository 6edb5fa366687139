"""Cameras as `transforms.json`, as instant-ngp and nerfstudio read it: camera to world, OpenGL camera axes."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nfield.data.capture import Lens
from nfield.data.conventions import write_poses
from nfield.lenses import COEFFICIENTS, Projection
from nfield.scene_export.users_cameras import UsersCameras

_PERSPECTIVE_KEYS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4")
_FISHEYE_KEYS = {0: "k1", 1: "k2", 2: "p1", 3: "p2", 4: "k3", 8: "sx1", 10: "sy1", 12: "k4"}
_RATIONAL = slice(5, 8)
_LAST = 12


def transforms_document(cameras: UsersCameras, folder: Path) -> dict[str, Any]:
    """The file's content; what all lenses share stands at its top.

    Args:
        cameras: To be written.
        folder: In which the file will lie: paths of pictures are relative to it.
    """
    lenses = [lens_entries(lens) for lens in cameras.lenses]
    shared = lenses[0] if all(lens == lenses[0] for lens in lenses) else {}
    written = write_poses(cameras.world_from_camera, "opengl")
    places = _places(cameras, folder)
    frames = [
        {**place, **(lens if not shared else {}), "transform_matrix": pose.tolist()}
        for place, lens, pose in zip(places, lenses, written, strict=True)
    ]
    return {**shared, "frames": frames}


def transforms_bytes(cameras: UsersCameras, folder: Path) -> bytes:
    """The file; see `transforms_document`."""
    return (json.dumps(transforms_document(cameras, folder), indent=1) + "\n").encode()


def lens_entries(lens: Lens) -> dict[str, Any]:
    """A lens in the words of such files, all numbers in pixels of its size."""
    height, width = lens.size
    size = {"w": width, "h": height}
    return {**size, **_LENSES[lens.projection](lens)}


def _matrix(lens: Lens) -> dict[str, float]:
    return {"fl_x": lens.focal[0], "fl_y": lens.focal[1], "cx": lens.center[0], "cy": lens.center[1]}


def _perspective(lens: Lens) -> dict[str, Any]:
    """The factor of r^8 has the name k4 in these files where nothing is rational."""
    values = np.zeros(COEFFICIENTS)
    values[: len(lens.distortion)] = lens.distortion
    rational = bool(values[_RATIONAL].any())
    terms = {key: float(value) for key, value in zip(_PERSPECTIVE_KEYS, values, strict=False) if value}
    if values[_LAST]:
        terms["k4"] = float(values[_LAST])
    model = "FULL_OPENCV" if rational else "OPENCV" if terms else "PINHOLE"
    return {"camera_model": model, **_matrix(lens), **terms}


def _fisheye(lens: Lens) -> dict[str, Any]:
    terms = {_FISHEYE_KEYS[place]: value for place, value in enumerate(lens.distortion) if value}
    return {"camera_model": "OPENCV_FISHEYE", **_matrix(lens), **terms}


def _panorama(lens: Lens) -> dict[str, Any]:
    return {"camera_model": "EQUIRECTANGULAR"}


_LENSES: dict[Projection, Callable[[Lens], dict[str, Any]]] = {
    Projection.PERSPECTIVE: _perspective,
    Projection.EQUIDISTANT: _fisheye,
    Projection.EQUIRECTANGULAR: _panorama,
}


def _places(cameras: UsersCameras, folder: Path) -> Sequence[dict[str, str]]:
    """Where each camera's picture lies, and its mask; made-up names where nobody knows."""
    if cameras.shots is None:
        return [{"file_path": f"images/{index:05d}.png"} for index in range(len(cameras))]
    return [
        {"file_path": _relative(shot.path, folder)}
        | ({} if shot.mask is None else {"mask_path": _relative(shot.mask, folder)})
        for shot in cameras.shots
    ]


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
