import pytest
import torch

from avatars.body import BodyModel
from avatars.surface.mesh import HEAD, vertex_parts
from avatars.surface.regions import BodyRegions


@pytest.fixture(scope="module")
def model():
    return BodyModel.load()


@pytest.fixture(scope="module")
def regions(model: BodyModel):
    return BodyRegions.of(model)


def test_scalp_and_face_are_apart_and_the_scalp_is_on_the_skull(regions: BodyRegions):
    assert not (regions.face & regions.skull).any()
    assert (regions.scalp <= regions.skull).all()
    for region in (regions.face, regions.skull, regions.scalp, regions.hands):
        assert 50 < region.sum() < 0.5 * len(region)


def test_regions_lie_on_their_parts(model: BodyModel, regions: BodyRegions):
    head = vertex_parts(model) == HEAD
    assert (regions.face <= head).all()
    assert (regions.skull <= head).all()
    assert not (regions.hands & head).any()


def test_the_top_of_the_head_is_scalp_and_nose_and_eyes_are_face(model: BodyModel, regions: BodyRegions):
    assert regions.scalp[model.template[:, 1].argmax()]
    assert regions.face[[model.landmarks[name] for name in ("nose", "leye", "reye")]].all()
    assert regions.hands[[model.landmarks[name] for name in ("lindex", "rthumb")]].all()


def test_the_scalp_lies_above_the_eyes_and_the_back_of_the_head_is_skull(model: BodyModel, regions: BodyRegions):
    eyes = model.template[[model.landmarks["leye"], model.landmarks["reye"]], 1].mean()
    assert model.template[regions.scalp, 1].min() > eyes + 0.02
    head = vertex_parts(model) == HEAD
    back = head & (model.template[:, 2] < model.template[head, 2].min() + 0.02) & (model.template[:, 1] > eyes)
    assert back.sum() > 5
    assert regions.skull[back].all()


def test_regions_are_symmetric(model: BodyModel, regions: BodyRegions):
    for region in (regions.face, regions.skull, regions.scalp, regions.hands):
        assert (region == region[model.mirror]).float().mean() > 0.995
    assert torch.equal(model.mirror[model.mirror], torch.arange(len(model.template)))


def test_the_head_ends_where_clothes_begin_behind(model: BodyModel, regions: BodyRegions):
    rest, part = model.template, vertex_parts(model) == HEAD
    assert (part <= regions.head).all()
    neck = rest[regions.head & ~part]
    base, top = (model.joint_template[model.joint_names.index(name)] for name in ("neck", "head"))
    assert len(neck) > 50
    assert neck[:, 1].min() > base[1] - 0.04
    assert neck[:, 1].max() < top[1] + 0.02
    assert neck[:, 0].abs().max() < 0.09  # Shoulders are the trunk's.
    for half in (neck[:, 2] < base[2], neck[:, 2] > base[2]):
        assert half.sum() > 15  # All around.
