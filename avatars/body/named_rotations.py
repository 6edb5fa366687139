"""Rotations of one skeleton's joints on another skeleton's, by the joints' names."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.model import BodyModel


def expand_rotations(
    rotations: Float[Tensor, "*b n 3"], names: Sequence[str], model: BodyModel
) -> Float[Tensor, "*b j 3"]:
    """Rotations of all joints of a body from those of joints with names.

    Joints that the body has not are left out; joints that are not named are at rest.

    Args:
        rotations: Axis-angles of the named joints, radians.
        names: Their names.
        model: The body.
    """
    place = {name: index for index, name in enumerate(names)}
    at_rest = rotations.new_zeros(*rotations.shape[:-2], 3)
    joints = [rotations[..., place[name], :] if name in place else at_rest for name in model.joint_names]
    return torch.stack(joints, -2)
