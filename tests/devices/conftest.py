"""The stand-in device, and no native core: its twins are what a device without one runs."""

import pytest
import torch

from nfield.kernels import native_core

standin = pytest.importorskip(
    "tests.devices.standin", reason="this torch has no hook for devices of others", exc_type=ImportError
)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    monkeypatch.setattr(torch, "tensor", standin.made)
    return standin.DEVICE


@pytest.fixture
def no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins on the CPU as well, so that both devices compute the same."""
    monkeypatch.setattr(native_core, "core", lambda: None)
