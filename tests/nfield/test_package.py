"""The package as others import it: its names, its types, and systems that lack modules of ours."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import nfield
from nfield.training.run_lock import only_writer

HIDE = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
"""


def test_all_names_are_there_and_are_those_of_their_modules():
    assert len(nfield.__all__) == 10
    for name in nfield.__all__:
        value = getattr(nfield, name)
        assert value is getattr(importlib.import_module(value.__module__), name)
    assert set(nfield.__all__) <= set(dir(nfield))


def test_another_name_is_refused_with_those_that_there_are():
    with pytest.raises(AttributeError, match="no attribute 'Cammeras'; it has BuildContext, Cameras"):
        nfield.Cammeras  # noqa: B018 # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("package", ["nfield", "avatars", "distill", "viewer", "assets"])
def test_packages_say_that_they_are_typed(package: str):
    (folder,) = importlib.import_module(package).__path__
    assert (Path(folder) / "py.typed").is_file()


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_locks_a_run_is_written_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nfield.training.run_lock.fcntl", None, raising=False)
    with pytest.warns(UserWarning, match="its file system has no locks"), only_writer(tmp_path):
        pass


def test_importing_the_package_imports_no_torch():
    assert _run("import sys, nfield; print('torch' in sys.modules)").strip() == "False"


def test_commands_are_imported_where_unix_modules_are_missing():
    hidden = HIDE.format(hidden=["resource", "fcntl", "pwd", "grp", "termios", "readline"])
    imports = "import nfield.cli.train, nfield.cli.fit, nfield.cli.kinds.avatar, nfield.cli.bench_people\n"
    memory = "from avatars.report import peak_memory\nprint(peak_memory())"
    assert _run(hidden + imports + memory).strip() == "None"
