import numpy as np
import torch
from scipy.spatial import KDTree

from avatars.posed.shell_sampler import ShellSampler
from nfield.kernels.march import unpack_bits
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.types import Box


def test_cells_near_the_surface_are_those_near_a_vertex(generator: torch.Generator):
    """Against the distance of every cell's middle to every vertex, in a box whose edges differ."""
    box = Box(torch.tensor([-1.0, -0.5, 0.0]), torch.tensor([1.0, 0.7, 0.6]))
    vertices = box.world_from_unit(torch.rand((60, 3), generator=generator))
    count, room, reach = 16, 0.12, 0.2
    sampler = ShellSampler(vertices, box, OccupancyConfig(resolution=count), room=room, reach=reach)
    axis = (np.arange(count) + 0.5) / count
    unit = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)[..., ::-1].reshape(-1, 3).copy()
    middles = box.world_from_unit(torch.from_numpy(unit.astype(np.float32)))
    distance = KDTree(vertices.numpy()).query(middles.numpy())[0]
    half_cell = float(box.size.norm()) / (2 * count)
    for name, within in (("held", room), ("reachable", reach + half_cell)):
        cells = unpack_bits(sampler.get_buffer(name)).reshape(-1).numpy()
        sure = np.abs(distance - within) > 1e-5
        np.testing.assert_array_equal(cells[sure], (distance < within)[sure])
