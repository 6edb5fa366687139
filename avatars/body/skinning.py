"""Rotations, forward kinematics and linear blend skinning (SMPL, Loper et al. 2015, equations 2 to 9).

Everything is differentiable and takes any number of leading batch dimensions. Frames: a joint's rotation is about its
own position in the rest pose, with axes parallel to those of the rest frame; metres, radians.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_SMALL_ANGLE = 1e-4


def rotations_from_axis_angle(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices of axis-angle vectors (Rodrigues); smooth at the identity.

    R = I + sin(t)/t K + (1 - cos(t))/t^2 K^2, where t is the vector's length, radians, and K its cross-product matrix.

    >>> rotations_from_axis_angle(torch.tensor([0.0, 0.0, torch.pi / 2])).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    square = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = square < _SMALL_ANGLE**2
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    # (1 - cos t) / t^2 = 2 sin^2(t/2) / t^2 keeps its digits at small angles.
    first = torch.where(small, 1.0 - square / 6.0, angle.sin() / angle)
    second = torch.where(small, 0.5 - square / 24.0, 2.0 * ((0.5 * angle).sin() / angle) ** 2)
    cross = cross_matrix(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + first * cross + second * (cross @ cross)


def axis_angle_from_rotations(rotations: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle vectors, radians, of length at most pi; not meant to be differentiated.

    >>> turn = torch.tensor([0.0, 3.0, 0.0])
    >>> bool(torch.allclose(axis_angle_from_rotations(rotations_from_axis_angle(turn)), turn, atol=1e-5))
    True
    """
    from scipy.spatial.transform import Rotation

    flat = rotations.detach().reshape(-1, 3, 3).double().cpu().numpy()
    vectors = torch.from_numpy(Rotation.from_matrix(flat).as_rotvec()).to(rotations)
    return vectors.reshape(*rotations.shape[:-2], 3)


def cross_matrix(vectors: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """The matrices K with K x = v x x."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [torch.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return torch.stack(rows, -2)


def forward_kinematics(
    rotations: Float[Tensor, "*b j 3 3"], joints: Float[Tensor, "*b j 3"], parents: tuple[int, ...]
) -> tuple[Float[Tensor, "*b j 3 3"], Float[Tensor, "*b j 3"]]:
    """World rotations and positions of all joints.

    Args:
        rotations: Of each joint against its parent.
        joints: Positions in the rest pose, metres.
        parents: Parent of each joint, always an earlier one; -1 for the root, which turns about its own position.
    """
    orientations, positions = [rotations[..., 0, :, :]], [joints[..., 0, :]]
    for joint, parent in list(enumerate(parents))[1:]:
        bone = joints[..., joint, :] - joints[..., parent, :]
        orientations.append(orientations[parent] @ rotations[..., joint, :, :])
        positions.append(positions[parent] + (orientations[parent] @ bone[..., None])[..., 0])
    return torch.stack(orientations, -3), torch.stack(positions, -2)


def posed_from_rest(
    orientations: Float[Tensor, "*b j 3 3"], positions: Float[Tensor, "*b j 3"], joints: Float[Tensor, "*b j 3"]
) -> Float[Tensor, "*b j 3 4"]:
    """Per joint, the affine map that carries what is rigidly attached to it from the rest pose to the posed body."""
    offset = positions - (orientations @ joints[..., None])[..., 0]
    return torch.cat([orientations, offset[..., None]], -1)


def blend(weights: Float[Tensor, "v j"], transforms: Float[Tensor, "*b j 3 4"]) -> Float[Tensor, "*b v 3 4"]:
    """Per vertex, the weighted mean of the joints' affine maps."""
    batch = transforms.shape[:-3]
    flat = weights @ transforms.reshape(*batch, transforms.shape[-3], 12)
    return flat.reshape(*batch, weights.shape[0], 3, 4)


def transform(affine: Float[Tensor, "*b v 3 4"], points: Float[Tensor, "*b v 3"]) -> Float[Tensor, "*b v 3"]:
    """Each point under its own affine map."""
    return (affine[..., :3] @ points[..., None])[..., 0] + affine[..., 3]
