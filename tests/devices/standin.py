"""A device that computes on the CPU but, like a GPU, mixes with no CPU tensor: it finds what a GPU would stumble over.

It stands behind torch's hooks for devices of others. Each of its tensors wraps one of the CPU; an operation that gets
tensors of both, single numbers aside, is an error, as is asking one for numpy. Values and gradients are real, so that
a training on it can be compared with one on the CPU.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend


class _Module(_DummyBackendModule):
    """What torch asks of `torch.standin`; random numbers are those of the CPU."""

    def get_rng_state(self, device: object = None) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: object = None) -> None:
        torch.set_rng_state(state)


_setup_privateuseone_for_python_backend("standin", backend_module=_Module())

DEVICE = torch.device("standin", 0)

_MOVES = {"aten::_to_copy", "aten::copy_", "aten::_copy_from"}


class StandInTensor(torch.Tensor):
    """A tensor on the device; `held` is the one of the CPU that it wraps."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "StandInTensor":  # noqa: ANN001
        wrapped = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=DEVICE,
            requires_grad=held.requires_grad,
        )
        wrapped.held = held
        return wrapped

    def new_tensor(self, data: object, *, dtype: torch.dtype | None = None, device: object = None) -> torch.Tensor:
        """What torch makes of numbers, moved here: torch's own way to devices of others is not to be had."""
        made = _made_by_torch(data, dtype=dtype or self.dtype)
        return made if torch.device(device or DEVICE).type == "cpu" else made.to(DEVICE)

    def tolist(self) -> list:
        """Its values, which a GPU's tensor gives as well."""
        return self.detach().cpu().tolist()

    def __repr__(self) -> str:
        return f"StandInTensor({self.held})"

    @classmethod
    def __torch_dispatch__(
        cls, func: Callable, types: tuple, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: tuple, kwargs: dict[str, Any]) -> object:
    name = func._schema.name
    leaves, _ = tree_flatten((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    here = [tensor for tensor in tensors if isinstance(tensor, StandInTensor)]
    if here and name not in _MOVES:
        strays = [tensor for tensor in tensors if not isinstance(tensor, StandInTensor) and tensor.dim() > 0]
        if strays:
            raise RuntimeError(f"{name}: tensors of the stand-in device and of the CPU meet ({strays[0].shape})")
    held_args, held_kwargs = tree_map(_held, (args, kwargs))
    wraps = bool(here)
    if held_kwargs.get("device") is not None:
        wraps = torch.device(held_kwargs["device"]).type == DEVICE.type
        held_kwargs["device"] = torch.device("cpu")
    held_kwargs.pop("pin_memory", None)
    out = func(*held_args, **held_kwargs)
    changed = {id(tensor.held): tensor for tensor in here}
    return tree_map(lambda leaf: changed.get(id(leaf), StandInTensor(leaf)) if wraps and _plain(leaf) else leaf, out)


def _held(leaf: object) -> object:
    return leaf.held if isinstance(leaf, StandInTensor) else leaf


def _plain(leaf: object) -> bool:
    return isinstance(leaf, torch.Tensor) and not isinstance(leaf, StandInTensor)


_FALLBACK = torch.library.Library("_", "IMPL")
_FALLBACK.fallback(lambda func, *args, **kwargs: _computed(func, args, kwargs), "PrivateUse1")

# Torch makes these in two steps, the second of which gives an empty tensor its size: a wrapper's cannot change.
_MAKERS = ("arange", "arange.start", "arange.start_step", "linspace", "eye", "eye.m", "randperm", "randperm.generator")
_ATEN = torch.library.Library("aten", "IMPL")


def _maker(name: str) -> Callable[..., object]:
    packet, _, overload = name.partition(".")
    func = getattr(getattr(torch.ops.aten, packet), overload or "default")
    return lambda *args, **kwargs: _computed(func, args, kwargs)


for _name in _MAKERS:
    _ATEN.impl(_name, _maker(_name), "PrivateUse1")


_made_by_torch = torch.tensor


def made(data: object, *, device: object = None, **options: Any) -> torch.Tensor:
    """Stands for `torch.tensor` while the device is in use, for the same reason as `StandInTensor.new_tensor`."""
    tensor = _made_by_torch(data, **options)
    return tensor if device is None else tensor.to(device)
