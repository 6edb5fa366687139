"""Rotations of one skeleton's joints on another skeleton's, by the joints' names."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from avatars.body.model import BodyModel


def expand_rotations(
    rotations: Float[Tensor, "*b n 3"], names: Sequence[str], model: BodyModel
) -> Float[Tensor, "*b j 3"]:
    """Rotations of all joints of a body from those of joints with names.

    Joints that the body has not are left out; of those that are not named fingers hang relaxed, the others are at rest.

    Args:
        rotations: Axis-angles of the named joints, radians.
        names: Their names.
        model: The body.
    """
    place = {name: index for index, name in enumerate(names)}
    given = [index for index, name in enumerate(model.joint_names) if name in place]
    whole = model.relaxed_hands.to(rotations).repeat(*rotations.shape[:-2], 1, 1)
    whole[..., given, :] = rotations[..., [place[model.joint_names[index]] for index in given], :]
    return whole
