"""Chooses the native core: the extension module built for the widest vectors that this processor has."""

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

BUILDS = ("avx512", "avx2", "portable")
"""Builds of the core, the fastest first."""

_MISSING = (
    "the native kernels of nfield are not installed, so plain torch runs in their place, 10 to 25 times slower. "
    "To build them, install a C++17 compiler with OpenMP (for example: apt-get install g++ cmake), then: "
    "pip install --force-reinstall --no-deps nfield"
)


def load(build: str) -> ModuleType | None:
    """One build of the core, or None where it was not compiled or the processor lacks its instructions.

    Args:
        build: One of `BUILDS`.
    """
    try:
        portable = importlib.import_module("nfield.kernels._core_portable")
        return importlib.import_module(f"nfield.kernels._core_{build}") if portable.supports(build) else None
    except ImportError:
        return None


@cache
def core() -> ModuleType | None:
    """The core in use; None, after one warning, where there is none.

    The environment variable NFIELD_CORE names a build to use instead of the fastest; "none" means the torch twins.
    """
    asked = os.environ.get("NFIELD_CORE")
    if asked == "none":
        return None
    for build in (asked,) if asked in BUILDS else BUILDS:
        module = load(build)
        if module is not None:
            return module
    warnings.warn(_MISSING, RuntimeWarning, stacklevel=2)
    return None


def runs_natively(*tensors: Tensor) -> bool:
    """Whether the native core takes these tensors: all float32 on a CPU, and the core is there."""
    on_cpu = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
    return on_cpu and core() is not None


def require() -> ModuleType:
    """The core, inside ops that are only reached where it is there."""
    module = core()
    assert module is not None
    return module


def array(tensor: Tensor) -> Tensor:
    """A tensor as the core takes it: contiguous and without gradient."""
    return tensor.detach().contiguous()
