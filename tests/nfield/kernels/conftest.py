"""What the tests of kernels share: every build of the native core that this processor runs, and distances."""

import pytest

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
