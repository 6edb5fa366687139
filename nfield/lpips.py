"""LPIPS: how far apart two pictures are to a network that knows pictures; the network's weights are the user's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from nfield.errors import DataError

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and deviation of the colours, in [-1, 1], that the networks were trained on."""
_SMALLEST_NORM = 1e-10
_ADVICE = "make it as docs/evaluation.md says"


@dataclass(frozen=True)
class _Convolution:
    """One with its bias and a rectifier, after a pooling or not.

    Attributes:
        name: In the file.
        stride: Pixels from one output to the next.
        padding: Zeros at each edge.
        pool: Edge of the windows, two pixels apart, whose largest values it starts from; 0 for none.
        compared: Whether its output is one of those that are compared.
    """

    name: str
    stride: int = 1
    padding: int = 1
    pool: int = 0
    compared: bool = True


_ALEX = (
    _Convolution("net.slice1.0", stride=4, padding=2),
    _Convolution("net.slice2.3", padding=2, pool=3),
    _Convolution("net.slice3.6", pool=3),
    _Convolution("net.slice4.8"),
    _Convolution("net.slice5.10"),
)
_VGG = (
    _Convolution("net.slice1.0", compared=False),
    _Convolution("net.slice1.2"),
    _Convolution("net.slice2.5", pool=2, compared=False),
    _Convolution("net.slice2.7"),
    *(_Convolution(f"net.slice3.{n}", pool=2 * (n == 10), compared=n == 14) for n in (10, 12, 14)),
    *(_Convolution(f"net.slice4.{n}", pool=2 * (n == 17), compared=n == 21) for n in (17, 19, 21)),
    *(_Convolution(f"net.slice5.{n}", pool=2 * (n == 24), compared=n == 28) for n in (24, 26, 28)),
)
_NETWORKS: Mapping[str, Sequence[_Convolution]] = {"alex": _ALEX, "vgg": _VGG}
_SMALLEST_EDGE = 32
"""Pixels; of smaller pictures a network's last outputs are nothing."""


class Lpips(nn.Module):
    """Learned perceptual image patch similarity (Zhang et al. 2018, equation 1), with weights from a file.

    Args:
        path: A safetensors file of the weights of the package lpips, version 0.1, of AlexNet or VGG-16.

    Raises:
        DataError: The file is missing, damaged or holds something else.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._weights = _read(path)
        self.network = next((name for name, layers in _NETWORKS.items() if _fits(layers, self._weights)), "")
        if not self.network:
            raise DataError(f"{path}: holds other weights, expected those of lpips for alex or vgg; {_ADVICE}")

    @torch.no_grad()
    def forward(self, image: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"]) -> float:
        """The distance; 0 for equal pictures.

        Args:
            image: sRGB in [0, 1], at least 32x32.
            reference: sRGB in [0, 1].
        """
        height, width, _ = image.shape
        if min(height, width) < _SMALLEST_EDGE:
            raise DataError(
                f"image: is {width}x{height}, expected at least {_SMALLEST_EDGE}x{_SMALLEST_EDGE} pixels for LPIPS; "
                "use larger images"
            )
        ours, theirs = self._features(image), self._features(reference)
        distances = [
            functional.conv2d((one - other).square(), self._linear(number)).mean()
            for number, (one, other) in enumerate(zip(ours, theirs, strict=True))
        ]
        return float(sum(distances))

    def _features(self, image: Float[Tensor, "h w 3"]) -> list[Float[Tensor, "1 f h2 w2"]]:
        """Outputs that are compared, of unit length at each pixel."""
        values = ((2.0 * image - 1.0 - image.new_tensor(_SHIFT)) / image.new_tensor(_SCALE)).permute(2, 0, 1)[None]
        found: list[Tensor] = []
        for layer in _NETWORKS[self.network]:
            if layer.pool:
                values = functional.max_pool2d(values, layer.pool, stride=2)
            weight, bias = (self._weights[f"{layer.name}.{part}"] for part in ("weight", "bias"))
            values = functional.conv2d(values, weight, bias, layer.stride, layer.padding).relu()
            if layer.compared:
                found.append(values / (values.square().sum(1, keepdim=True).sqrt() + _SMALLEST_NORM))
        return found

    def _linear(self, number: int) -> Float[Tensor, "1 f 1 1"]:
        return self._weights[_linear_name(number)]


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise DataError(f"{path}: does not exist, expected the weights of LPIPS; check the path, or {_ADVICE}")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(
            f"{path}: is no safetensors file ({error}), expected the weights of LPIPS; {_ADVICE}"
        ) from error
    # The package has two names for each of its linear layers, of which one is written.
    return {name.replace("lins.", "lin", 1): tensor.float() for name, tensor in tensors.items()}


def _linear_name(number: int) -> str:
    return f"lin{number}.model.1.weight"


def _fits(layers: Sequence[_Convolution], weights: Mapping[str, Tensor]) -> bool:
    """Whether weights are those of a network: all there, each with as many inputs as the one before has outputs."""
    channels, compared = 3, 0
    for layer in layers:
        weight, bias = weights.get(f"{layer.name}.weight"), weights.get(f"{layer.name}.bias")
        if weight is None or bias is None or weight.ndim != 4 or weight.shape[1] != channels:
            return False
        channels = len(weight)
        if layer.compared:
            linear = weights.get(_linear_name(compared))
            if linear is None or linear.shape != (1, channels, 1, 1):
                return False
            compared += 1
    return True
