"""How records and random numbers reach the device that computes. Records are made on a CPU and moved as a whole."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, overload

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

CPU = torch.device("cpu")

_Record = TypeVar("_Record")


def on_device(value: _Record, device: torch.device) -> _Record:
    """A value with all tensors on a device: a tensor, a module, or a dataclass, tuple or list of such.

    What lies there already is not copied. Modules are moved in place, as torch moves them.

    Args:
        value: What is moved; anything without tensors is given back as it is.
        device: Where to.

    >>> from nfield.types import Box
    >>> on_device(Box.cube(1.0), torch.device("cpu")).low.device
    device(type='cpu')
    """
    if isinstance(value, Tensor | nn.Module):
        return value.to(device)  # pyright: ignore[reportReturnType]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _moved_record(value, device)
    if type(value) in (tuple, list):
        moved = [on_device(part, device) for part in value]  # pyright: ignore
        unchanged = all(after is before for after, before in zip(moved, value, strict=True))  # pyright: ignore
        return value if unchanged else type(value)(moved)  # pyright: ignore
    return value


def _moved_record(record: Any, device: torch.device) -> Any:  # noqa: ANN401 - any dataclass
    parts = {part.name: getattr(record, part.name) for part in dataclasses.fields(record) if part.init}
    moved = {name: on_device(part, device) for name, part in parts.items()}
    changed = {name: part for name, part in moved.items() if part is not parts[name]}
    return dataclasses.replace(record, **changed) if changed else record


def device_of(module: nn.Module) -> torch.device:
    """Where a module's parameters and buffers lie; the CPU for one that has none."""
    first = next((tensor for tensors in (module.parameters(), module.buffers()) for tensor in tensors), None)
    return CPU if first is None else first.device


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator whose numbers need no way to the device where it has generators of its own, else one on the CPU."""
    own = device if device.type == "cuda" else CPU
    return torch.Generator(device=own).manual_seed(seed)


def uniform(*shape: int, generator: torch.Generator, device: torch.device) -> Float[Tensor, "..."]:
    """Numbers in [0, 1).

    Args:
        shape: Of the result.
        generator: Draws them, wherever it lies.
        device: Where they go.
    """
    return torch.rand(shape, generator=generator, device=generator.device).to(device)


def whole_numbers(bound: int, count: int, *, generator: torch.Generator, device: torch.device) -> Int[Tensor, "n"]:
    """`count` whole numbers from 0 up to, but without, `bound`.

    Args:
        bound: At least 1.
        count: How many.
        generator: Draws them, wherever it lies.
        device: Where they go.
    """
    return torch.randint(bound, (count,), generator=generator, device=generator.device).to(device)


@overload
def on_host(generator: torch.Generator) -> torch.Generator: ...
@overload
def on_host(generator: None) -> None: ...
def on_host(generator: torch.Generator | None) -> torch.Generator | None:
    """A generator for what is drawn on the CPU: the same, or one that goes on from a number of the given one."""
    if generator is None or generator.device.type == "cpu":
        return generator
    seed = torch.randint(1 << 62, (), generator=generator, device=generator.device)
    return torch.Generator().manual_seed(int(seed))


class HostCopy:
    """A number of the device that the host reads later without waiting for what was asked of the device since.

    Args:
        number: One number; on a CPU it is read at once.
    """

    def __init__(self, number: Float[Tensor, ""]) -> None:
        self._ready: Callable[[], object] | None = None
        self._number = number.detach()
        if number.device.type == "cuda":
            self._number = torch.empty((), dtype=number.dtype, pin_memory=True)
            self._number.copy_(number.detach(), non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record(torch.cuda.current_stream(number.device))
            self._ready = arrived.synchronize

    def read(self) -> float:
        """The number, once it has arrived."""
        if self._ready is not None:
            self._ready()
        return float(self._number)
