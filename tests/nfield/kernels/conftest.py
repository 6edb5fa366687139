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
    """Skips where there is no native core at all."""
    if all(native_core.load(name) is None for name in native_core.BUILDS):
        pytest.skip("the native core was not compiled")
