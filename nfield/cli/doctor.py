"""`nfield doctor`: what this installation can do, and what it lacks."""

import importlib.util
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from nfield.cli.options import parse_options
from nfield.kernels import native_core
from nfield.kernels.first_call import trouble_with

_OPTIONAL = {
    "nerfacc": ("rendering on CUDA", "see docs/gpu.md"),
    "tinycudann": ("fields on CUDA", "see docs/gpu.md"),
    "pycolmap": ("poses of photos and videos", "pip install 'nfield[colmap]'"),
    "flip_evaluator": ("FLIP in nfield eval and nfield bench people", "pip install 'nfield[bench]'"),
    "smplx": ("users' own SMPL-H and SMPL-X files, a licence of their own", "pip install 'nfield[smplx]'"),
    "open_clip": ("nfield fit --guidance clip", "pip install 'nfield[clip]'"),
    "OpenEXR": ("OpenEXR pictures", "pip install 'nfield[exr]'"),
    "beartype": ("checks of shapes in tests", "pip install 'nfield[dev]'"),
}
"""Optional packages: what for, and how to get them."""

_ASSETS = (
    "body/body.npz",
    "body/poses.json",
    "completion/network.safetensors",
    "perception/modnet.npz",
    "perception/pose_detection.npz",
    "perception/pose_landmark_full.npz",
    "semantic/people.json",
    "semantic/people.safetensors",
    "sample/photo.jpg",
)


@dataclass(frozen=True)
class DoctorOptions:
    """Show what this installation can do, and what it lacks."""


def parse(arguments: Sequence[str]) -> DoctorOptions:
    """This command has no options."""
    return parse_options(DoctorOptions, arguments, command="doctor", examples=("nfield doctor",))


def run(options: DoctorOptions) -> None:
    """Prints lines; it is a report, so nothing in it is an error."""
    lines = (*_machine(), *_native(), *_packages(), *_assets())
    width = max(len(name) for name, _ in lines) + 2
    for name, found in lines:
        print(f"{name:{width}}{found}")


def _machine() -> Iterator[tuple[str, str]]:
    yield "nfield", version("nfield")
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    yield "torch", torch.__version__
    yield "threads", f"{torch.get_num_threads()} of {os.cpu_count()} (OMP_NUM_THREADS sets them)"
    yield "vectors", torch.backends.cpu.get_cpu_capability()
    if torch.cuda.is_available():
        yield "CUDA", ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        yield "a first call", trouble_with(torch.device("cuda", 0)) or "works: --device auto takes CUDA"
    else:
        yield "CUDA", "no device; everything runs on the CPU"


def _native() -> Iterator[tuple[str, str]]:
    core = native_core.core()
    if core is None:
        advice = "reinstall with a C++17 compiler and OpenMP (for example: apt-get install g++ cmake)"
        yield "native core", f"absent: torch runs in its place, 10 to 25 times slower; {advice}"
        return
    usable = [build for build in native_core.BUILDS if native_core.load(build) is not None]
    yield "native core", f"{core.__name__.rsplit('_', 1)[-1]} (usable here: {', '.join(usable)})"


def _packages() -> Iterator[tuple[str, str]]:
    for name, (purpose, advice) in _OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield name, f"absent, optional ({purpose}); {advice}"
            continue
        try:
            yield name, f"{version(name)} ({purpose})"
        except PackageNotFoundError:
            yield name, f"there ({purpose})"


def _assets() -> Iterator[tuple[str, str]]:
    spec = importlib.util.find_spec("assets")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for name in _ASSETS:
        there = any((Path(folder) / name).is_file() for folder in folders)
        yield f"assets/{name}", "there" if there else "missing: reinstall nfield"
