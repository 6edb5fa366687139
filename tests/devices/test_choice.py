"""Which device is taken for what a user asks for, and why not another."""

from contextlib import nullcontext

import pytest
import torch

from nfield import device_choice
from nfield.device_choice import choose_device
from nfield.errors import OptionError
from nfield.kernels import first_call
from nfield.kernels.first_call import trouble_with

GPU = torch.device("cuda", 0)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """One GPU, of which nothing but its name is known."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Imaginary 1")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    device_choice._trouble.cache_clear()
    yield
    device_choice._trouble.cache_clear()


@pytest.mark.usefixtures("gpu")
def test_auto_takes_cuda_where_a_first_call_works(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_choice, "trouble_with", lambda device: None)
    for asked in ("auto", "cuda", "cuda:0"):
        chosen = choose_device(asked)
        assert chosen.device == GPU
        assert chosen.words == "on Imaginary 1 (cuda:0)"
    assert choose_device("cpu").device.type == "cpu"


@pytest.mark.usefixtures("gpu")
def test_auto_stays_on_the_cpu_where_it_does_not_and_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_choice, "trouble_with", lambda device: "nothing works")
    assert choose_device().device.type == "cpu"
    assert choose_device().words.endswith("nothing works")
    with pytest.raises(OptionError, match=r"cuda cannot be used: nothing works; see nfield doctor"):
        choose_device("cuda")


@pytest.mark.parametrize("asked", ["gpu", "cuda:", "cuda:x", "mps", ""])
def test_other_words_are_refused(asked: str):
    with pytest.raises(OptionError, match=r"expected auto, cpu, cuda or cuda:N"):
        choose_device(asked)


@pytest.mark.usefixtures("gpu")
def test_a_gpu_that_is_not_there_and_a_package_that_is_not_are_named():
    assert "the last CUDA device is cuda:0" in str(trouble_with(torch.device("cuda", 3)))
    assert "pip install" in str(trouble_with(GPU))  # tinycudann is not installed here


@pytest.mark.usefixtures("gpu")
def test_a_first_call_that_fails_or_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_call.cuda, "package", lambda name: None)

    def fails(*_: object) -> float:
        raise RuntimeError("no kernel image\nis available")

    monkeypatch.setattr(first_call, "_encoding", fails)
    assert "first call on cuda:0 failed (no kernel image is available)" in str(trouble_with(GPU))
    for name, difference in (("_encoding", 0.0), ("_network", 0.5), ("_compositing", 0.0)):
        monkeypatch.setattr(first_call, name, lambda *_, difference=difference: difference)
    assert "tinycudann's network differs from its twin by 0.5" in str(trouble_with(GPU))


def test_the_checks_agree_where_the_twins_compute():
    generator, cpu = torch.Generator().manual_seed(0), torch.device("cpu")
    assert first_call._encoding(cpu, generator) < 1e-3
    assert first_call._network(cpu, generator) < 1e-3
    assert first_call._compositing(cpu, generator) < 1e-3
    assert first_call._marching(cpu, generator) is None


def test_without_a_gpu_there_is_no_choice():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert choose_device().words == "on the CPU"
    with pytest.raises(OptionError, match="cuda cannot be used: torch"):
        choose_device("cuda")
