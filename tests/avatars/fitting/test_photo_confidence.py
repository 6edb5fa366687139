import dataclasses

import torch

from avatars.fitting.photo_confidence import PhotoConfidence, photo_confidence
from avatars.fitting.subject import FitSubject
from avatars.portrait import PersonPhoto
from avatars.surface.appearance import VertexColors
from avatars.surface.mesh import hand_vertices
from avatars.surface.painted_body import PaintedBody
from nfield.kernels.rasterize import rasterize
from tests.avatars.fitting.small_fit import FOCAL, SIZE


def _person(subject: FitSubject) -> PersonPhoto:
    """The photo with the outline of the painted body: of pixels of 3.75 cm, the bare body's may miss a finger."""
    surface, camera = subject.body.surface, subject.person.portrait.camera
    raster = rasterize(surface.spread(subject.posed.vertices), surface.faces, camera.intrinsics[0], camera.size)
    return dataclasses.replace(subject.person, alpha=(raster.face >= 0).to(torch.float32))


def _painted(body: PaintedBody, color: tuple[float, float, float], visibility: float) -> PaintedBody:
    count = len(body.rest)
    appearance = VertexColors(
        body.surface.faces, torch.tensor(color).expand(count, 3), torch.full((count,), visibility)
    )
    return dataclasses.replace(body, appearance=appearance)


def _confidence(subject: FitSubject, color: tuple[float, float, float], visibility: float) -> PhotoConfidence:
    """Of a photo that is (0.2, 0.2, 0.2) everywhere."""
    return photo_confidence(_painted(subject.body, color, visibility), _person(subject), subject.posed.vertices)


def _beside_hands(subject: FitSubject) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels within 4 cm of a hand in the photo, and those farther than 14 cm."""
    hands = subject.posed.vertices[hand_vertices(subject.body.model)]
    pixel, depth = subject.person.portrait.camera.project(hands, 0)
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]) + 0.5, torch.arange(SIZE[1]) + 0.5, indexing="ij")
    middles = torch.stack([columns, rows], -1).reshape(-1, 2)
    away = torch.cdist(middles, pixel).amin(-1).reshape(SIZE) * float(depth.mean()) / FOCAL
    return away < 0.04, away > 0.14


def test_what_is_painted_in_the_photos_colours_is_believed_whether_it_was_visible_or_not(subject: FitSubject):
    for visibility in (0.0, 1.0):
        assert (_confidence(subject, (0.2, 0.2, 0.2), visibility).color == 1.0).all()


def test_beside_hands_other_colours_are_not_believed_where_the_painting_has_no_confidence(subject: FitSubject):
    found, (beside, far) = _confidence(subject, (0.8, 0.1, 0.1), 0.0), _beside_hands(subject)
    assert beside.sum() > 20
    assert (found.color[beside] == 0.0).all()
    assert (found.color[far] == 1.0).all()
    assert (found.alpha[far] == 1.0).all()


def test_beside_hands_other_colours_are_believed_as_far_as_the_painting_does(subject: FitSubject):
    """On the body; beside it nothing is visible, and other colours are the background's."""
    color, (beside, _) = _confidence(subject, (0.8, 0.1, 0.1), 0.75).color, _beside_hands(subject)
    on_body = _person(subject).alpha > 0.5
    torch.testing.assert_close(color[on_body & beside], torch.full_like(color[on_body & beside], 0.75))
    assert (color[~on_body & beside] == 0.0).all()


def test_confidence_falls_softly_with_the_distance(subject: FitSubject):
    """Half way between the distances, 0.185 in one channel, it is a half."""
    color, (beside, _) = _confidence(subject, (0.385, 0.2, 0.2), 0.0).color, _beside_hands(subject)
    torch.testing.assert_close(color[beside], torch.full_like(color[beside], 0.5), atol=0.02, rtol=0)


def test_outlines_are_believed_as_far_as_the_field_reaches(subject: FitSubject):
    """A pixel is 3.75 cm: of a slit in the matte, three pixels wide in the chest, and of a blob beside, nothing is."""
    alpha = _person(subject).alpha.clone()
    row = int((alpha > 0.5).any(1).nonzero()[:, 0].float().mean())
    column = int((alpha[row] > 0.5).nonzero()[:, 0].float().mean())
    alpha[row, column - 1 : column + 2], alpha[2, 2] = 0.0, 1.0
    person = dataclasses.replace(subject.person, alpha=alpha)
    found = photo_confidence(_painted(subject.body, (0.2, 0.2, 0.2), 1.0), person, subject.posed.vertices)
    doubtful = torch.zeros_like(alpha, dtype=torch.bool)
    doubtful[row, column - 1 : column + 2], doubtful[2, 2] = True, True
    assert torch.equal(found.alpha == 0.0, doubtful)
    assert torch.equal(found.color == 0.0, doubtful)


def test_without_a_body_in_the_photo_all_is_believed(subject: FitSubject):
    behind = subject.posed.vertices * torch.tensor([1.0, 1.0, -1.0])
    found = photo_confidence(subject.body, subject.person, behind)
    assert (found.color == 1.0).all()
    assert (found.alpha == 1.0).all()
