import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from avatars.perception import onnx_operators as onnx
from avatars.perception import tflite_operators as tflite


def direct_same_convolution(image: Tensor, weight: Tensor, bias: Tensor, stride: int):
    """TensorFlow's SAME by its definition: output i looks at input i * stride - before + tap, zero outside."""
    _, height, width, _ = image.shape
    outputs, extent = weight.shape[0], weight.shape[1]
    rows, columns = -(-height // stride), -(-width // stride)
    before_row = max((rows - 1) * stride + extent - height, 0) // 2
    before_column = max((columns - 1) * stride + extent - width, 0) // 2
    result = torch.zeros(1, rows, columns, outputs)
    for row in range(rows):
        for column in range(columns):
            for y in range(extent):
                for x in range(extent):
                    i, j = row * stride - before_row + y, column * stride - before_column + x
                    if 0 <= i < height and 0 <= j < width:
                        result[0, row, column] += weight[:, y, x] @ image[0, i, j]
    return result + bias


@pytest.mark.parametrize(("stride", "extent", "size"), [(1, 3, (5, 4)), (2, 3, (4, 6)), (2, 3, (5, 5)), (2, 5, (6, 7))])
def test_same_convolution_follows_tensorflow_definition(
    stride: int, extent: int, size: tuple[int, int], generator: torch.Generator
):
    image = torch.randn(1, *size, 3, generator=generator)
    weight = torch.randn(2, extent, extent, 3, generator=generator)
    bias = torch.randn(2, generator=generator)
    found = tflite.convolve(image, weight, bias, padding="SAME", strides=[stride, stride], activation="NONE")
    torch.testing.assert_close(found, direct_same_convolution(image, weight, bias, stride), rtol=1e-4, atol=1e-5)


def test_valid_convolution_equals_torch(generator: torch.Generator):
    image, weight = torch.randn(1, 6, 5, 3, generator=generator), torch.randn(4, 2, 2, 3, generator=generator)
    bias = torch.randn(4, generator=generator)
    found = tflite.convolve(image, weight, bias, padding="VALID", strides=[2, 1], activation="RELU6")
    direct = F.conv2d(image.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2), bias, (2, 1)).clamp(0, 6)
    torch.testing.assert_close(found, direct.permute(0, 2, 3, 1))


def test_depthwise_convolution_treats_each_channel_alone(generator: torch.Generator):
    image, weight = torch.randn(1, 5, 5, 3, generator=generator), torch.randn(1, 3, 3, 3, generator=generator)
    bias = torch.zeros(3)
    found = tflite.convolve_depthwise(image, weight, bias, padding="SAME", strides=[1, 1], activation="NONE")
    for channel in range(3):
        alone = direct_same_convolution(
            image[..., channel : channel + 1], weight[..., channel : channel + 1], bias[:1], 1
        )
        torch.testing.assert_close(found[..., channel : channel + 1], alone, rtol=1e-4, atol=1e-5)


def test_depth_to_space_puts_channels_into_blocks():
    image = torch.arange(8.0).reshape(1, 1, 1, 8)
    assert tflite.depth_to_space(image, block=2).tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


def test_pad_takes_before_and_after_of_each_axis():
    amounts = torch.tensor([[0, 0], [1, 0], [0, 2], [0, 1]])
    padded = tflite.pad(torch.ones(1, 2, 3, 4), amounts)
    assert padded.shape == (1, 3, 5, 5)
    assert padded.sum() == 24
    assert padded[:, 0].sum() == padded[:, :, 3:].sum() == padded[..., 4:].sum() == 0


def test_resize_keeps_linear_ramps_inside():
    ramp = (torch.arange(4.0) + 0.5)[None, None, :, None].expand(1, 4, 4, 1)
    doubled = tflite.resize(ramp, torch.tensor([8, 8]))[0, 0, :, 0]
    torch.testing.assert_close(doubled[1:-1], (torch.arange(8.0)[1:-1] + 0.5) / 2)


def test_small_tflite_operators_equal_torch(generator: torch.Generator):
    image = torch.randn(1, 4, 4, 2, generator=generator)
    pooled = image.reshape(1, 2, 2, 2, 2, 2).amax((2, 4))
    torch.testing.assert_close(tflite.maximum_pool(image, size=[2, 2], strides=[2, 2]), pooled)
    torch.testing.assert_close(
        tflite.add(image, image[..., :1, :1, :], activation="RELU"), (image + image[..., :1, :1, :]).clamp_min(0)
    )
    assert tflite.concatenate(image, image, axis=3).shape == (1, 4, 4, 4)
    assert tflite.reshape(image, None, shape=[1, -1]).shape == (1, 32)


def test_onnx_slice_equals_python_slices(generator: torch.Generator):
    value = torch.randn(2, 6, 5, generator=generator)
    found = onnx.slice_axes(
        value, torch.tensor([1, 0]), torch.tensor([2**63 - 1, -1]), torch.tensor([1, 2]), torch.tensor([2, 1])
    )
    assert torch.equal(found, value[:, 1::2, :-1])


def test_onnx_reshape_keeps_axes_marked_zero():
    assert onnx.reshape(torch.zeros(2, 3, 4), torch.tensor([0, -1])).shape == (2, 12)


def test_onnx_expand_broadcasts_both_ways():
    assert onnx.expand(torch.zeros(3, 1), torch.tensor([2, 1, 4])).shape == (2, 3, 4)


def test_onnx_resize_by_sizes_equals_resize_by_scales(generator: torch.Generator):
    planes = torch.randn(1, 2, 4, 6, generator=generator)
    by_scale = onnx.resize(planes, None, torch.tensor([1.0, 1.0, 2.0, 2.0]))
    torch.testing.assert_close(by_scale, onnx.resize(planes, None, None, torch.tensor([1, 2, 8, 12])))


def test_onnx_normalizations_follow_their_formulas(generator: torch.Generator):
    planes = torch.randn(1, 3, 4, 5, generator=generator)
    scale, shift = torch.randn(3, generator=generator), torch.randn(3, generator=generator)
    mean, variance = planes.mean((2, 3))[0], planes.var((2, 3), unbiased=False)[0]
    expected = (planes - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    expected = expected * scale[:, None, None] + shift[:, None, None]
    torch.testing.assert_close(onnx.normalize_instance(planes, scale, shift, epsilon=1e-5), expected)
    torch.testing.assert_close(onnx.normalize_batch(planes, scale, shift, mean, variance, epsilon=1e-5), expected)


def test_onnx_convolution_and_shapes_equal_torch(generator: torch.Generator):
    planes, weight = torch.randn(1, 4, 5, 5, generator=generator), torch.randn(4, 1, 3, 3, generator=generator)
    found = onnx.convolve(planes, weight, strides=[2, 2], pads=[1, 1, 1, 1], group=4)
    torch.testing.assert_close(found, F.conv2d(planes, weight, None, 2, 1, groups=4))
    shape = onnx.ONNX_OPERATORS["Shape"](planes)
    assert onnx.unsqueeze(onnx.gather(shape, torch.tensor(2), axis=0), axes=[0]).tolist() == [5]
