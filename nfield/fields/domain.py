"""The box that a field covers."""

from jaxtyping import Float
from torch import Tensor, nn

from nfield.kernels.points import place_in_box
from nfield.types import Box


class Domain(nn.Module):
    """Where a field is: maps world points to the [0, 1]^3 that its encodings see.

    Args:
        box: World box outside of which the field is empty.
    """

    def __init__(self, box: Box) -> None:
        super().__init__()
        self.register_buffer("low", box.low.clone())
        self.register_buffer("high", box.high.clone())

    @property
    def box(self) -> Box:
        """World box outside of which the field is empty."""
        return Box(self.get_buffer("low"), self.get_buffer("high"))

    def forward(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n"]]:
        """Coordinates in the box, and presence: 1 inside, 0 outside; differentiable."""
        return place_in_box(self.box, points)
