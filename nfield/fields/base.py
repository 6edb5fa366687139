"""The interface that every radiance field answers, and the registry of backends."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, TypeVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.errors import OptionError
from nfield.types import Box, FieldOutput, Latent, Level

Answer = Callable[[Float[Tensor, "n 3"], Float[Tensor, "n 3"]], tuple[Float[Tensor, "n"], Float[Tensor, "n 3"]]]
"""World points, metres, and unit directions -> log-density, 1/m, and sRGB in [0, 1]."""


class Field(nn.Module, ABC):
    """A radiance field: what is at a point, and how it looks from a direction.

    A field answers at three levels that distillation may compare (PVD, section 3.2): the feature, the log-density
    and the colour. A backend implements the abstract methods; everything else is written here, once.

    Attributes:
        feature_dim: Length of a feature.
        levels: Levels at which this field may be compared with another.
        log_density_range: Log-densities are clipped to it, here and nowhere else.
    """

    feature_dim: int
    levels: frozenset[Level]
    log_density_range: tuple[float, float]

    @abstractmethod
    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """Feature and presence of world points, metres; presence is 0 outside the field's box."""

    @abstractmethod
    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """Log-density, 1/m, before clipping."""

    @abstractmethod
    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colour, sRGB in [0, 1], of features seen along unit directions."""

    @abstractmethod
    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by name of group; the optimiser's configuration maps names to rates."""

    @property
    def initialised(self) -> bool:
        """Whether the field's centres are initialised; False only for a backend that waits for `initialise`."""
        return True

    def initialise(self, source: "Field", *, generator: torch.Generator | None) -> None:
        """Initialises centres where a field of the same scene, this one or another, is dense; most backends have none.

        Args:
            source: Tells where that is.
            generator: Draws what is random about it.
        """

    def imitate(self, answer: Answer, *, floor: float) -> bool:
        """Takes another field's answers over where that has a closed form; returns whether it has.

        Args:
            answer: Log-density, 1/m, and colour of world points seen along unit directions; without gradient.
            floor: Log-density, 1/m, of what is empty.
        """
        return False

    def decoders(self) -> dict[str, nn.Module]:
        """Small networks that another field of equal shapes may inherit, by role: "density", "color"."""
        return {}

    def sparse(self) -> list[nn.Parameter]:
        """Parameters that are mostly zero in a good fit, which a task may draw there (TensoRF, equation 16)."""
        return []

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """What `density_head` needs; a backend whose colour features are expensive may leave them out."""
        return self.encode(points)

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput | None:
        """The whole answer by one native op, equal to the composition; None where there is none."""
        return None

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]] | None:
        """Clipped log-density and presence by one native op, without gradient; None where there is none."""
        return None

    @final
    def log_density(self, latent: Latent) -> Float[Tensor, "n"]:
        """Log-density, clipped to `log_density_range`, with the solid matter that is known; without presence."""
        return with_solid(self.density_head(latent.feature).clamp(*self.log_density_range), latent.solid)

    @final
    def density_and_presence(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
        """Clipped log-density and presence at world points."""
        fused = None if torch.is_grad_enabled() else self.fused_density(points)
        if fused is not None:
            return fused
        latent = self.encode_for_density(points)
        return self.log_density(latent), latent.presence

    @final
    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """Presence times density, 1/m, at world points."""
        log_density, presence = self.density_and_presence(points)
        return presence * log_density.exp()

    @final
    def compose(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """The answer by `encode` and the heads: what `fused` has to equal."""
        return self.answer(self.encode(points), dirs)

    @final
    def answer(self, latent: Latent, dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """Log-density, colour and presence of encoded points seen along unit directions."""
        return FieldOutput(self.log_density(latent), self.color_head(latent.feature, dirs), latent.presence)

    @final
    def forward(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """Log-density, colour and presence of world points seen along unit directions."""
        fused = self.fused(points, dirs)
        return self.compose(points, dirs) if fused is None else fused

    if TYPE_CHECKING:

        def __call__(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
            """Typed for the checker."""
            ...


def with_solid(log_density: Float[Tensor, "n"], solid: Float[Tensor, "n"] | None) -> Float[Tensor, "n"]:
    """Log-density with the matter that is known to be there, see `Latent.solid`; 1/m all of them."""
    return log_density if solid is None else torch.logaddexp(log_density, solid)


@dataclass(frozen=True)
class BuildContext:
    """What a backend may need to make a field.

    Attributes:
        box: World box that the field covers.
        generator: Draws first values.
        source: An existing field of the same scene, for backends whose centres are initialised by it.
    """

    box: Box
    generator: torch.Generator | None = None
    source: Field | None = None


@dataclass(frozen=True)
class Learning:
    """How the fields of a backend learn best.

    Attributes:
        rates: First learning rate of each parameter group; other groups take the optimiser's default.
        samples: Samples of a step in the end.
        first_samples: Samples of the first step.
    """

    rates: Mapping[str, float] = dataclass_field(default_factory=dict)
    samples: int = 1 << 16
    first_samples: int = 1 << 14


@dataclass(frozen=True)
class FieldConfig(ABC):
    """Options of a backend; a frozen dataclass whose docstrings are the help text.

    All that others know of a backend stands here: only `build` has to be written.
    """

    @abstractmethod
    def build(self, context: BuildContext) -> Field:
        """A new field."""

    @classmethod
    def for_budget(cls, minutes: float) -> "FieldConfig":
        """Options that do best on a scene within a budget: small fields learn faster, large ones further.

        Args:
            minutes: Training time on two cores.
        """
        return cls()

    @classmethod
    def for_person(cls) -> "FieldConfig":
        """Options for an avatar: details of a millimetre or two in a box of two metres."""
        return cls()

    def learning(self) -> Learning:
        """Learning rates and samples of a step that suit its fields."""
        return Learning()

    @property
    def initialises(self) -> bool:
        """Whether its fields have centres that wait for `Field.initialise`."""
        return False


@contextmanager
def put_down_to(options: object) -> Iterator[None]:
    """What goes wrong while a field is built is put down to its options.

    Args:
        options: Of the field.
    """
    try:
        yield
    except (ValueError, RuntimeError, MemoryError, ZeroDivisionError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise OptionError(f"{options}: cannot be built ({reason}); change the field's options") from error


def require_at_least(least: int, **options: int) -> None:
    """Refuses options of a backend that make no field.

    Args:
        least: The smallest value that makes sense.
        options: Values by name of option.
    """
    for name, value in options.items():
        if value < least:
            raise OptionError(f"{name}: is {value}, expected at least {least}; give a larger number")


BACKENDS: dict[str, type[FieldConfig]] = {}
"""Backends by the name that the command line and checkpoints use."""

_Config = TypeVar("_Config", bound=FieldConfig)


def backend(name: str) -> Callable[[type[_Config]], type[_Config]]:
    """Registers a config class under a name."""

    def register(config: type[_Config]) -> type[_Config]:
        if name in BACKENDS:
            raise ValueError(f"backend {name!r} is registered twice: {BACKENDS[name].__qualname__}")
        BACKENDS[name] = config
        return config

    return register
