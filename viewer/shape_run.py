"""What a run of kind "distance" shows: its surface, slices with lines of equal distance, and the mesh itself."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from trimesh import Trimesh

from nfield.cameras import Cameras
from nfield.devices import CPU
from nfield.errors import NFieldError
from nfield.rendering.image import Image, ShouldStop
from nfield.shapes.drawing import drawn, orbit, slice_through
from nfield.shapes.run import SavedShape, load_shape_run
from nfield.shapes.surface import zero_set
from nfield.shapes.user_mesh import read_mesh
from nfield.training.run_folder import read_json
from viewer.interface import Subject, View
from viewer.scene_run import home_of, refuse_motion, run_facts

_RESOLUTION = 256
_SIZE = (480, 480)


def load_subject(run: Path, *, motion: Path | None = None, device: torch.device = CPU) -> Subject:
    """The subject of a run folder.

    Args:
        run: The folder.
        motion: Nothing that a mesh could follow.
        device: Where the field answers.

    Raises:
        CheckpointError: The folder holds no field of distances that can be used.
        OptionError: A motion is given.
    """
    refuse_motion(run, motion, what="mesh")
    saved = load_shape_run(run, device=device)
    views = {"surface": mesh_view(lambda: zero_set(saved.signal, _RESOLUTION))}
    views |= {f"slice across {name}": slice_view(saved, axis) for axis, name in reversed(list(enumerate("xyz")))}
    mesh = _mesh(saved)
    views |= {} if mesh is None else {"mesh": mesh_view(lambda: mesh)}
    return Subject(run.resolve().name, "mesh", views, home_of(orbit(_SIZE)), _facts(run, saved))


def mesh_view(surface: Callable[[], Trimesh]) -> View:
    """Shows a mesh.

    Args:
        surface: Gives it; called once, when it is first shown.
    """
    found = cache(surface)

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        mesh = found()
        return None if should_stop() else drawn(mesh, camera, size)

    return view


def slice_view(saved: SavedShape, axis: int) -> View:
    """Shows distances in a plane through the middle.

    Args:
        saved: Gives them.
        axis: Across the plane.
    """

    def view(camera: Cameras, size: tuple[int, int], should_stop: ShouldStop) -> Image | None:
        return slice_through(saved.signal, axis, camera, size, should_stop)

    return view


def _facts(run: Path, saved: SavedShape) -> dict[str, str]:
    measured = read_json(run / "eval.json")
    forms = {"iou": ("IoU", "{:.4f}"), "normal_error": ("normals", "{:.2f}° off"), "chamfer": ("Chamfer", "{:.2g}")}
    found = {
        label: form.format(measured[name])
        for name, (label, form) in forms.items()
        if isinstance(measured.get(name), int | float)
    }
    return {**found, "mesh": Path(saved.plan.mesh).name, **run_facts(run, saved.checkpoint)}


def _mesh(saved: SavedShape) -> Trimesh | None:
    """The mesh that was fitted, if its file is still there and is the same."""
    try:
        mesh = read_mesh(Path(saved.plan.mesh))
    except NFieldError:
        return None
    return mesh.trimesh if mesh.world == saved.plan.world else None
