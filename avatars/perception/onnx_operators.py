"""The ONNX operators that the matting net uses, in torch. Meaning: the ONNX operator specification."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Planes = Float[Tensor, "b c h w"]
_TO_THE_END = 2**31


def convolve(
    planes: Planes,
    weight: Float[Tensor, "o i kh kw"],
    bias: Float[Tensor, "o"] | None = None,
    *,
    strides: list[int],
    pads: list[int],
    group: int,
) -> Float[Tensor, "b o oh ow"]:
    """Conv with equal padding before and after."""
    return F.conv2d(planes, weight, bias, strides, pads[:2], groups=group)


def normalize_batch(
    planes: Planes,
    scale: Float[Tensor, "c"],
    shift: Float[Tensor, "c"],
    mean: Float[Tensor, "c"],
    variance: Float[Tensor, "c"],
    *,
    epsilon: float,
) -> Planes:
    """BatchNormalization at inference."""
    return F.batch_norm(planes, mean, variance, scale, shift, eps=epsilon)


def normalize_instance(
    planes: Planes, scale: Float[Tensor, "c"], shift: Float[Tensor, "c"], *, epsilon: float
) -> Planes:
    """InstanceNormalization."""
    return F.instance_norm(planes.contiguous(), weight=scale, bias=shift, eps=epsilon)


def slice_axes(
    value: Tensor,
    starts: Int[Tensor, "k"],
    ends: Int[Tensor, "k"],
    axes: Int[Tensor, "k"],
    steps: Int[Tensor, "k"],
) -> Tensor:
    """Slice; ends beyond the axis mean its end."""
    for start, end, axis, step in torch.stack([starts, ends, axes, steps], -1).tolist():
        window = [slice(None)] * value.dim()
        window[axis] = slice(start, None if end >= _TO_THE_END else end, step)
        value = value[tuple(window)]
    return value


def resize(
    planes: Planes, _roi: Tensor | None, scales: Float[Tensor, "*k"] | None, sizes: Int[Tensor, "4"] | None = None
) -> Float[Tensor, "b c oh ow"]:
    """Resize, mode linear with pytorch_half_pixel coordinates; `sizes` wins over `scales`."""
    if sizes is not None:
        return F.interpolate(planes, sizes[2:].tolist(), mode="bilinear", align_corners=False)
    assert scales is not None, "ONNX gives one of the two"
    return F.interpolate(planes, scale_factor=scales[2:].tolist(), mode="bilinear", align_corners=False)


def concatenate(*values: Tensor, axis: int) -> Tensor:
    """Concat."""
    return torch.cat(values, axis)


def unsqueeze(value: Tensor, *, axes: list[int]) -> Tensor:
    """Unsqueeze."""
    for axis in axes:
        value = value.unsqueeze(axis)
    return value


def gather(value: Tensor, index: Tensor, *, axis: int) -> Tensor:
    """Gather by one index, along one axis."""
    return value.select(axis, int(index))


def reshape(value: Tensor, shape: Int[Tensor, "k"]) -> Tensor:
    """Reshape; a 0 keeps that axis, -1 takes what is left."""
    return value.reshape([size or value.shape[axis] for axis, size in enumerate(shape.tolist())])


def expand(value: Tensor, shape: Int[Tensor, "k"]) -> Tensor:
    """Expand, with broadcasting in both directions."""
    return value.expand(torch.broadcast_shapes(value.shape, tuple(shape.tolist())))


ONNX_OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "BatchNormalization": normalize_batch,
    "Clip": torch.clamp,
    "Concat": concatenate,
    "Conv": convolve,
    "Expand": expand,
    "Gather": gather,
    "GlobalAveragePool": lambda planes: planes.mean((2, 3), keepdim=True),
    "InstanceNormalization": normalize_instance,
    "MatMul": torch.matmul,
    "Mul": torch.mul,
    "Relu": F.relu,
    "Reshape": reshape,
    "Resize": resize,
    "Shape": lambda value: torch.tensor(value.shape),
    "Sigmoid": torch.sigmoid,
    "Slice": slice_axes,
    "Unsqueeze": unsqueeze,
}
