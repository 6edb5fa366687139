"""A stage's terms as a task of the training loop."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avatars.fitting.rendering import RayDrawer, RaySampling, Rendering, StepRenderings
from avatars.fitting.subject import FitSubject
from avatars.fitting.terms import FitStep, Term
from nfield.errors import OptionError
from nfield.training.running_error import RunningError
from nfield.training.task import Moment


class StageTask:
    """Any terms, by name; the samplers of all fields that they render learn along.

    Args:
        terms: At least one.
        subject: What is fitted.
        trained: Parameters that are optimised, by name of group.
    """

    def __init__(self, terms: Sequence[Term], subject: FitSubject, trained: Mapping[str, list[nn.Parameter]]) -> None:
        _check(terms)
        self._terms, self._subject, self._trained = tuple(terms), subject, dict(trained)
        for term in self._terms:
            term.prepare(subject)
        self._drawers: dict[RaySampling, RayDrawer] = {}
        for sampling in (sampling for term in terms for sampling in term.samplings):
            if sampling not in self._drawers:
                self._drawers[sampling] = sampling.build(subject)
        # The canonical sampler first, whether or not a term renders that field: it is saved with the avatar.
        rendered = [subject.avatar.canonical, *(drawer.shown for drawer in self._drawers.values())]
        self._shown = {(id(shown.field), id(shown.renderer)): shown for shown in rendered}.values()
        self._error, self._rays = RunningError(), 0

    def modules(self) -> Mapping[str, nn.Module]:
        """The canonical field, its sampler, and those of the other fields that terms render, counted."""
        samplers = [shown.renderer.sampler for shown in self._shown]
        others = {f"sampler {index}": sampler for index, sampler in enumerate(samplers[1:], 1)}
        return {"field": self._subject.avatar.canonical.field, "sampler": samplers[0], **others}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """What the stage trains."""
        return self._trained

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Each term's loss times its weight; terms that weigh nothing now are left out."""
        for shown in self._shown:
            shown.renderer.sampler.update(shown.field, moment.step, generator=generator)
        renderings = StepRenderings(self._drawers, generator)
        step = FitStep(moment.step, moment.share, generator, self._subject, renderings)
        weights = {term.name: term.weight.at(moment.share) for term in self._terms}
        losses = {term.name: weights[term.name] * term.loss(step) for term in self._terms if weights[term.name] != 0.0}
        self._observe(renderings.done)
        return losses

    def measures(self) -> dict[str, float]:
        """PSNR of recent rays that are to be reported, and rays of the last step."""
        quality = {"psnr": self._error.psnr} if self._error.known else {}
        return {**quality, "rays": float(self._rays)}

    def state(self) -> dict[str, float]:
        """The running error."""
        return {"error": self._error.value}

    def restore(self, state: Mapping[str, float]) -> None:
        """Takes what `state` gave."""
        self._error.value = state["error"]

    def _observe(self, renderings: Sequence[Rendering]) -> None:
        """Takes a step's figures in."""
        self._rays = sum(len(shown.batch.rays) for shown in renderings)
        for shown in renderings:
            if reported := shown.batch.reported:
                self._error.add((shown.out.color.detach() - shown.target)[:reported].square().mean())


def _check(terms: Sequence[Term]) -> None:
    names = [term.name for term in terms]
    if not names:
        raise OptionError("terms: there are none, expected at least one; a stage without a loss trains nothing")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"terms: two are called {twice[0]!r}, expected different names; rename one of them")
