"""A U-Net over the sheets of a person: how much lighter than the rules say it is where (Ronneberger et al. 2015).

It answers at eight centimetres only, and along each texel's own colour: it can neither tint cloth nor blur a pattern.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avatars.surface.learned.evidence import CHANNELS
from avatars.surface.learned.sheets import EDGE, SIDES

WIDTHS = (48, 64, 96, 128)
"""Channels at each resolution, the finest first."""

_COARSE = 2
"""Which of the resolutions it answers at: cells of four by four."""
_GROUPS = 8
_PLACES = 2
"""Channels that tell where on the sheets a cell lies."""


class CompletionNetwork(nn.Module):
    """Sheets of evidence in, sheets of shade out; before training there is none.

    Args:
        widths: See `WIDTHS`.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(SIDES * CHANNELS + _PLACES, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            _Block(before, after) for before, after in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        pairs = list(zip(widths[_COARSE + 1 :], widths[_COARSE:-1], strict=True))
        self.up = nn.ModuleList(_Block(coarse + fine, fine) for coarse, fine in reversed(pairs))
        self.head = nn.Conv2d(widths[_COARSE], SIDES, 3, padding=1)
        for value in self.head.parameters():
            nn.init.zeros_(value)

    def forward(self, sheets: Float[Tensor, "b 6 k e e"]) -> Float[Tensor, "b 6 1 e e"]:
        """By how much the rules' colours are to become lighter, sRGB along themselves, on each sheet.

        Args:
            sheets: Of `avatars.surface.learned.evidence.Evidence.on_sheets`, of each person.
        """
        axis = torch.linspace(-1.0, 1.0, EDGE, dtype=sheets.dtype, device=sheets.device)
        places = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).expand(len(sheets), -1, -1, -1)
        x = self.stem(torch.cat([sheets.flatten(1, 2), places], 1))
        kept = []
        for level, block in enumerate(self.down):
            x = block(nn.functional.avg_pool2d(x, 2) if level else x)
            kept.append(x)
        for block, fine in zip(self.up, reversed(kept[_COARSE:-1]), strict=True):
            x = block(torch.cat([nn.functional.interpolate(x, scale_factor=2.0), fine], 1))
        return nn.functional.interpolate(self.head(x), (EDGE, EDGE), mode="bilinear")[:, :, None]


class _Block(nn.Module):
    """Two convolutions with a short cut.

    Args:
        before: Channels that come in.
        after: Channels that go out.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.past = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, after) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        inner = nn.functional.silu(self.norms[0](self.first(x)))
        return nn.functional.silu(self.norms[1](self.second(inner)) + self.past(x))
