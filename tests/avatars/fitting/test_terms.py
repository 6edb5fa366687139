import math

import pytest
import torch

from avatars.fitting.rendering import StepRenderings
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import ColorTerm, FitStep, SilhouetteTerm, Term
from tests.avatars.fitting.fakes import ALPHA, COLOR, COUNT, KnownRays, KnownRenderer


def _loss(term: ColorTerm | SilhouetteTerm, subject: FitSubject) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    drawers = {sampling: sampling.build(subject) for sampling in term.samplings}
    return term.loss(FitStep(0, 0.0, generator, subject, StepRenderings(drawers, generator)))


def _opaque(color: torch.Tensor):
    return KnownRenderer(lambda: (color, torch.ones(len(color), dtype=color.dtype)))


def test_a_perfect_picture_has_no_colour_loss(subject: FitSubject):
    rays = KnownRays(KnownRenderer(lambda: (COLOR * ALPHA[:, None], ALPHA)))
    assert float(_loss(ColorTerm("color", rays), subject)) < 1e-12


def test_the_colour_loss_is_hubers_of_each_ray_by_its_confidence(subject: FitSubject):
    generator = torch.Generator().manual_seed(3)
    background = torch.rand(COUNT, 3, generator=generator)
    confidence = torch.linspace(0.1, 1.0, COUNT)
    shown = torch.rand(COUNT, 3, generator=generator)
    term = ColorTerm("color", KnownRays(_opaque(shown), confidence=confidence), delta=0.2)
    expected = 0.0
    for ray in range(COUNT):
        for channel in range(3):
            target = float(COLOR[ray, channel] * ALPHA[ray] + background[ray, channel] * (1.0 - ALPHA[ray]))
            error = abs(float(shown[ray, channel]) - target)
            huber = 0.5 * error**2 if error <= 0.2 else 0.2 * (error - 0.1)
            expected += float(confidence[ray]) * huber / (3 * COUNT)
    assert float(_loss(term, subject)) == pytest.approx(expected, rel=1e-5)


def test_the_silhouette_loss_is_the_cross_entropy_of_opacities_of_each_ray_by_its_confidence(subject: FitSubject):
    opacity = torch.tensor([0.9, 0.2, 0.5, 0.6, 0.1, 0.99])
    renderer = KnownRenderer(lambda: (torch.zeros(COUNT, 3), opacity))
    for confidence in (torch.ones(COUNT), torch.linspace(0.1, 1.0, COUNT)):
        expected = -sum(
            float(c) * (float(a) * math.log(float(o)) + (1.0 - float(a)) * math.log(1.0 - float(o)))
            for a, o, c in zip(ALPHA, opacity, confidence, strict=True)
        )
        term = SilhouetteTerm("silhouette", KnownRays(renderer, confidence=confidence))
        assert float(_loss(term, subject)) == pytest.approx(expected / COUNT, rel=1e-3)
    assert float(_loss(SilhouetteTerm("silhouette", KnownRays(renderer)), subject)) > 0.0


@pytest.mark.parametrize("confidence", [None, torch.linspace(0.1, 1.0, COUNT, dtype=torch.float64)])
def test_the_colour_loss_has_the_gradient_of_its_value(subject: FitSubject, confidence: torch.Tensor | None):
    start = torch.randn(COUNT, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(values: torch.Tensor) -> torch.Tensor:
        return _loss(ColorTerm("color", KnownRays(_opaque(values.sigmoid()), torch.float64, confidence)), subject)

    assert torch.autograd.gradcheck(loss, start.requires_grad_())


@pytest.mark.parametrize("confidence", [None, torch.linspace(0.1, 1.0, COUNT, dtype=torch.float64)])
def test_the_silhouette_loss_has_the_gradient_of_its_value(subject: FitSubject, confidence: torch.Tensor | None):
    start = torch.randn(COUNT, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(values: torch.Tensor) -> torch.Tensor:
        black = torch.zeros(COUNT, 3, dtype=torch.float64)
        renderer = KnownRenderer(lambda: (black, values.sigmoid()))
        return _loss(SilhouetteTerm("silhouette", KnownRays(renderer, torch.float64, confidence)), subject)

    assert torch.autograd.gradcheck(loss, start.requires_grad_())


def test_terms_follow_the_protocol():
    rays = KnownRays(_opaque(COLOR))
    for term in (ColorTerm("color", rays), SilhouetteTerm("silhouette", rays)):
        assert isinstance(term, Term)
