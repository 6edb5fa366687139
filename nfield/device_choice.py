"""Which device computes: what a user asked for, or CUDA where all of it works."""

import re
from dataclasses import dataclass
from functools import cache

import torch

from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.kernels.first_call import trouble_with


@dataclass(frozen=True)
class ChosenDevice:
    """A device, and how that is told.

    Attributes:
        device: Where to compute.
        words: Which it is and, where CUDA was looked for in vain, why it is not that.
    """

    device: torch.device
    words: str


def choose_device(asked: str = "auto") -> ChosenDevice:
    """The device for what a user asked for.

    Args:
        asked: "cpu"; "cuda" or "cuda:N"; or "auto": CUDA where both packages import and a first call of each works.

    Raises:
        OptionError: It is none of these, or a CUDA device was asked for by name and cannot be used.
    """
    if asked == "cpu":
        return ChosenDevice(CPU, "on the CPU")
    if asked == "auto":
        return _automatic()
    if not re.fullmatch(r"cuda(:\d+)?", asked):
        raise OptionError(f"--device: is {asked!r}, expected auto, cpu, cuda or cuda:N; give one of these")
    device = torch.device(asked if ":" in asked else "cuda:0")
    trouble = _trouble(device)
    if trouble is not None:
        raise OptionError(f"--device: {asked} cannot be used: {trouble}; see nfield doctor, or leave --device out")
    return ChosenDevice(device, f"on {torch.cuda.get_device_name(device)} ({device})")


def _automatic() -> ChosenDevice:
    if not torch.cuda.is_available():
        return ChosenDevice(CPU, "on the CPU")
    device = torch.device("cuda:0")
    trouble = _trouble(device)
    if trouble is not None:
        return ChosenDevice(CPU, f"on the CPU, though there is a CUDA device: {trouble}")
    return ChosenDevice(device, f"on {torch.cuda.get_device_name(device)} ({device})")


@cache
def _trouble(device: torch.device) -> str | None:
    """As `trouble_with`, asked once: first calls take seconds."""
    return trouble_with(device)
