from pathlib import Path

import gsply
import numpy as np
import torch

from nfield.export.splat_file import Splats, write_splats


def test_a_splat_file_read_by_another_reader_says_the_same(tmp_path: Path, generator: torch.Generator):
    count = 7
    splats = Splats(
        torch.randn(count, 3, generator=generator),
        torch.zeros(count, 3),
        torch.rand(count, 3, generator=generator),
        0.1 + 0.8 * torch.rand(count, generator=generator),
        0.01 + torch.rand(count, 3, generator=generator),
        torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
    )
    write_splats(tmp_path / "a.ply", splats)
    found = gsply.plyread(str(tmp_path / "a.ply"))
    np.testing.assert_allclose(found.means, splats.means, atol=1e-6)
    np.testing.assert_allclose(found.quats, splats.rotations, atol=1e-6)
    np.testing.assert_allclose(np.exp(found.scales), splats.scales, rtol=1e-5)
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-found.opacities)), splats.opacity, rtol=1e-5)
    np.testing.assert_allclose(0.5 + 0.28209479177387814 * found.sh0, splats.color, atol=1e-6)
