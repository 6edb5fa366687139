"""What the tests of kernels share: every build of the native core that this processor runs, and distances."""

from collections.abc import Callable, Sequence

import pytest
import torch

from nfield.kernels import native_core


@pytest.fixture(params=native_core.BUILDS)
def build(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes one build of the native core the one in use."""
    module = native_core.load(request.param)
    if module is None:
        pytest.skip(f"the {request.param} core was not compiled, or this processor cannot run it")
    monkeypatch.setattr(native_core, "core", lambda: module)
    return request.param


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the fastest build the one in use, whatever the environment says; skips where there is none."""
    loaded = [module for module in map(native_core.load, native_core.BUILDS) if module is not None]
    if not loaded:
        pytest.skip("the native core was not compiled")
    monkeypatch.setattr(native_core, "core", lambda: loaded[0])


Difference = Callable[[Callable[..., torch.Tensor], Callable[..., torch.Tensor], Sequence[torch.Tensor]], list[float]]


@pytest.fixture
def difference() -> Difference:
    """Largest relative differences of an op from its twin in double precision: its value, then each gradient."""

    def measured(
        native: Callable[..., torch.Tensor], twin: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor]
    ) -> list[float]:
        results = []
        for function, dtype in ((native, torch.float32), (twin, torch.float64)):
            leaves = [t.detach().to(dtype).requires_grad_() for t in inputs]
            value = function(*leaves)
            slopes = torch.cos(torch.arange(value.numel(), dtype=dtype)).view_as(value)
            results.append([value.detach(), *torch.autograd.grad(value, leaves, slopes)])
        return [_relative(value, reference) for value, reference in zip(*results, strict=True)]

    return measured


def _relative(value: torch.Tensor, reference: torch.Tensor) -> float:
    assert value.shape == reference.shape
    if reference.numel() == 0:
        return 0.0
    return float((value - reference).abs().max() / reference.abs().max().clamp_min(1e-30))
