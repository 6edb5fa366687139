from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from avatars.fit_run import keeper as keeping
from avatars.fit_run.folder import FitFolder
from avatars.fit_run.keeper import RunKeeper
from avatars.fitting.fit import FitBudget, FittedAvatar, fit_stages
from avatars.fitting.keeper import Keeper
from avatars.fitting.painted_rays import PaintedRays
from avatars.fitting.photo_rays import PhotoRays
from avatars.fitting.stages import AvatarStage, FitStage, StageBudget, learn_body
from avatars.fitting.subject import FitSubject
from avatars.fitting.surface_terms import SolidTerm, SurfaceColorTerm
from avatars.fitting.terms import ColorTerm
from avatars.fitting.watcher import Silent
from avatars.posed.run import load_avatar
from avatars.surface.painted_body import PaintedBody
from nfield.checkpoint import extra_of, load_checkpoint, save_checkpoint
from nfield.errors import CheckpointError
from nfield.training.loop import Hook, StepEvent
from tests.avatars.fitting.small_fit import small_subject

STEPS = 3
_SURFACE = FitStage(
    "surface", (SurfaceColorTerm("surface", count=256), SolidTerm("solid", count=256)), StageBudget(0.5, 1.0)
)
_PHOTO = FitStage(
    "photo", (ColorTerm("color", PhotoRays(count=64)), SolidTerm("solid", count=64)), StageBudget(0.5, 1.0)
)
_VIEWS = FitStage("views", (ColorTerm("views", PaintedRays(count=64)),), StageBudget(0.5, 1.0))


class _Killed(BaseException):
    """Ends a process as SIGKILL would: nothing after it is done."""


def _dies_at(count: int) -> Hook:
    """Dies at the event of this number; the end of a stage is an event, too."""
    seen: list[StepEvent] = []

    def die(event: StepEvent) -> None:
        seen.append(event)
        if len(seen) == count:
            raise _Killed

    return die


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch):
    """Saves after each step."""
    monkeypatch.setattr(keeping, "SAVE_EVERY", 0.0)


def _fit(subject: FitSubject, stages: Sequence[AvatarStage], keeper: Keeper | None = None) -> FittedAvatar:
    budget = FitBudget(minutes=None, steps=STEPS)
    generator = torch.Generator().manual_seed(3)
    return fit_stages(subject, stages, budget, generator=generator, watcher=Silent(), keeper=keeper)


def _state(fitted: FittedAvatar) -> dict[str, torch.Tensor]:
    field, sampler = fitted.avatar.canonical.field, fitted.posed.rendered.renderer.sampler
    return {**field.state_dict(), **{f"posed.{name}": value for name, value in sampler.state_dict().items()}}


_STAGES = {"surface": (_SURFACE, _PHOTO), "pictures": (learn_body(), _VIEWS)}


@pytest.fixture(scope="module")
def undisturbed(painted: PaintedBody) -> dict[str, FittedAvatar]:
    return {name: _fit(small_subject(painted), stages) for name, stages in _STAGES.items()}


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("surface", 2),  # in the first stage
        ("surface", STEPS + 1),  # at its end
        ("surface", STEPS + 2),  # at the first step of the next one
        ("surface", 2 * STEPS + 2),  # at the very end
        ("pictures", 2),
        ("pictures", STEPS + 3),
    ],
)
def test_a_fit_that_was_killed_ends_as_an_undisturbed_one(
    painted: PaintedBody,
    undisturbed: dict[str, FittedAvatar],
    tmp_path: Path,
    name: str,
    event: int,
):
    stages = _STAGES[name]
    folder, subject = FitFolder(tmp_path), small_subject(painted)
    with pytest.raises(_Killed):
        _fit(subject, stages, RunKeeper(folder, subject.avatar, (_dies_at(event),)))
    again = small_subject(painted)
    fitted, expected = _fit(again, stages, RunKeeper(folder, again.avatar)), undisturbed[name]
    assert (fitted.steps, set(fitted.seconds)) == (expected.steps, set(expected.seconds))
    for part, value in _state(expected).items():
        torch.testing.assert_close(_state(fitted)[part], value, rtol=1e-4, atol=1e-6, msg=part)


@pytest.mark.usefixtures("often")
def test_a_fit_goes_on_however_often_it_is_killed_and_counts_its_time_once(painted: PaintedBody, tmp_path: Path):
    folder, seconds, steps = FitFolder(tmp_path), [0.0], [0]
    for _ in range(2 * STEPS):
        subject = small_subject(painted)
        with pytest.raises(_Killed):
            _fit(subject, (_SURFACE, _PHOTO), RunKeeper(folder, subject.avatar, (_dies_at(2),)))
        saved = load_checkpoint(tmp_path)
        assert saved.seconds > seconds[-1]
        assert steps[-1] <= saved.step <= steps[-1] + 2
        seconds.append(saved.seconds)
        steps.append(saved.step)
        if saved.step == 2 * STEPS:
            break
    subject = small_subject(painted)
    fitted = _fit(subject, (_SURFACE, _PHOTO), RunKeeper(folder, subject.avatar))
    assert fitted.steps == 2 * STEPS
    assert sum(fitted.seconds.values()) == pytest.approx(seconds[-1])


@pytest.mark.usefixtures("often")
def test_an_avatar_of_the_moment_opens_and_says_that_it_is_not_finished(painted: PaintedBody, tmp_path: Path):
    subject = small_subject(painted)
    with pytest.raises(_Killed):
        _fit(subject, (_SURFACE,), RunKeeper(FitFolder(tmp_path), subject.avatar, (_dies_at(2),)))
    with pytest.warns(UserWarning, match=r"not finished \(2 steps so far\); nfield fit --resume --out"):
        avatar = load_avatar(tmp_path, painted.model)
    for name, value in subject.avatar.canonical.field.state_dict().items():
        assert torch.equal(avatar.canonical.field.state_dict()[name], value)


def test_no_save_is_far_from_the_next():
    """Seconds of training; a picture and a save between them take seconds, too."""
    assert keeping.SAVE_EVERY < 30.0 - 4.0


@pytest.mark.usefixtures("often")
def test_what_is_missing_from_a_checkpoint_is_named(painted: PaintedBody, tmp_path: Path):
    folder, subject = FitFolder(tmp_path), small_subject(painted)
    with pytest.raises(_Killed):
        _fit(subject, (_SURFACE,), RunKeeper(folder, subject.avatar, (_dies_at(2),)))
    saved = load_checkpoint(tmp_path)
    assert extra_of(tmp_path) == saved.extra
    moment = next(name for name in saved.tensors if name.startswith("optimizer."))
    for broken, message in (
        ({"tensors": {k: v for k, v in saved.tensors.items() if k != moment}}, f"{moment} is missing"),
        ({"tensors": {k: v for k, v in saved.tensors.items() if k != "fit.generator"}}, "does not say where its fit"),
        ({"extra": {**saved.extra, "fit": {"step": 1}}}, "fit: lacks the entry 'position'"),
    ):
        save_checkpoint(tmp_path, type(saved)(**{**vars(saved), **broken}))
        again = small_subject(painted)
        with pytest.raises(CheckpointError, match=message):
            _fit(again, (_SURFACE,), RunKeeper(folder, again.avatar))
