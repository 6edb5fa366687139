"""Gaussian splats: a cloud of coloured 3D Gaussians in a pinhole camera's image; natively tile by tile.

Each Gaussian becomes one of the image (EWA splatting, Zwicker et al. 2001, equations 24 and 31), with a covariance of
J W S W^T J^T + 0.3 I in pixels. From the nearest to the farthest, alpha_i = min(0.99, opacity_i exp(-q_i)), q_i half
the squared Mahalanobis distance, and weights are as in `nfield.kernels.composite` (3D Gaussian Splatting, Kerbl et al.
2023, equation 3). Alphas below 1/255 are left out, and whatever lies behind a transmittance below 1e-4.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from nfield.cameras import Cameras
from nfield.errors import DataError
from nfield.kernels import native_core
from nfield.kernels.harmonics import spherical_harmonics
from nfield.lenses import Projection

NEAR = 0.01
"""Metres in front of the camera's plane where Gaussians begin to be seen."""
DILATION = 0.3
"""Added to variances in the image, square pixels: what is smaller than a pixel is not lost between their centres."""
LEAST_ALPHA, MOST_ALPHA = 1.0 / 255.0, 0.99
OPAQUE = 1e-4
"""Transmittance from which on nothing more is added to a pixel."""
_MARGIN = 0.3
"""Of half the image: Gaussians farther outside are projected with the slopes of the lens there."""
_TILE = 16


@dataclass(frozen=True)
class Splats:
    """Gaussians with colours that depend on the direction from which they are seen.

    Attributes:
        means: Their middles, metres.
        quaternions: Rotations of their own axes into the world, the real part first, of any length but 0.
        log_scales: Natural logarithms of standard deviations along their own axes, metres.
        opacity_logits: Of the opacity in the middle.
        harmonics: Coefficients of the first 1, 4, 9 or 16 spherical harmonics (degrees 0 to 3) at unit directions from
            the camera; sRGB is 0.5 more than their sum, at least 0.
    """

    means: Float[Tensor, "n 3"]
    quaternions: Float[Tensor, "n 4"]
    log_scales: Float[Tensor, "n 3"]
    opacity_logits: Float[Tensor, "n"]
    harmonics: Float[Tensor, "n k 3"]

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, index: slice | Tensor) -> "Splats":
        return Splats(*(part[index] for part in self.parts))

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """All attributes, in their order."""
        return self.means, self.quaternions, self.log_scales, self.opacity_logits, self.harmonics

    @property
    def degree(self) -> int:
        """Of the harmonics: 0 for colours that are the same from everywhere."""
        return round(self.harmonics.shape[1] ** 0.5) - 1


@dataclass(frozen=True)
class SplatImage:
    """What a camera sees of splats.

    Attributes:
        color: sRGB times opacity.
        alpha: Opacity, in [0, 1].
    """

    color: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]

    def over(self, background: Float[Tensor, "3"]) -> Float[Tensor, "h w 3"]:
        """The colours over a background."""
        return self.color + (1.0 - self.alpha)[..., None] * background


def splat(splats: Splats, cameras: Cameras, index: int) -> SplatImage:
    """What one camera sees; differentiable in all of the splats.

    Args:
        splats: The Gaussians.
        cameras: In perspective; distortion is left out.
        index: Which of them.

    >>> one = torch.tensor([[0.0, 0.0, 2.0]])
    >>> gray = torch.zeros(1, 1, 3)
    >>> splats = Splats(one, torch.tensor([[1.0, 0, 0, 0]]), torch.zeros(1, 3), torch.tensor([100.0]), gray)
    >>> seen = splat(splats, Cameras.pinhole(3.0, (3, 3)), 0)
    >>> [round(value, 2) for value in seen.color[1, 1].tolist()]
    [0.5, 0.5, 0.5]
    """
    if splats.harmonics.shape[1] not in (1, 4, 9, 16):
        raise DataError(
            f"splats: have {splats.harmonics.shape[1]} spherical harmonics, expected 1, 4, 9 or 16 (degrees 0 to 3); "
            "leave out those beyond"
        )
    assert cameras.projection_of(index) is Projection.PERSPECTIVE
    size, camera = cameras.size_of(index), camera_numbers(cameras, index).to(splats.means)
    if native_core.runs_natively(*splats.parts):
        color, alpha = _native_splat(*splats.parts, camera, *size)
        return SplatImage(color, alpha)
    return splat_reference(splats, camera, size)


def camera_numbers(cameras: Cameras, index: int) -> Float[Tensor, "17"]:
    """Rotation and shift of the world into the camera's frame, focal lengths, principal point and nearest distance."""
    pose, matrix = cameras.world_from_camera[index].double(), cameras.intrinsics[index].double()
    turn = pose[:3, :3].T
    lens = torch.stack([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]])
    return torch.cat([turn.reshape(-1), -turn @ pose[:3, 3], lens, lens.new_tensor([NEAR])])


def splat_reference(splats: Splats, camera: Float[Tensor, "17"], size: tuple[int, int]) -> SplatImage:
    """The torch twin of `splat`.

    Args:
        splats: The Gaussians.
        camera: As `camera_numbers` gives them.
        size: Image height and width, pixels.
    """
    spots = _spots(splats, camera, size)
    height, width = size
    bands = []
    for top in range(0, height, _TILE):
        tiles = [
            _tile(spots, top, left, (min(top + _TILE, height), min(left + _TILE, width)))
            for left in range(0, width, _TILE)
        ]
        bands.append(torch.cat(tiles, 1))
    image = torch.cat(bands)
    return SplatImage(image[..., :3], image[..., 3])


@dataclass(frozen=True)
class _Spots:
    """Gaussians of an image, the nearest first: middles and half extents (pixels), conics, opacities and sRGB."""

    middle: Float[Tensor, "n 2"]
    reach: Float[Tensor, "n 2"]
    conic: Float[Tensor, "n 2 2"]
    opacity: Float[Tensor, "n"]
    color: Float[Tensor, "n 3"]


def _spots(splats: Splats, camera: Float[Tensor, "17"], size: tuple[int, int]) -> _Spots:
    turn, shift, focal, center = camera[:9].view(3, 3), camera[9:12], camera[12:14], camera[14:16]
    opacity = splats.opacity_logits.sigmoid()
    depth = splats.means @ turn[2] + shift[2]
    seen = ((depth > camera[16]) & (opacity > LEAST_ALPHA)).nonzero()[:, 0]
    order = seen[torch.argsort(depth[seen], stable=True)]
    near, opacity = splats[order], opacity[order]
    place = near.means @ turn.T + shift
    plane = place[:, :2] / place[:, 2:]
    across = _jacobian(plane, place[:, 2], camera, size) @ turn @ rotation_matrices(near.quaternions)
    across = across * near.log_scales.exp()[:, None]
    covariance = across @ across.mT + DILATION * torch.eye(2).to(across)
    with torch.no_grad():
        variances = torch.diagonal(covariance, dim1=-2, dim2=-1)
        reach = (2.0 * (opacity / LEAST_ALPHA).log()[:, None] * variances).sqrt() + 0.01
    dirs = normalize(near.means + turn.T @ shift, dim=-1)
    basis = spherical_harmonics(dirs)[:, : near.harmonics.shape[1]]
    color = ((basis[..., None] * near.harmonics).sum(1) + 0.5).clamp_min(0.0)
    return _Spots(plane * focal + center, reach, torch.linalg.inv(covariance), opacity, color)


def _jacobian(
    plane: Float[Tensor, "n 2"], depth: Float[Tensor, "n"], camera: Float[Tensor, "17"], size: tuple[int, int]
) -> Float[Tensor, "n 2 3"]:
    """Slopes of image points along the camera's axes; of those far outside of the image as at its margin."""
    focal, center = camera[12:14], camera[14:16]
    extent = focal.new_tensor([size[1], size[0]])
    margin = 0.5 * _MARGIN * extent / focal
    held = torch.maximum(torch.minimum(plane, (extent - center) / focal + margin), -center / focal - margin)
    rows = torch.cat([torch.eye(2).to(plane).expand(len(plane), 2, 2), -held[..., None]], -1)
    return rows * (focal / depth[:, None])[..., None]


def rotation_matrices(quaternions: Float[Tensor, "n 4"]) -> Float[Tensor, "n 3 3"]:
    """Of quaternions of any length but 0, the real part first."""
    w, x, y, z = normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y),
        2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x),
        2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).view(-1, 3, 3)


def _tile(spots: _Spots, top: int, left: int, end: tuple[int, int]) -> Float[Tensor, "h w 4"]:
    """Colours and opacities of some pixels."""
    bottom, right = end
    low, high = spots.middle.new_tensor([left, top]), spots.middle.new_tensor([right, bottom])
    touching = ((spots.middle + spots.reach > low) & (spots.middle - spots.reach < high)).all(-1).nonzero()[:, 0]
    rows, columns = torch.meshgrid(torch.arange(top, bottom), torch.arange(left, right), indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2).to(low) + 0.5
    away = pixels - spots.middle[touching, None]
    exponent = 0.5 * ((away @ spots.conic[touching]) * away).sum(-1)
    alpha = (spots.opacity[touching, None] * (-exponent).exp()).clamp_max(MOST_ALPHA)
    alpha = torch.where(alpha >= LEAST_ALPHA, alpha, 0.0)
    weight = _weights(alpha)
    color = weight.T @ spots.color[touching]
    return torch.cat([color, weight.sum(0)[:, None]], -1).view(bottom - top, right - left, 4)


def _weights(alpha: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    through = torch.cat([alpha.new_ones(1, alpha.shape[1]), (1.0 - alpha).cumprod(0)])[:-1]
    return torch.where(through >= OPAQUE, through * alpha, 0.0)


@torch.library.custom_op("nfield::splat", mutates_args=())
def _native_splat(
    means: Tensor,
    quaternions: Tensor,
    log_scales: Tensor,
    opacity_logits: Tensor,
    harmonics: Tensor,
    camera: Tensor,
    height: int,
    width: int,
) -> tuple[Tensor, Tensor]:
    out = (means.new_empty(height, width, 3), means.new_empty(height, width))
    arrays = [native_core.array(t) for t in (means, quaternions, log_scales, opacity_logits, harmonics, camera)]
    native_core.require().gaussians(*arrays, *out, torch.get_num_threads())
    return out


@_native_splat.register_fake
def _(means, quaternions, log_scales, opacity_logits, harmonics, camera, height, width):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return means.new_empty(height, width, 3), means.new_empty(height, width)


@torch.library.custom_op("nfield::splat_backward", mutates_args=())
def _native_backward(inputs: list[Tensor], outputs: list[Tensor], grads: list[Tensor]) -> list[Tensor]:
    out = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in inputs[:5]]
    arrays = [native_core.array(t) for t in (*inputs, *outputs, *grads)]
    native_core.require().gaussians_backward(*arrays, *out, torch.get_num_threads())
    return out


@_native_backward.register_fake
def _(inputs, outputs, grads):  # noqa: ANN001, ANN202 (shapes only; typed above)
    return [torch.empty_like(t) for t in inputs[:5]]


def _setup(ctx, inputs, output) -> None:  # noqa: ANN001 (torch's own types)
    ctx.save_for_backward(*inputs[:6], *output)
    ctx.set_materialize_grads(True)


def _backward(ctx, *grads: Tensor):  # noqa: ANN001, ANN202 (torch's own types)
    saved = list(ctx.saved_tensors)
    return (*_native_backward(saved[:6], saved[6:], list(grads)), None, None, None)


_native_splat.register_autograd(_backward, setup_context=_setup)
