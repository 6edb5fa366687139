"""A field on another device than those who ask it."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.devices import on_device
from nfield.fields.base import Answer, Field
from nfield.types import FieldOutput, Latent


class OffloadedField(Field):
    """Sends points to the field's device and brings answers and gradients back to where they were asked for.

    All around the field may then stay on the CPU: what travels is a few numbers a point. To torch it is no module of
    its own: its tensors are saved and loaded under the field's names.

    Args:
        inner: The field, which is moved.
        device: Where it answers.
    """

    inner: Field

    def __init__(self, inner: Field, device: torch.device) -> None:
        super().__init__()
        # Past torch, which would take its tensors for ours: whoever looks for our device would find the field's.
        object.__setattr__(self, "inner", inner.to(device))
        self.feature_dim, self.levels = inner.feature_dim, inner.levels
        self.log_density_range = inner.log_density_range
        self._device = device

    def encode(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The field's."""
        return on_device(self.inner.encode(points.to(self._device)), points.device)

    def density_head(self, feature: Float[Tensor, "n f"]) -> Float[Tensor, "n"]:
        """The field's."""
        return self.inner.density_head(feature.to(self._device)).to(feature.device)

    def color_head(self, feature: Float[Tensor, "n f"], dirs: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The field's."""
        color = self.inner.color_head(feature.to(self._device), dirs.to(self._device))
        return color.to(feature.device)

    def encode_for_density(self, points: Float[Tensor, "n 3"]) -> Latent:
        """The field's."""
        return on_device(self.inner.encode_for_density(points.to(self._device)), points.device)

    def fused(self, points: Float[Tensor, "n 3"], dirs: Float[Tensor, "n 3"]) -> FieldOutput:
        """The field's whole answer, in one journey."""
        return on_device(self.inner(points.to(self._device), dirs.to(self._device)), points.device)

    def fused_density(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
        """The field's log-density and presence, in one journey."""
        return on_device(self.inner.density_and_presence(points.to(self._device)), points.device)

    @property
    def initialised(self) -> bool:
        """Whether the field's parts are initialised."""
        return self.inner.initialised

    def initialise(self, source: Field, *, generator: torch.Generator | None) -> None:
        """Initialises the field's parts."""
        self.inner.initialise(self.inner if source is self else source, generator=generator)

    def imitate(self, answer: Answer, *, floor: float) -> bool:
        """The field's."""
        return self.inner.imitate(answer, floor=floor)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The field's."""
        return self.inner.param_groups()

    def decoders(self) -> dict[str, nn.Module]:
        """The field's."""
        return self.inner.decoders()

    def sparse(self) -> list[nn.Parameter]:
        """The field's."""
        return self.inner.sparse()

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        self.inner.state_dict(destination=destination, prefix=prefix, keep_vars=keep_vars)

    def _load_from_state_dict(  # pyright: ignore[reportIncompatibleMethodOverride] - the rest is torch's own business
        self, state_dict: dict[str, Any], prefix: str, *others: object
    ) -> None:
        own = {name[len(prefix) :]: value for name, value in state_dict.items() if name.startswith(prefix)}
        self.inner.load_state_dict(own)


def offloaded(field: Field, device: torch.device) -> Field:
    """A field that answers on a device; itself where that is the CPU.

    Args:
        field: On the CPU.
        device: Where it is to answer.
    """
    return field if device.type == "cpu" else OffloadedField(field, device)
