"""The box that a field covers."""

from jaxtyping import Float
from torch import Tensor, nn

from nfield.kernels.points import place_in_box
from nfield.types import Box


class Domain(nn.Module):
    """Where a field is: maps world points to the [0, 1]^3 that its encodings see.

    Args:
        box: World box outside of which the field is empty.
        subject: Share of the box's edges that a box around its middle takes, in which all is mapped evenly. What lies
            outside that is contracted, the more the farther away (see `contracted`). 1 contracts nothing.
    """

    def __init__(self, box: Box, *, subject: float = 1.0) -> None:
        super().__init__()
        self._subject = subject
        self.register_buffer("low", box.low.clone())
        self.register_buffer("high", box.high.clone())

    @property
    def box(self) -> Box:
        """World box outside of which the field is empty."""
        return Box(self.get_buffer("low"), self.get_buffer("high"))

    def forward(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
        """Coordinates in the box, and presence: 1 inside, 0 outside; differentiable."""
        unit, presence = place_in_box(self.box, points)
        return (unit if self._subject >= 1.0 else contracted(unit, self._subject)), presence


def contracted(unit: Float[Tensor, "n 3"], subject: float) -> Float[Tensor, "n 3"]:
    """Coordinates in [0, 1]^3 of a box, with a larger part of them for its middle; differentiable.

    With p = (2 u - 1) / subject, which is within [-1, 1] in the subject, and m = max |p|: p where m <= 1, else
    (2 - 1 / m) p / m (mip-NeRF 360, Barron et al. 2022, equation 10, with the maximum norm, so that a box becomes one).

    Args:
        unit: In [0, 1]^3.
        subject: Share of the edges that is mapped evenly.
    """
    place = (2.0 * unit - 1.0) / subject
    size = place.abs().amax(-1, keepdim=True).clamp_min(1.0)
    place = place * ((2.0 - 1.0 / size) / size)
    return 0.5 + 0.5 / (2.0 - subject) * place
