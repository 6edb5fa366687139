"""Radiance fields: the interface, the backends, fields behind a warp. Importing this package registers all backends."""

from nfield.fields.base import BACKENDS, BuildContext, Field, FieldConfig, backend
from nfield.fields.hashgrid import HashConfig, HashField
from nfield.fields.rbf import RbfConfig, RbfField
from nfield.fields.warped import Warp, WarpedField

__all__ = [
    "BACKENDS",
    "BuildContext",
    "Field",
    "FieldConfig",
    "HashConfig",
    "HashField",
    "RbfConfig",
    "RbfField",
    "Warp",
    "WarpedField",
    "backend",
]
