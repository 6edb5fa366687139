"""Arrays of body model files: .npz without pickled objects, and licensed .pkl files without running their code."""

import importlib
import io
import pickle  # noqa: TID251 - only subclassed by the restricted unpickler below
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from nfield.errors import DataError


def read_arrays(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Arrays of a body model file, as it holds them; what else it holds is left alone.

    Args:
        path: An .npz (never unpickled) or a .pkl (through an unpickler that runs no code).
        names: The arrays that are wanted; those that the file lacks are left out.

    Raises:
        DataError: Where the file is missing, damaged or of another format.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such body model file; expected an SMPL-format .npz or .pkl")
    readers = {".npz": _read_npz, ".pkl": _read_pickle}
    if path.suffix not in readers:
        raise DataError(
            f"{path}: a body model is an SMPL-format .npz or .pkl file, not {path.suffix or 'a bare name'!r}"
        )
    return readers[path.suffix](path, names)


def _read_npz(path: Path, names: Collection[str]) -> dict[str, Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name in names}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a readable .npz without pickled objects ({error}); "
            "pass the original SMPL .pkl instead, or write the arrays anew with numpy.savez"
        ) from error


def _read_pickle(path: Path, names: Collection[str]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Old files name modules that numpy and scipy have since moved.
            content = _BodyUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # A damaged pickle can raise anything; every cause is the same to the user.
        raise DataError(f"{path}: not a readable SMPL .pkl ({type(error).__name__}: {error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: an SMPL .pkl holds a dictionary of arrays, this one a {type(content).__name__}")
    return {str(name): _without_chumpy(value) for name, value in content.items() if name in names}


class _Stub:
    """Stands for an object of chumpy, whose array is its attribute x."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _without_chumpy(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    return getattr(value, "x", None) if isinstance(value, _Stub) else value


_MOVED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("copyreg", "_reconstructor"),
    ("builtins", "set"),
    ("builtins", "list"),
    ("builtins", "dict"),
    ("builtins", "object"),
    ("builtins", "slice"),
}
_SPARSE = {"csc_matrix", "csr_matrix", "coo_matrix"}


class _BodyUnpickler(pickle.Unpickler):
    """Rebuilds numpy arrays, scipy matrices and chumpy's shells; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the signature of the base class
        if module.split(".")[0] == "chumpy":
            return _Stub
        module = _MOVED.get(module, module).replace("numpy.core", "numpy._core")
        if module.startswith("scipy.sparse") and name in _SPARSE:
            return getattr(importlib.import_module("scipy.sparse"), name)
        if (module, name) not in _ALLOWED:
            raise DataError(
                f"refused to load {module}.{name}: a body model needs only arrays; "
                "if you trust the file, convert it to .npz with numpy.savez"
            )
        if not _importable(module):  # numpy 1.x keeps its rebuild functions under the old name.
            module = module.replace("numpy._core", "numpy.core")
        return getattr(importlib.import_module(module), name)


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
