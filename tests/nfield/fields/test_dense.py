"""What a dense field takes over from another: values at its nodes."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.fields import BuildContext, DenseConfig
from nfield.kernels.harmonics import spherical_harmonics
from nfield.types import Box

BOX = Box(torch.tensor([-1.0, -2.0, 0.5]), torch.tensor([1.0, 1.0, 2.5]))


def test_a_field_that_grid_and_harmonics_can_hold_is_taken_over_exactly(generator: torch.Generator):
    bands = 0.5 * torch.randn(9, 3, generator=generator)

    def answer(points: Tensor, dirs: Tensor) -> tuple[Tensor, Tensor]:
        log_density = points @ torch.tensor([1.0, -0.5, 0.25]) + 1.0
        logits = spherical_harmonics(dirs)[:, :9] @ bands * points[:, :1]
        return log_density, logits.sigmoid()

    field = DenseConfig(resolution=6, empty=-3.0).build(BuildContext(BOX, generator))
    assert field.imitate(answer, floor=-9.0)
    points = BOX.world_from_unit(torch.rand(400, 3, generator=generator))
    dirs = normalize(torch.randn(400, 3, generator=generator), dim=-1)
    out, (log_density, color) = field(points, dirs), answer(points, dirs)
    assert torch.allclose(out.log_density, log_density, atol=1e-4)
    assert torch.allclose(out.color, color, atol=1e-3)


def test_empty_nodes_keep_their_colors(generator: torch.Generator):
    field = DenseConfig(resolution=4).build(BuildContext(BOX, generator))
    before = field.coefficients.detach().clone()
    assert field.imitate(
        lambda points, dirs: (torch.full_like(points[:, 0], -2.0), torch.full_like(points, 0.5)), floor=-2.0
    )
    assert torch.equal(field.coefficients, before)
    assert float((field.log_densities.detach() + 2.0).abs().max()) == 0.0
