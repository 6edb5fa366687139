from dataclasses import dataclass, replace

import pytest
import torch

from avatars.fitting.fit import FitBudget, fit_stages
from avatars.fitting.rendering import RaySampling
from avatars.fitting.stages import AvatarStage, FitStage, StageBudget, default_stages, fit_photo
from avatars.fitting.subject import FitSubject
from avatars.fitting.task import StageTask
from avatars.fitting.terms import ColorTerm, FitStep, SilhouetteTerm
from avatars.fitting.watcher import Silent
from avatars.fitting.weights import Constant, Linear, WeightSchedule
from nfield.errors import OptionError
from nfield.training.task import Moment, Task
from tests.avatars.fitting.fakes import ALPHA, COLOR, COUNT, KnownRays, KnownRenderer, NoSampler


@dataclass(frozen=True)
class _Pull:
    """A new term: draws the field's first parameter towards zero; looks at no rays."""

    name: str = "pull"
    weight: WeightSchedule = Constant(2.0)  # noqa: RUF009 - frozen
    samplings: tuple[RaySampling, ...] = ()

    def prepare(self, subject: FitSubject) -> None:
        pass

    def loss(self, step: FitStep) -> torch.Tensor:
        return next(step.subject.avatar.canonical.field.parameters()).square().sum()


def _known():
    return KnownRays(KnownRenderer(lambda: (0.5 * COLOR, ALPHA)), reported=COUNT)


def _losses(task: StageTask, share: float = 0.0):
    return task.losses(Moment(0, 0.0, share), torch.Generator().manual_seed(0))


def test_terms_of_equal_rays_share_one_rendering_a_step(subject: FitSubject):
    rays = _known()
    task = StageTask([ColorTerm("color", rays), SilhouetteTerm("silhouette", replace(rays))], subject, {})
    for steps in (1, 2):
        assert set(_losses(task)) == {"color", "silhouette"}
        assert rays.renderer.calls == steps
    sampler = rays.renderer.sampler
    assert isinstance(sampler, NoSampler)
    assert sampler.updates == 2


def test_terms_of_different_rays_are_rendered_apart(subject: FitSubject):
    first, second = _known(), _known()
    _losses(StageTask([ColorTerm("one", first), ColorTerm("other", second)], subject, {}))
    assert (first.renderer.calls, second.renderer.calls) == (1, 1)


def test_weights_follow_their_schedules_and_terms_without_weight_cost_nothing(subject: FitSubject):
    rays = _known()
    fading = SilhouetteTerm("silhouette", rays, Linear(first=3.0, last=0.0))
    full, half = (float(_losses(StageTask([fading], subject, {}), share)["silhouette"]) for share in (0.0, 0.5))
    assert half == pytest.approx(0.5 * full)
    before = rays.renderer.calls
    assert _losses(StageTask([fading], subject, {}), 1.0) == {}
    assert rays.renderer.calls == before


def test_a_new_term_changes_neither_the_stage_nor_the_other_terms(subject: FitSubject):
    stage = FitStage("known", (ColorTerm("color", _known()),), StageBudget(1.0, 1.0))
    longer = replace(stage, terms=(*stage.terms, _Pull()))
    before, after = _losses(stage.task(subject)), _losses(longer.task(subject))
    torch.testing.assert_close(after["color"], before["color"])
    first = next(subject.avatar.canonical.field.parameters()).detach()
    torch.testing.assert_close(after["pull"].detach(), 2.0 * first.square().sum())


def test_two_terms_of_one_name_and_no_terms_are_refused(subject: FitSubject):
    with pytest.raises(OptionError, match="two are called 'color'"):
        StageTask([ColorTerm("color", _known()), ColorTerm("color", _known())], subject, {})
    with pytest.raises(OptionError, match="there are none"):
        StageTask([], subject, {})


def test_the_error_of_reported_rays_survives_saving(subject: FitSubject):
    task = StageTask([ColorTerm("color", _known())], subject, {})
    assert "psnr" not in task.measures()
    _losses(task)
    restored = StageTask([ColorTerm("color", _known())], subject, {})
    restored.restore(task.state())
    assert restored.measures()["psnr"] == task.measures()["psnr"]
    assert task.measures()["rays"] == COUNT


def test_the_photo_stage_renders_each_pixel_set_once_and_trains_the_field(subject: FitSubject):
    task = fit_photo().task(subject)
    assert isinstance(task, Task)
    assert set(task.modules()) == {"field", "sampler", "sampler 1"}
    losses = task.losses(Moment(0, 0.0, 0.0), torch.Generator().manual_seed(0))
    assert set(losses) == {"color", "silhouette", "views"}
    assert task.measures()["rays"] == 8192 + 4096
    torch.stack(list(losses.values())).sum().backward()
    trained = [parameter for group in task.param_groups().values() for parameter in group]
    assert all(parameter.grad is not None for parameter in trained)
    for parameter in trained:
        parameter.grad = None


def test_stages_share_the_time_and_a_slow_machine_still_does_its_steps():
    first, photo = (stage.budget for stage in default_stages())
    assert first.share + photo.share == 1.0
    assert photo.train_config(4.0, None, least=1.0, seed=1).minutes == pytest.approx(2.8)
    assert photo.train_config(4.0, None, least=1.0, seed=1).least_steps == 840
    assert photo.train_config(4.0, None, least=1.0 / 3.0, seed=1).least_steps == 280
    assert photo.train_config(None, 7, least=1.0, seed=1).least_steps == 0


@pytest.mark.parametrize("stages", [(), default_stages()[:1], (*default_stages(), fit_photo())])
def test_any_list_of_stages_is_a_fit(subject: FitSubject, stages: tuple[AvatarStage, ...]):
    budget = FitBudget(minutes=None, steps=1)
    generator = torch.Generator().manual_seed(0)
    fitted = fit_stages(subject, stages, budget, generator=generator, watcher=Silent())
    assert fitted.steps == len(stages)
    assert not fitted.interrupted
