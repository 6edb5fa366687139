"""Neural fields: kernels, encodings, fields, rendering, training.

What a program that uses the library begins with is here by its name; each is imported when it is first asked for, so
that `import nfield` costs nothing.

>>> from nfield import HashConfig
>>> HashConfig().levels
16
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nfield.cameras import Cameras
    from nfield.data.scenes import load_scene
    from nfield.fields import BuildContext, Field, HashConfig
    from nfield.rendering.scene_renderer import SceneRenderer
    from nfield.saved_scene import load_scene_run
    from nfield.training.loop import TrainConfig, train
    from nfield.training.scene import set_up

__all__ = [
    "BuildContext",
    "Cameras",
    "Field",
    "HashConfig",
    "SceneRenderer",
    "TrainConfig",
    "load_scene",
    "load_scene_run",
    "set_up",
    "train",
]

_HOMES = {
    "BuildContext": "nfield.fields",
    "Cameras": "nfield.cameras",
    "Field": "nfield.fields",
    "HashConfig": "nfield.fields",
    "SceneRenderer": "nfield.rendering.scene_renderer",
    "TrainConfig": "nfield.training.loop",
    "load_scene": "nfield.data.scenes",
    "load_scene_run": "nfield.saved_scene",
    "set_up": "nfield.training.scene",
    "train": "nfield.training.loop",
}
"""Modules by what they define of it."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    if name not in _HOMES:
        raise AttributeError(f"module 'nfield' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
