"""Radiance fields: the interface, the backends, fields behind a warp. Importing this package registers all backends."""

import importlib
import pkgutil

from nfield.fields.base import BACKENDS, BuildContext, Field, FieldConfig, Learning, backend
from nfield.fields.cp import CpConfig, CpField
from nfield.fields.dense import DenseConfig, DenseField
from nfield.fields.hashgrid import HashConfig, HashField
from nfield.fields.mlp import MlpConfig, MlpField
from nfield.fields.rbf import RbfConfig, RbfField
from nfield.fields.vm import VmConfig, VmField
from nfield.fields.warped import Warp, Warped, WarpedField

__all__ = [
    "BACKENDS",
    "BuildContext",
    "CpConfig",
    "CpField",
    "DenseConfig",
    "DenseField",
    "Field",
    "FieldConfig",
    "HashConfig",
    "HashField",
    "Learning",
    "MlpConfig",
    "MlpField",
    "RbfConfig",
    "RbfField",
    "VmConfig",
    "VmField",
    "Warp",
    "Warped",
    "WarpedField",
    "backend",
]

for _module in pkgutil.iter_modules(__path__):  # a backend that lies here is registered without being named here
    importlib.import_module(f"{__name__}.{_module.name}")
