"""Fixtures that several suites share."""

import os
from pathlib import Path

import pytest
import torch

_DEVELOPMENT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real captures used in development (NFIELD_TEST_DATA, or ../shared/data); skips where absent."""
    folder = Path(os.environ.get("NFIELD_TEST_DATA", _DEVELOPMENT_DATA))
    if not folder.is_dir():
        pytest.skip(f"real captures are not here ({folder}); set NFIELD_TEST_DATA to run this test")
    return folder


@pytest.fixture
def generator() -> torch.Generator:
    """A generator with a fixed seed."""
    return torch.Generator().manual_seed(0)
