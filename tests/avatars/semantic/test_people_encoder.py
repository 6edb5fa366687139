"""The shipped model knows people that it never saw; its files are what its card says."""

import pytest
import torch

import assets
from avatars.body import BodyModel
from avatars.crowd.measures import knowledge
from avatars.crowd.person import Split
from avatars.crowd.shards import Crowd
from avatars.semantic.encoder import EncoderSource, SemanticEncoder
from avatars.semantic.people_encoder import PeopleSource

pytest.importorskip("open_clip")

PEOPLE = 12


@pytest.fixture(scope="module")
def encoder() -> SemanticEncoder:
    return PeopleSource().load()


def test_it_follows_the_protocols(encoder: SemanticEncoder):
    assert isinstance(PeopleSource(), EncoderSource)
    assert isinstance(encoder, SemanticEncoder)
    assert PeopleSource() == PeopleSource()


def test_it_is_small():
    assert assets.path("semantic/people.safetensors").stat().st_size < 20e6


def test_it_tells_held_out_people_apart_far_better_than_chance(encoder: SemanticEncoder):
    crowd, shards, number = Crowd(Split.HELD_OUT, BodyModel.load(), ("full",) * 8), [], 1000
    while len(shards) < PEOPLE:
        shard = crowd.shard(number)
        if {view.view for view in shard.viewpoints} == {"front", "side", "back"}:
            shards.append(shard)
        number += 2
    known = knowledge(encoder, shards)
    assert known.text_to_image > 5.0 / PEOPLE
    assert known.same_person > 8.0 / PEOPLE
    assert known.view > 0.4
    assert known.top_color > 3.0 / 11.0
    assert known.bottom_color > 4.0 / 11.0


def test_words_that_it_never_read_say_nothing(encoder: SemanticEncoder):
    with_words, without = encoder.texts(["a person wearing a red zeppelin top", "a person wearing a red top"])
    other = encoder.texts(["a person wearing a green top"])[0]
    assert float(with_words @ without) > float(without @ other)


def test_pictures_have_gradients(encoder: SemanticEncoder, generator: torch.Generator):
    picture = torch.rand(1, 3, 72, 72, generator=generator).requires_grad_()
    (gradient,) = torch.autograd.grad(encoder.images(picture)[0, 0], picture)
    assert float(gradient.abs().sum()) > 0.0
