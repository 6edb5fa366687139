"""Which levels are compared when: the progress in progressive volume distillation, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from nfield.errors import OptionError


@dataclass(frozen=True)
class Stage:
    """A part of the training and the weights of its losses.

    Attributes:
        until: Share of the budget at which it ends.
        feature: Weight of the volume-aligned feature; it fades from the training's start on (`Schedule.fading`).
        density: Weight of the clipped log-density.
        color: Weight of the colour of points.
        rendered: Weight of the colour of rays.
    """

    until: float
    feature: float = 0.0
    density: float = 0.0
    color: float = 0.0
    rendered: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """Stages, one after the other; the last one lasts to the end.

    Attributes:
        stages: In the order of their ends.
        fading: Factor on the feature's weight at each step (PVD: 0.995).
    """

    stages: tuple[Stage, ...]
    fading: float = 0.995

    def at(self, share: float) -> Stage:
        """The stage at a spent share of the budget.

        >>> SCHEDULES["progressive"].at(0.0).rendered, SCHEDULES["progressive"].at(1.0).rendered
        (0.0, 1.0)
        """
        for stage in self.stages:
            if share < stage.until:
                return stage
        return self.stages[-1]


# The paper's weights belong to norms over whole batches; ours to root mean squares, so they are its own times
# the roots of the counts of its batches (4,096 rays, some 10^5 points), relative to the rendered loss.
_FEATURE, _DENSITY, _COLOR = 0.03, 0.01, 0.014

SCHEDULES: Mapping[str, Schedule] = {
    "progressive": Schedule(
        (
            Stage(0.05, feature=1.0),
            Stage(0.12, feature=_FEATURE, density=_DENSITY, color=_COLOR),
            Stage(1.0, feature=_FEATURE, density=_DENSITY, color=_COLOR, rendered=1.0),
        )
    ),
    "joint": Schedule((Stage(1.0, feature=_FEATURE, density=_DENSITY, color=_COLOR, rendered=1.0),)),
    "rendered": Schedule((Stage(1.0, rendered=1.0),)),
}
"""Schedules by name: the paper's stages; all levels from the first step on, as in PVD-AL's release; colours of rays
alone, to compare with."""


def schedule_named(name: str) -> Schedule:
    """A schedule of `SCHEDULES`.

    Raises:
        OptionError: There is none of this name.
    """
    if name not in SCHEDULES:
        raise OptionError(f"schedule: is {name!r}, expected one of {', '.join(SCHEDULES)}; give one of these")
    return SCHEDULES[name]
