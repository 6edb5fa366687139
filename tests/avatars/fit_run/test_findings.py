from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from avatars.body import BodyModel
from avatars.finding import FoundPerson
from avatars.fit_run.findings import Timed, load_painted, load_person, save_painted, save_person
from avatars.surface.dressed import DressedSurface
from avatars.surface.painted_body import PaintedBody
from avatars.surface.parametrise import TextureLayout
from avatars.surface.textured import Texture
from nfield.errors import CheckpointError
from nfield.kernels.rasterize import rasterize
from tests.avatars.fitting.small_fit import SIZE, small_person
from tests.avatars.surface.shapes import floating_garment


def test_a_person_is_the_same_again(tmp_path: Path):
    person = small_person(BodyModel.load())
    found = FoundPerson(person, ("left hand",), ("there are two", "the larger one"), Image.new("RGB", (4, 4)))
    save_person(tmp_path / "person", Timed(found, 12.5))
    again = load_person(tmp_path / "person")
    assert (again.seconds, again.value.hidden, again.value.remarks) == (12.5, found.hidden, found.remarks)
    for read in (
        lambda p: p.photo,
        lambda p: p.alpha,
        lambda p: p.portrait.pose.rotations,
        lambda p: p.portrait.pose.translation,
        lambda p: p.portrait.pose.shape,
        lambda p: p.portrait.camera.intrinsics,
    ):
        assert torch.equal(read(again.value.person), read(person))
    assert again.value.person.portrait.camera.size == person.portrait.camera.size
    assert again.value.person.body_overlap(BodyModel.load()) == pytest.approx(1.0)


def _pictured(body: PaintedBody):
    """The body as a camera sees it: any difference of its mesh or colours shows."""
    portrait = small_person(body.model).portrait
    away = body.rest * torch.tensor([1.0, -1.0, -1.0]) + portrait.pose.translation
    return body.appearance.shade(rasterize(away, body.surface.faces, portrait.camera.intrinsics[0], SIZE))


def test_a_body_with_colours_on_its_vertices_looks_the_same_again(tmp_path: Path, painted: PaintedBody):
    save_painted(tmp_path / "painted", Timed(painted, 3.0))
    again = load_painted(tmp_path / "painted", painted.model)
    assert again.seconds == 3.0
    assert float(_pictured(painted)[..., 3].sum()) > 10.0
    assert torch.equal(_pictured(again.value), _pictured(painted))
    assert torch.equal(again.value.rest, painted.rest)


def test_a_textured_body_in_loose_clothes_is_the_same_again(tmp_path: Path, generator: torch.Generator):
    model = BodyModel.load()
    dressed = DressedSurface.wearing(floating_garment(model), model.faces)
    layout = TextureLayout(torch.rand(len(dressed.rest), 2, generator=generator), dressed.faces, 2).finer()
    image = torch.rand(8, 4, 4, generator=generator)
    body = PaintedBody.of(model, dressed, Texture(layout, image))
    save_painted(tmp_path / "painted", Timed(body, 0.0))
    again = load_painted(tmp_path / "painted", model).value
    assert torch.equal(_pictured(again), _pictured(body))
    garment, before = again.dressed.garment, dressed.garment
    assert garment is not None
    assert before is not None
    assert (garment.kinds, garment.solid) == (before.kinds, before.solid)
    assert all(torch.equal(garment.tensors()[name], value) for name, value in before.tensors().items())
    assert isinstance(again.appearance, Texture)
    assert again.appearance.layout.pages == 2


class _Plain:
    """An appearance that nobody knows how to save."""

    def shade(self, raster: object) -> None: ...

    def at(self, face: object, barycentric: object) -> None: ...


def test_an_unknown_appearance_is_not_kept(tmp_path: Path, painted: PaintedBody):
    save_painted(tmp_path / "painted", Timed(replace(painted, appearance=_Plain()), 0.0))
    assert not (tmp_path / "painted").exists()


def test_a_damaged_file_is_named(tmp_path: Path):
    (tmp_path / "person").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="person: cannot be read"):
        load_person(tmp_path / "person")
