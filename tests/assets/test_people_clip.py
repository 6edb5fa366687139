"""The build of the image-text model: its losses against loops, its batches, and that it learns and goes on."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from avatars.body import BodyModel
from avatars.crowd.captions import QUESTIONS, Caption
from avatars.crowd.person import Split
from avatars.crowd.shards import Crowd
from avatars.semantic.open_clip_encoder import OpenClipSource

pytest.importorskip("open_clip")

from assets.build.learning import Progress
from assets.build.people_clip.__main__ import Options, main
from assets.build.people_clip.batches import Batch, Feed, Look, shard_path, whole_pairs
from assets.build.people_clip.losses import answer_loss, caption_loss, either_right, person_loss
from assets.build.people_clip.making import make_people
from assets.build.people_clip.teaching import TaughtTower, place_loss
from assets.build.people_clip.training import Learner, Plan

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 112, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
    "text_cfg": {"context_length": 64, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of shards, and one without its neighbour."""
    path = tmp_path_factory.mktemp("crowd")
    crowd = Crowd(Split.TRAINING, BodyModel.load(), ("full", "full", "head", "head"))
    for number in (0, 1, 2, 3, 4):
        crowd.shard(number).save(shard_path(path, number))
    return path


@pytest.fixture(scope="module")
def architecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny-crowd.json"
    path.write_text(json.dumps(TINY))
    return path


def unit(generator: torch.Generator, count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 6, generator=generator, dtype=torch.float64), dim=-1)


def test_the_loss_of_captions_is_that_of_a_loop(generator: torch.Generator):
    images, texts, scale = unit(generator, 5), unit(generator, 5), torch.tensor(7.0, dtype=torch.float64)
    wrong = torch.rand(5, 5, generator=generator) < 0.6
    total = 0.0
    for i in range(5):
        for near, far, row in ((images[i], texts, wrong[i]), (texts[i], images, wrong[:, i])):
            among = [j for j in range(5) if j == i or bool(row[j])]
            logits = {j: float(scale * near @ far[j]) for j in among}
            total += math.log(sum(math.exp(value) for value in logits.values())) - logits[i]
    assert float(caption_loss(images, texts, scale, wrong)) == pytest.approx(total / 10)


def test_the_loss_of_people_is_that_of_a_loop(generator: torch.Generator):
    first, second = unit(generator, 4), unit(generator, 4)
    both, total = torch.cat([first, second]), 0.0
    for i in range(8):
        logits = {j: float(both[i] @ both[j]) / 0.2 for j in range(8) if j != i}
        total += math.log(sum(math.exp(value) for value in logits.values())) - logits[(i + 4) % 8]
    assert float(person_loss(first, second, 0.2)) == pytest.approx(total / 8)


def test_losses_have_right_gradients(generator: torch.Generator):
    images, texts = (unit(generator, 4).requires_grad_() for _ in range(2))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    wrong = torch.rand(4, 4, generator=generator) < 0.7
    assert torch.autograd.gradcheck(lambda one, other, by: caption_loss(one, other, by, wrong), (images, texts, scale))
    assert torch.autograd.gradcheck(lambda one, other: person_loss(one, other, 0.3), (images, texts))


def test_only_whole_pairs_are_learnt_from(folder: Path):
    assert [[path.name for path in pair] for pair in whole_pairs(folder)] == [
        ["000000.npz", "000001.npz"], ["000002.npz", "000003.npz"],
    ]  # fmt: skip


def test_both_halves_of_a_batch_show_the_same_people(folder: Path):
    batch = Feed(folder, 0).batch(2)
    assert batch.pictures.shape == (32, 3, 112, 112)
    for first, second in zip(batch.people[:16], batch.people[16:], strict=True):
        assert {**first, "view": ""} == {**second, "view": ""}
    assert len({json.dumps(dict(facts), sort_keys=True) for facts in batch.people[:16]}) > 8


def test_no_caption_contradicts_its_own_picture_and_many_contradict_others(folder: Path):
    batch = Feed(folder, 1).batch(2)
    wrong = batch.contradicted()
    assert wrong.shape == (16, 16)
    assert len(batch.captions) == 16
    assert not wrong.diagonal().any()
    assert 0.5 < float(wrong.float().mean()) < 1.0


def test_a_caption_contradicts_whoever_it_is_wrong_about():
    red, blue = Caption("a red top", {"top color": "red"}), Caption("a blue top", {"top color": "blue"})
    facts = ({"top color": "red"},) * 2
    batch = Batch(torch.zeros(2, 3, 1, 1), (red, blue), facts, facts, {}, torch.zeros(2, 4, 1, 1))
    assert batch.contradicted().tolist() == [[False, True], [False, True]]


def test_the_truth_of_an_answer_is_what_the_picture_shows(folder: Path):
    batch = Feed(folder, 2).batch(2)
    for name, texts in batch.answers.items():
        assert len(texts) == len(set(texts)) == len(QUESTIONS[name])
        truth = batch.truth(name)
        assert truth.any()
        for row, facts in zip(truth.tolist(), batch.shown, strict=True):
            told = [value for value, true in zip(QUESTIONS[name], row, strict=True) if true]
            assert facts.get(name) in (told or [None])
            assert set(told) <= set(facts.values())


def test_the_loss_of_answers_is_that_of_a_loop_and_skips_what_is_not_shown(generator: torch.Generator):
    images, answers, scale = unit(generator, 3), unit(generator, 4), torch.tensor(5.0, dtype=torch.float64)
    logits = [[float(scale * image @ answer) for answer in answers] for image in images]
    expected = [math.log(sum(map(math.exp, row))) - row[value] for row, value in zip(logits[:2], (3, 1), strict=True)]
    truth = torch.nn.functional.one_hot(torch.tensor([3, 1, 0]), 4).bool()
    truth[2] = False
    assert float(answer_loss(images, answers, scale, truth)) == pytest.approx(sum(expected) / 2)


def test_of_two_right_answers_either_will_do(generator: torch.Generator):
    logits = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    truth = torch.tensor([[True, True, False, False], [False, False, True, False], [False] * 4])
    shares = logits.softmax(1)
    expected = -(shares[0, :2].sum().log() + shares[1, 2].log()) / 2
    assert float(either_right(logits, truth)) == pytest.approx(float(expected))
    assert torch.autograd.gradcheck(lambda value: either_right(value, truth), (logits.requires_grad_(),))


@pytest.fixture
def square() -> Look:
    """A white square in the middle of nothing, whose places are its columns and rows."""
    picture, places = np.zeros((112, 112, 4), dtype=np.float32), np.zeros((112, 112, 3), dtype=np.float32)
    picture[40:72, 40:72] = 1.0
    places[40:72, 40:72, 0], places[40:72, 40:72, 1] = np.meshgrid(np.arange(32.0), np.arange(32.0))
    return Look(picture, places)


def test_the_background_takes_the_place_of_nothing_else(square: Look):
    shown = [square.in_front(np.random.default_rng(seed)) for seed in range(30)]
    assert all(image[50:60, 50:60].min() > 0.85 for image in shown)
    assert len({tuple(image[0, 0].tolist()) for image in shown}) > 8


def test_places_move_and_turn_with_their_picture(square: Look):
    for seed in range(12):
        varied = square.varied(np.random.default_rng(seed))
        inside = varied.picture[..., 3] > 0
        assert inside.sum() == 32 * 32
        assert (np.abs(varied.places).sum(-1) > 0).sum() == 32 * 32 - 1
        across = varied.places[..., 0][inside].reshape(32, 32)[0]
        assert (np.abs(across) == (np.arange(32) if across[-1] > 0 else np.arange(32)[::-1])).all()
        assert (across <= 0).all() or (across >= 0).all()


def test_coarse_places_are_means_over_squares(square: Look):
    coarse = square.coarse()
    assert coarse.shape == (4, 14, 14)
    for row, column in ((5, 5), (8, 6), (2, 3)):
        cell = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert coarse[:3, row, column] == pytest.approx(square.places[cell].reshape(-1, 3).mean(0), abs=1e-4)
        assert coarse[3, row, column] == pytest.approx(square.picture[cell][..., 3].mean())


def test_the_loss_of_places_is_that_of_a_loop(generator: torch.Generator):
    told, places = torch.rand(2, 4, 3, 3, generator=generator), torch.rand(2, 4, 3, 3, generator=generator)
    places[:, :, 1] = 0.0
    wrong = weight = cover = 0.0
    for b, row, column in np.ndindex(2, 3, 3):
        share = float(places[b, 3, row, column])
        weight += share
        cover += abs(float(told[b, 3, row, column]) - share) / 18
        for axis, spread in enumerate((0.20, 0.45, 0.08)):
            where = float(places[b, axis, row, column]) / share / spread if share else 0.0
            wrong += share * abs(float(told[b, axis, row, column]) - where)
    assert float(place_loss(told, places)) == pytest.approx(wrong / weight / 3 + cover, rel=1e-4)


def test_the_taught_tower_gives_the_towers_own_vectors(architecture: Path):
    learner = Learner(architecture, Plan(1.0))
    tower = learner.model.visual.eval()
    taught, pictures = TaughtTower(tower, 32, 128), torch.rand(2, 3, 112, 112)
    vectors, places = taught(pictures)
    torch.testing.assert_close(vectors, tower(pictures))
    assert places.shape == (2, 4, 14, 14)


class Enough(Exception):
    """Raised after some steps: how long they take depends on what else the machine does."""


def test_it_learns_and_goes_on(folder: Path, architecture: Path, tmp_path: Path):
    plan, told = Plan(minutes=60.0, pairs=2), []
    learner = Learner(architecture, plan)

    def watch(at: Progress, losses: dict[str, float]) -> None:
        told.append(losses["caption"])
        if at.steps == 25:
            raise Enough

    with pytest.raises(Enough):
        learner.learn(folder, save=lambda: None, watch=watch)
    assert np.mean(told[-3:]) < told[0]
    going = Learner(architecture, plan)
    going.restore(learner.state())
    assert going.progress == learner.progress
    assert going.progress.steps == len(told)
    learner.write(tmp_path / "weights.safetensors")
    encoder = OpenClipSource(str(architecture), str(tmp_path / "weights.safetensors")).load()
    with torch.no_grad():
        own = torch.nn.functional.normalize(learner.model.eval().encode_image(torch.zeros(1, 3, 112, 112)), dim=-1)
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None].expand(1, 3, 112, 112)
        assert float((encoder.images(mean) * own).sum()) > 0.999


def test_words_that_no_caption_has_mean_nothing(folder: Path, architecture: Path, tmp_path: Path):
    learner, saved = Learner(architecture, Plan(minutes=0.01, pairs=2)), []
    learner.learn(folder, save=lambda: saved.append(learner.progress), watch=lambda at, losses: None)
    assert saved[-1] == learner.progress
    assert learner.progress.minutes >= 0.01
    learner.write(tmp_path / "weights.safetensors")
    encoder = OpenClipSource(str(architecture), str(tmp_path / "weights.safetensors")).load()
    rows = encoder.state_dict()["token_embedding.weight"]
    assert 20 < int((rows.abs().sum(1) > 0).sum()) < 400


def test_nobody_waits_for_people_that_nobody_makes(tmp_path: Path):
    with pytest.raises(SystemExit, match="pairs of people: there are 0, expected 24, and nobody makes any; give --m"):
        main(Options(work=tmp_path, out=tmp_path / "weights.safetensors", makers=0))
    assert not (tmp_path / "weights.safetensors").exists()


def test_people_are_made_once(tmp_path: Path):
    make_people(tmp_path, [0])
    first = shard_path(tmp_path, 0).stat().st_mtime_ns
    make_people(tmp_path, iter([0]))
    assert shard_path(tmp_path, 0).stat().st_mtime_ns == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.npz"]
