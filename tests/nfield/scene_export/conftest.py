"""The tiny scene and its run, which the tests of the commands have, too."""

from tests.cli.conftest import finished_run, scene_folder

__all__ = ["finished_run", "scene_folder"]
