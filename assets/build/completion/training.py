"""Learning, while examples are being made."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assets.build.completion.examples import Example
from assets.build.learning import Progress, Watch, write_weights
from avatars.surface.learned.completion import shaded
from avatars.surface.learned.evidence import PHOTO, RULES, SEEN, SHARE
from avatars.surface.learned.network import CompletionNetwork
from avatars.surface.learned.sheets import MIRRORED, read

_RATE, _DECAY, _WARM = 1.5e-3, 1e-2, 50
"""Largest learning rate, weight decay, and steps over which the rate rises."""

_TEXELS = 24_000
"""Of a person, on which a step looks."""

_KEPT = 60_000
"""Texels of a person that are kept to draw from."""

_LEAST = 0.03
"""How well the truth must be known, times how little the photo is trusted, for a texel to count."""

_TINTED, _BRIGHTER, _LIFTED = 0.12, 0.2, 0.05
"""How far colours are changed: channel by channel, all of them, and by how much is added."""

_EDGE = 0.01
"""Differences of colour below which the loss is a square, above which it is linear."""


@dataclass(frozen=True)
class Plan:
    """How long, and how.

    Attributes:
        minutes: Of training.
        people: In a batch.
        seed: Of everything random.
    """

    minutes: float
    people: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Lesson:
    """A person in a dye.

    Attributes:
        sheets: Of evidence.
        place: Of some texels that the photo does not show.
        normal: Of these.
        rules: Of these.
        truth: Of these.
        weight: How much each counts.
    """

    sheets: Float[Tensor, "6 k e e"]
    place: Float[Tensor, "n 3"]
    normal: Float[Tensor, "n 3"]
    rules: Float[Tensor, "n 3"]
    truth: Float[Tensor, "n 3"]
    weight: Float[Tensor, "n"]

    @staticmethod
    def of(example: Example, dye: int) -> "Lesson":
        """One dye of an example."""
        told, (truth, seen) = example.evidence(dye), example.true(dye)
        weight = seen * (1.0 - told.confidence)
        unseen = (weight > _LEAST).nonzero()[:, 0]
        kept = unseen[torch.randperm(len(unseen), generator=torch.Generator().manual_seed(dye))[:_KEPT]]
        texels = (part[kept] for part in (told.place, told.normal, told.rules, truth, weight))
        return Lesson(told.on_sheets(), *texels)

    def some(self, generator: np.random.Generator) -> "Lesson":
        """The lesson on some of its texels."""
        chosen = torch.from_numpy(generator.choice(len(self.place), min(_TEXELS, len(self.place)), replace=False))
        texels = (part[chosen] for part in (self.place, self.normal, self.rules, self.truth, self.weight))
        return Lesson(self.sheets, *texels)

    def mirrored(self) -> "Lesson":
        """With left and right exchanged."""
        flip = torch.tensor([-1.0, 1.0, 1.0])
        sheets = self.sheets[list(MIRRORED)].flip(-1)
        return Lesson(sheets, self.place * flip, self.normal * flip, self.rules, self.truth, self.weight)

    def recolored(self, factor: Float[Tensor, "3"], added: float) -> "Lesson":
        """In other colours: times a factor, and something added."""
        sheets, parts = self.sheets.clone(), factor[:, None, None]
        there = (sheets[:, SHARE] > 0.0).float()
        sheets[:, RULES] = sheets[:, RULES] * parts + added * there
        sheets[:, PHOTO] = sheets[:, PHOTO] * parts + added * sheets[:, SEEN]
        rules, truth = self.rules * factor + added, self.truth * factor + added
        return Lesson(sheets, self.place, self.normal, rules, truth, self.weight)


class Feed:
    """Lessons in a folder, to which others may be added meanwhile.

    Args:
        folder: Of examples.
        seed: Of the order.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._lessons: dict[tuple[str, int], Lesson] = {}
        self._generator = np.random.default_rng(seed)

    def refresh(self) -> int:
        """Read what has been added; says how many lessons there are."""
        known = {name for name, _ in self._lessons}
        for path in sorted(self._folder.glob("*.npz")):
            if path.name not in known:
                example = Example.load(path)
                for dye in range(len(example.rules)):
                    self._lessons[path.name, dye] = Lesson.of(example, dye)
        return len(self._lessons)

    def all(self) -> list[Lesson]:
        """All lessons, as they are."""
        return list(self._lessons.values())

    def batch(self, people: int) -> list[Lesson]:
        """Lessons of some people, each mirrored or not, in colours a little changed."""
        generator, names = self._generator, list(self._lessons)
        lessons = []
        for place in generator.integers(len(names), size=people):
            lesson = self._lessons[names[place]].some(generator)
            lesson = lesson.mirrored() if generator.random() < 0.5 else lesson
            tint = 1.0 + generator.uniform(-_TINTED, _TINTED, 3) + generator.uniform(-_BRIGHTER, _BRIGHTER)
            lessons.append(
                lesson.recolored(torch.tensor(tint, dtype=torch.float32), generator.uniform(-_LIFTED, _LIFTED))
            )
        return lessons


class Learner:
    """A network that is being trained.

    Args:
        plan: How.
    """

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.network = CompletionNetwork().to(memory_format=torch.channels_last)
        self._plan = plan
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=_RATE, weight_decay=_DECAY, betas=(0.9, 0.98)
        )
        self.progress = Progress(0.0, 0)

    def learn(self, feed: Feed, *, save: Callable[[], None], watch: Watch, every: float = 60.0) -> None:
        """Train until the minutes are over; saves and looks for new examples every so many seconds.

        Args:
            feed: Of lessons, one at least.
            save: Called to save, at the end as well.
            watch: Told of each step.
            every: Seconds.
        """
        saved = time.monotonic()
        while self.progress.minutes < self._plan.minutes:
            begun = time.monotonic()
            told = self._step(feed.batch(self._plan.people))
            self.progress = self.progress.after(time.monotonic() - begun)
            watch(self.progress, told)
            if time.monotonic() - saved > every:
                save()
                feed.refresh()
                saved = time.monotonic()
        save()

    def state(self) -> dict[str, Any]:
        """All that going on needs."""
        learnt = {"network": self.network.state_dict(), "optimizer": self._optimizer.state_dict()}
        return {**learnt, **asdict(self.progress)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(state["minutes"], state["steps"])

    def write(self, path: Path) -> None:
        """The weights in half precision."""
        write_weights(path, self.network.state_dict())

    def _step(self, lessons: list[Lesson]) -> dict[str, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * self.progress.rate(self._plan.minutes, warm=_WARM)
        loss, plain = lesson_loss(self.network, lessons)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        return {"loss": float(loss.detach()), "of the rules": plain}


def lesson_loss(network: CompletionNetwork, lessons: list[Lesson]) -> tuple[Float[Tensor, ""], float]:
    """How wrong the colours of what the photo does not show are after the network, and before it."""
    with torch.autocast("cpu", torch.bfloat16):
        sheets = network(torch.stack([lesson.sheets for lesson in lessons]))
    after, before = [], []
    for lesson, shade in zip(lessons, sheets.float(), strict=True):
        target = lesson.truth - lesson.rules
        change = shaded(lesson.rules, read(shade, lesson.place, lesson.normal))
        after.append(_wrong(change - target, lesson.weight))
        before.append(float(_wrong(target, lesson.weight)))
    return torch.stack(after).mean(), sum(before) / len(before)


def _wrong(difference: Float[Tensor, "n 3"], weight: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """Weighted mean of absolute differences, smooth at nought."""
    smooth = (difference.square() + _EDGE**2).sqrt() - _EDGE
    return (smooth.mean(-1) * weight).sum() / weight.sum().clamp_min(1e-6)
