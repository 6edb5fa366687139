"""The TensorFlow Lite operators that the person detector and the landmark net use, in torch.

Values keep TensorFlow's order (1, height, width, channels); convolutions see them as channels-last views, so nothing
is copied. Meaning of the operators: TensorFlow Lite's reference kernels.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Image = Float[Tensor, "1 h w c"]

_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"NONE": lambda x: x, "RELU": F.relu, "RELU6": F.relu6}


def convolve(
    image: Image,
    weight: Float[Tensor, "o kh kw c"],
    bias: Float[Tensor, "o"],
    *,
    padding: str,
    strides: list[int],
    activation: str,
) -> Float[Tensor, "1 oh ow o"]:
    """CONV_2D."""
    planes = _pad(image, weight.shape[1:3], padding, strides).permute(0, 3, 1, 2)
    result = F.conv2d(planes, weight.permute(0, 3, 1, 2), bias, strides)
    return _ACTIVATIONS[activation](result).permute(0, 2, 3, 1)


def convolve_depthwise(
    image: Image,
    weight: Float[Tensor, "1 kh kw c"],
    bias: Float[Tensor, "c"],
    *,
    padding: str,
    strides: list[int],
    activation: str,
) -> Float[Tensor, "1 oh ow c"]:
    """DEPTHWISE_CONV_2D with as many outputs as channels."""
    planes = _pad(image, weight.shape[1:3], padding, strides).permute(0, 3, 1, 2)
    result = F.conv2d(planes, weight.permute(3, 0, 1, 2), bias, strides, groups=weight.shape[3])
    return _ACTIVATIONS[activation](result).permute(0, 2, 3, 1)


def add(left: Tensor, right: Tensor, *, activation: str) -> Tensor:
    """ADD, with broadcasting."""
    return _ACTIVATIONS[activation](left + right)


def pad(image: Tensor, amounts: Tensor) -> Tensor:
    """PAD: `amounts` holds a (before, after) row for each axis."""
    return F.pad(image, amounts.flip(0).flatten().tolist())


def reshape(value: Tensor, _shape: Tensor | None = None, *, shape: list[int]) -> Tensor:
    """RESHAPE to the shape found at conversion."""
    return value.reshape(shape)


def concatenate(*values: Tensor, axis: int) -> Tensor:
    """CONCATENATION."""
    return torch.cat(values, axis)


def maximum_pool(image: Image, *, size: list[int], strides: list[int]) -> Float[Tensor, "1 oh ow c"]:
    """MAX_POOL_2D without padding."""
    return F.max_pool2d(image.permute(0, 3, 1, 2), size, strides).permute(0, 2, 3, 1)


def resize(image: Image, size: Tensor) -> Float[Tensor, "1 oh ow c"]:
    """RESIZE_BILINEAR with half-pixel centres."""
    planes = F.interpolate(image.permute(0, 3, 1, 2), size.tolist(), mode="bilinear", align_corners=False)
    return planes.permute(0, 2, 3, 1)


def depth_to_space(image: Image, *, block: int) -> Float[Tensor, "1 oh ow oc"]:
    """DEPTH_TO_SPACE: each pixel's channels become a block of pixels."""
    _, h, w, c = image.shape
    blocks = image.reshape(1, h, w, block, block, c // block**2)
    return blocks.permute(0, 1, 3, 2, 4, 5).reshape(1, h * block, w * block, c // block**2)


def _pad(image: Image, kernel: torch.Size, padding: str, strides: list[int]) -> Tensor:
    """TensorFlow's SAME: ceil(n / stride) outputs, and of an odd number of padded rows the larger part at the end."""
    if padding == "VALID":
        return image
    amounts = [0, 0]
    for size, extent, stride in reversed(list(zip(image.shape[1:3], kernel, strides, strict=True))):
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        amounts += [total // 2, total - total // 2]
    return F.pad(image, amounts)


TFLITE_OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    "ADD": add,
    "CONCATENATION": concatenate,
    "CONV_2D": convolve,
    "DEPTHWISE_CONV_2D": convolve_depthwise,
    "DEPTH_TO_SPACE": depth_to_space,
    "LOGISTIC": torch.sigmoid,
    "MAX_POOL_2D": maximum_pool,
    "PAD": pad,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize,
}
