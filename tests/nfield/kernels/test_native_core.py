"""Which build of the native core is taken, and what happens where there is none."""

import importlib
import warnings
from collections.abc import Iterator

import pytest
import torch

from nfield.kernels import native_core
from nfield.kernels.composite import composite


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The choice is made anew in each test, and again after it."""
    monkeypatch.delenv("NFIELD_CORE", raising=False)
    choose = native_core.core
    choose.cache_clear()
    yield
    choose.cache_clear()


def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an installation without a compiler."""
    original = importlib.import_module

    def fail(name: str, package: str | None = None):
        if "_core_" in name:
            raise ImportError(name)
        return original(name, package)

    monkeypatch.setattr(native_core.importlib, "import_module", fail)


def test_missing_core_warns_once_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch):
    missing(monkeypatch)
    with pytest.warns(RuntimeWarning, match=r"10 to 25 times slower.*C\+\+17 compiler.*pip install") as caught:
        assert [native_core.core(), native_core.core()] == [None, None]
    assert len(caught) == 1


def test_ops_run_without_the_core(monkeypatch: pytest.MonkeyPatch):
    missing(monkeypatch)
    monkeypatch.setattr(native_core, "_MISSING", "slow")
    one = torch.ones(1)
    with pytest.warns(RuntimeWarning, match="slow"):
        out = composite(torch.ones(1, 3), one, one, one, 2 * one, torch.tensor([0, 1]))
    assert out[1].item() == pytest.approx(1.0 - float(torch.exp(-torch.exp(one))))


def test_environment_can_ask_for_the_twins_without_a_warning(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NFIELD_CORE", "none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native_core.core() is None
    assert not native_core.runs_natively(torch.zeros(1))


@pytest.mark.parametrize("name", native_core.BUILDS)
def test_environment_can_name_a_build(name: str, monkeypatch: pytest.MonkeyPatch):
    if native_core.load(name) is None:
        pytest.skip(f"the {name} core was not compiled, or this processor cannot run it")
    monkeypatch.setenv("NFIELD_CORE", name)
    core = native_core.core()
    assert core is not None
    assert core.__name__.endswith(name)


def test_fastest_build_is_the_default():
    loaded = [module for module in map(native_core.load, native_core.BUILDS) if module is not None]
    if not loaded:
        pytest.skip("the native core was not compiled")
    assert native_core.core() is loaded[0]


def test_only_single_precision_on_a_cpu_runs_natively(fresh: None, native: None):
    assert native_core.runs_natively(torch.zeros(1))
    assert not native_core.runs_natively(torch.zeros(1), torch.zeros(1, dtype=torch.float64))
    assert not native_core.runs_natively(torch.zeros(1, device="meta"))
