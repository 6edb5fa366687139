"""Texture coordinates of a body: its own, or new ones."""

import numpy as np
import torch
import xatlas
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import BodyModel


def texture_coordinates(model: BodyModel) -> tuple[Float[Tensor, "u 2"], Int[Tensor, "t 3"]]:
    """Texture coordinates in [0, 1], and which of them each corner of each face has.

    Args:
        model: The body; where its file brings none, they are made with xatlas.
    """
    if model.uv is not None and model.uv_faces is not None:
        return model.uv, model.uv_faces
    return unwrapped(model.template, model.faces)


def unwrapped(
    vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "t 3"]
) -> tuple[Float[Tensor, "u 2"], Int[Tensor, "t 3"]]:
    """New texture coordinates of a mesh in charts that do not overlap (xatlas)."""
    _, indices, uv = xatlas.parametrize(vertices.numpy(), faces.numpy().astype(np.uint32))
    return torch.from_numpy(np.ascontiguousarray(uv)), torch.from_numpy(indices.astype(np.int64))
