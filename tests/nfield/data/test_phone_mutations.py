"""What phones write, wrong in three hundred ways: each is taken, or refused in a line that names the folder."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from nfield.data.loaders import load_capture
from tests.mutations import check_refusals
from tests.nfield.data.loaders.test_phones import write_polycam, write_record3d

COUNT = 300


@pytest.mark.parametrize("write", [write_polycam, write_record3d])
def test_each_is_taken_or_refused_in_a_line(write: Any, tmp_path: Path):
    written = write(tmp_path)
    path = sorted(written.iterdir())[2] if written.is_dir() else written
    original = json.loads(path.read_text())

    def read(document: Any) -> None:
        path.write_text(json.dumps(document))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_capture(tmp_path)

    check_refusals(original, read, count=COUNT, seed=8, named=str(tmp_path))
