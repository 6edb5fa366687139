"""LPIPS against a second implementation of its formula, on networks with weights at random."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nfield.errors import DataError
from nfield.lpips import Lpips

# The layers of torchvision's networks: (inputs, outputs, kernel, stride, padding), or the edge of a pooling.
_ALEX = [(3, 64, 11, 4, 2), 3, (64, 192, 5, 1, 2), 3, (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
_VGG = [
    *((3, 64, 3, 1, 1), (64, 64, 3, 1, 1), 2, (64, 128, 3, 1, 1), (128, 128, 3, 1, 1), 2),
    *((128, 256, 3, 1, 1), (256, 256, 3, 1, 1), (256, 256, 3, 1, 1), 2),
    *((256, 512, 3, 1, 1), (512, 512, 3, 1, 1), (512, 512, 3, 1, 1), 2),
    *((512, 512, 3, 1, 1), (512, 512, 3, 1, 1), (512, 512, 3, 1, 1)),
]
# After which of the layers, counted with their rectifiers as torchvision counts, the package lpips cuts the network.
_CUTS = {"alex": (2, 5, 8, 10, 12), "vgg": (4, 9, 16, 23, 30)}
_LAYERS = {"alex": _ALEX, "vgg": _VGG}


def _network(name: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in _LAYERS[name]:
        if isinstance(layer, int):
            layers.append(nn.MaxPool2d(layer, 2))
        else:
            layers += [nn.Conv2d(*layer), nn.ReLU()]
    return nn.Sequential(*layers)


def _outputs(network: nn.Sequential, cuts: Sequence[int], values: Tensor) -> list[Tensor]:
    found = []
    for number, layer in enumerate(network, 1):
        values = layer(values)
        if number in cuts:
            found.append(values)
    return found


def _weights(name: str, network: nn.Sequential) -> dict[str, Tensor]:
    """Named as the package lpips names them."""
    found: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        number = int(key.split(".")[0])
        part = next(part for part, cut in enumerate(_CUTS[name], 1) if number < cut)
        found[f"net.slice{part}.{key}"] = value
    widths = [network[cut - 2].out_channels for cut in _CUTS[name]]  # pyright: ignore[reportAttributeAccessIssue]
    return found | {f"lin{n}.model.1.weight": torch.rand(1, width, 1, 1) for n, width in enumerate(widths)}


@pytest.fixture(scope="module", params=["alex", "vgg"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, nn.Sequential, Path]:
    torch.manual_seed(0)
    network = _network(request.param)
    path = tmp_path_factory.mktemp("lpips") / "weights.safetensors"
    save_file(_weights(request.param, network), path)
    return request.param, network, path


@torch.no_grad()
def test_it_is_the_formula_of_the_paper(saved: tuple[str, nn.Sequential, Path], generator: torch.Generator):
    name, network, path = saved
    pictures = torch.rand(2, 64, 48, 3, generator=generator)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    inputs = ((pictures * 2.0 - 1.0 - shift) / scale).permute(0, 3, 1, 2)
    expected = 0.0
    for number, output in enumerate(_outputs(network, _CUTS[name], inputs)):
        unit = nn.functional.normalize(output, dim=1)
        weight = _saved(path)[f"lin{number}.model.1.weight"].reshape(-1, 1, 1)
        expected += float((weight * (unit[0] - unit[1]) ** 2).sum(0).mean())
    measured = Lpips(path)
    assert measured.network == name
    assert measured(pictures[0], pictures[1]) == pytest.approx(expected, rel=1e-4)


def _saved(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def test_equal_pictures_are_at_distance_zero_and_the_order_does_not_matter(
    saved: tuple[str, nn.Sequential, Path], generator: torch.Generator
):
    one, other = torch.rand(2, 40, 40, 3, generator=generator)
    measured = Lpips(saved[2])
    assert measured(one, one.clone()) == 0.0
    assert measured(one, other) == pytest.approx(measured(other, one), rel=1e-5)


def test_either_name_of_the_linear_layers_is_known(saved: tuple[str, nn.Sequential, Path], tmp_path: Path):
    renamed = {
        name.replace("lin", "lins.", 1) if name.startswith("lin") else name: value
        for name, value in _saved(saved[2]).items()
    }
    save_file(renamed, tmp_path / "other.safetensors")
    picture = torch.zeros(33, 33, 3)
    assert Lpips(tmp_path / "other.safetensors")(picture, picture + 0.5) == Lpips(saved[2])(picture, picture + 0.5)


def test_small_pictures_are_refused(saved: tuple[str, nn.Sequential, Path]):
    with pytest.raises(DataError, match="is 31x40, expected at least 32x32 pixels for LPIPS"):
        Lpips(saved[2])(torch.zeros(40, 31, 3), torch.zeros(40, 31, 3))


def test_other_files_are_refused_by_name(saved: tuple[str, nn.Sequential, Path], tmp_path: Path):
    with pytest.raises(DataError, match=r"gone: does not exist, expected the weights of LPIPS"):
        Lpips(tmp_path / "gone")
    (tmp_path / "pickle.pth").write_bytes(b"\x80\x04none of ours")
    with pytest.raises(DataError, match=r"pickle\.pth: is no safetensors file .* docs/evaluation\.md"):
        Lpips(tmp_path / "pickle.pth")
    weights = _saved(saved[2])
    del weights["lin4.model.1.weight"]
    save_file(weights, tmp_path / "half.safetensors")
    with pytest.raises(DataError, match=r"half\.safetensors: holds other weights, expected those of lpips"):
        Lpips(tmp_path / "half.safetensors")
