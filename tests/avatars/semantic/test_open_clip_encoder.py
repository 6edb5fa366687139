"""open_clip's models behind the protocol, with a tiny architecture of our own."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from avatars.semantic.encoder import EncoderSource, SemanticEncoder
from avatars.semantic.open_clip_encoder import OpenClipEncoder, OpenClipSource
from nfield.errors import BackendUnavailable, DataError, OptionError

pytest.importorskip("open_clip")

_TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory):
    """The architecture as a file."""
    path = tmp_path_factory.mktemp("models") / "tiny-people.json"
    path.write_text(json.dumps(_TINY))
    return str(path)


@pytest.fixture(scope="module")
def encoder(tiny: str):
    return OpenClipSource(tiny, None, seed=1).load()


def _pictures(count: int, size: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=generator)


def test_sources_and_encoders_follow_the_protocols(encoder: OpenClipEncoder):
    assert isinstance(OpenClipSource(), EncoderSource)
    assert isinstance(encoder, SemanticEncoder)


def test_pictures_and_texts_are_unit_vectors_in_one_space(encoder: OpenClipEncoder, generator: torch.Generator):
    pictures, texts = encoder.images(_pictures(3, 32, generator)), encoder.texts(["a coat", "a dog"])
    assert pictures.shape == (3, 16)
    assert texts.shape == (2, 16)
    for vectors in (pictures, texts):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(len(vectors)), atol=1e-5, rtol=0)


def test_pictures_of_any_size_are_resampled_to_the_models(encoder: OpenClipEncoder, generator: torch.Generator):
    small = _pictures(1, 32, generator)
    double = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert float((encoder.images(small) * encoder.images(double)).sum()) > 0.999


def test_the_model_is_frozen_and_pictures_have_gradients(encoder: OpenClipEncoder, generator: torch.Generator):
    picture = _pictures(1, 20, generator).requires_grad_()
    other = encoder.images(_pictures(1, 32, generator))
    (1.0 - (encoder.images(picture) * other).sum()).backward()
    assert picture.grad is not None
    step = 2e-3 * torch.randn(picture.shape, generator=generator)
    ahead, behind = (float((encoder.images(picture + s) * other).sum().detach()) for s in (step, -step))
    expected = -float((picture.grad * step).sum())
    assert abs(0.5 * (ahead - behind) - expected) < 0.02 * abs(expected) + 1e-6


def test_weights_of_a_file_are_used_and_random_ones_follow_the_seed(tiny: str, tmp_path: Path):
    picture = torch.full((1, 3, 32, 32), 0.3)
    source = OpenClipSource(tiny, None, seed=5)
    first = source.load()
    path = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in first.state_dict().items()}, path)
    again, saved = source.load().images(picture), OpenClipSource(tiny, str(path), seed=9).load().images(picture)
    torch.testing.assert_close(again, first.images(picture))
    torch.testing.assert_close(saved, first.images(picture), atol=1e-5, rtol=0)
    assert (OpenClipSource(tiny, None, seed=6).load().images(picture) - again).abs().max() > 1e-3


def test_random_weights_leave_the_callers_randomness_alone(tiny: str):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    OpenClipSource(tiny, None).load()
    assert torch.equal(torch.rand(3), expected)


def test_unknown_models_and_those_that_must_be_downloaded_are_refused():
    with pytest.raises(OptionError, match=r"'ViT-Q-32' is none of open_clip's, expected a name such as ViT-B"):
        OpenClipSource("ViT-Q-32").load()
    with pytest.raises(OptionError, match=r"takes .* from the internet, and nothing is downloaded"):
        OpenClipSource("ViT-B-16-SigLIP").load()


def test_wrong_files_are_refused_in_a_sentence(tiny: str, tmp_path: Path):
    with pytest.raises(DataError, match=r"missing\.pt: there is no such file, expected a checkpoint"):
        OpenClipSource("ViT-B-32", str(tmp_path / "missing.pt")).load()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights at all")
    with pytest.raises(DataError, match=r"broken\.safetensors: cannot be used as weights"):
        OpenClipSource(tiny, str(broken)).load()
    other = tmp_path / "other.safetensors"
    save_file({"visual.proj": torch.zeros(3, 3)}, other)
    with pytest.raises(DataError, match=r"other\.safetensors: cannot be used as weights"):
        OpenClipSource(tiny, str(other)).load()
    text = tmp_path / "model.json"
    text.write_text("{]")
    with pytest.raises(DataError, match=r"model\.json: is not the architecture of a model of open_clip"):
        OpenClipSource(str(text)).load()


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'nfield\[clip\]'"):
        OpenClipSource().load()
