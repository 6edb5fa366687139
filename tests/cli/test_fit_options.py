"""What `nfield fit` makes of its options about unseen sides."""

import json
from pathlib import Path

import pytest

from avatars.body import BodyModel
from avatars.fit_run.record import FitRecord
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import FitStage
from avatars.photo_inputs import PhotoFiles
from avatars.semantic.open_clip_encoder import OpenClipSource
from avatars.semantic.people_encoder import PeopleSource
from avatars.surface.learned.completion import NetworkCompletion
from avatars.surface.texture_rules import TextureRules
from nfield.cli import main
from nfield.cli.fit import parse
from nfield.cli.fit_options import FitOptions, fit_config, resumed
from nfield.config_json import to_json
from nfield.errors import OptionError
from nfield.training.run_folder import RUN_FILE


def _guided(tmp_path: Path) -> FitOptions:
    weights = str(tmp_path / "weights.pt")
    return parse(
        [
            "photo.jpg",
            "--out",
            str(tmp_path),
            "--guidance",
            "clip",
            "--clip-weights",
            weights,
            "--prompt",
            "a hat",
            "a bag",
        ]
    )


def _begun(options: FitOptions, tmp_path: Path) -> None:
    """A folder of a fit with these options that was killed at once."""
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    record = FitRecord.of(PhotoFiles(tmp_path / "photo.jpg"), BodyModel.load(), fit_config(options))
    (tmp_path / RUN_FILE).write_text(json.dumps({"plan": to_json(record)}))


def test_clip_adds_a_stage_with_the_models_weights_and_the_words(tmp_path: Path):
    rules, guided = fit_config(parse(["photo.jpg", "--out", str(tmp_path)])), fit_config(_guided(tmp_path))
    assert len(guided.stages) == len(rules.stages) + 1
    last = guided.stages[-1]
    assert isinstance(last, FitStage)
    term = last.terms[-1]
    assert isinstance(term, SemanticTerm)
    assert term.encoder == OpenClipSource("ViT-B-32", str(tmp_path.resolve() / "weights.pt"))
    assert term.prompts == ("a hat", "a bag")


@pytest.mark.parametrize("model", [[], ["--clip-model", "people"]])
def test_clip_alone_takes_the_shipped_model(tmp_path: Path, model: list[str]):
    begun = parse(["photo.jpg", "--out", str(tmp_path), "--guidance", "clip", "--prompt", "a hat", *model])
    last = fit_config(begun).stages[-1]
    assert isinstance(last, FitStage)
    term = last.terms[-1]
    assert isinstance(term, SemanticTerm)
    assert term.encoder == PeopleSource()
    assert term.prompts == ("a hat",)
    _begun(begun, tmp_path)
    assert fit_config(resumed(FitOptions(tmp_path, resume=True))) == fit_config(begun)
    assert fit_config(resumed(FitOptions(tmp_path, resume=True, clip_model="people"))) == fit_config(begun)
    with pytest.raises(OptionError, match=r"--clip-model: is RN50, but the fit in .* was begun with none"):
        resumed(FitOptions(tmp_path, resume=True, clip_model="RN50"))


def test_the_shipped_model_takes_no_weights_of_others():
    words = ["photo.jpg", "--out", "o", "--guidance", "clip", "--clip-model", "people", "--clip-weights", "w.pt"]
    with pytest.raises(OptionError, match="--clip-weights: is given, but --clip-model people has its own"):
        fit_config(parse(words))


def test_another_model_without_weights_says_what_to_give():
    with pytest.raises(OptionError, match=r"--clip-weights: is left out, but --clip-model is ViT-L-14; give the check"):
        fit_config(parse(["photo.jpg", "--out", "o", "--guidance", "clip", "--clip-model", "ViT-L-14"]))


@pytest.mark.parametrize("option", [["--prompt", "a hat"], ["--clip-weights", "w.pt"], ["--clip-model", "RN50"]])
def test_options_of_clip_are_refused_where_the_rules_would_ignore_them(option: list[str]):
    with pytest.raises(OptionError, match=rf"{option[0]}: is given, but only clip and all use it; give"):
        fit_config(parse(["photo.jpg", "--out", "o", *option]))


def test_a_guided_fit_goes_on_with_what_it_was_begun_with(tmp_path: Path):
    begun = _guided(tmp_path)
    _begun(begun, tmp_path)
    again = resumed(FitOptions(tmp_path, resume=True))
    assert fit_config(again) == fit_config(begun)
    with pytest.raises(OptionError, match=r"--guidance: is rules, but the fit in .* was begun with clip"):
        resumed(FitOptions(tmp_path, resume=True, guidance="rules"))


def test_a_guided_fit_goes_on_with_the_same_words_also_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    words = [
        "photo.jpg",
        "--out",
        str(tmp_path),
        "--guidance",
        "clip",
        "--clip-weights",
        "w.pt",
        "--clip-model",
        "m.json",
    ]
    monkeypatch.chdir(tmp_path)
    begun = parse(words)
    _begun(begun, tmp_path)
    config = fit_config(begun)
    assert fit_config(resumed(parse([*words, "--resume"]))) == config
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert fit_config(resumed(FitOptions(tmp_path, resume=True))) == config


def test_wrong_weights_are_told_before_anything_is_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("open_clip")
    out = tmp_path / "run"
    words = ["fit", "photo.jpg", "--out", str(out), "--guidance", "clip", "--clip-weights", str(tmp_path / "none.pt")]
    assert main(words) == 2
    assert "none.pt: there is no such file" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("guidance", "completion", "clip"),
    [
        ("rules", TextureRules, False),
        ("network", NetworkCompletion, False),
        ("clip", TextureRules, True),
        ("all", NetworkCompletion, True),
    ],
)
def test_guidance_says_who_completes_and_whether_meanings_are_compared(
    tmp_path: Path, guidance: str, completion: type, clip: bool
):
    begun = parse(["photo.jpg", "--out", str(tmp_path), "--guidance", guidance])
    config = fit_config(begun)
    assert type(config.completion) is completion
    terms = [term for stage in config.stages if isinstance(stage, FitStage) for term in stage.terms]
    assert any(isinstance(term, SemanticTerm) for term in terms) == clip
    _begun(begun, tmp_path)
    assert fit_config(resumed(FitOptions(tmp_path, resume=True))) == config
    assert resumed(FitOptions(tmp_path, resume=True)).guidance == guidance


def test_a_fit_by_rules_does_not_go_on_with_clip(tmp_path: Path):
    _begun(parse(["photo.jpg", "--out", str(tmp_path), "--guidance", "rules"]), tmp_path)
    assert fit_config(resumed(FitOptions(tmp_path, resume=True))).stages == fit_config(FitOptions(tmp_path)).stages
    assert isinstance(fit_config(resumed(FitOptions(tmp_path, resume=True))).completion, TextureRules)
    assert isinstance(fit_config(FitOptions(tmp_path)).completion, NetworkCompletion)
    with pytest.raises(OptionError, match=r"--guidance: is clip, but the fit in .* was begun with rules"):
        resumed(FitOptions(tmp_path, resume=True, guidance="clip"))
