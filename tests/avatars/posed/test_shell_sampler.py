import numpy as np
import torch
from scipy.spatial import KDTree

from avatars.posed.shell_sampler import ShellSampler
from nfield.kernels.march import occupied_at, unpack_bits
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
    for name, within in (("held", room + half_cell), ("reachable", reach + half_cell)):
        cells = unpack_bits(sampler.get_buffer(name)).reshape(-1).numpy()
        sure = np.abs(distance - within) > 1e-5
        np.testing.assert_array_equal(cells[sure], (distance < within)[sure])


def test_no_ray_passes_through_a_surface_between_held_cells(generator: torch.Generator):
    """Flat cells, whose middles lie farther from the surface in them than the room is wide."""
    axis = torch.linspace(-0.9, 0.9, 181)
    across, along = torch.meshgrid(axis, 0.2 * axis, indexing="ij")
    vertices = torch.stack([torch.zeros_like(across), across, along], -1).reshape(-1, 3)
    box = Box(torch.tensor([-1.0, -1.0, -0.25]), torch.tensor([1.0, 1.0, 0.25]))
    sampler = ShellSampler(vertices, box, OccupancyConfig(resolution=96), room=0.008, reach=0.03)
    on = torch.stack([torch.zeros(5000), 1.6 * torch.rand(5000, generator=generator) - 0.8], -1)
    points = torch.cat([on, 0.3 * torch.rand(5000, 1, generator=generator) - 0.15], -1)
    assert occupied_at(points, sampler.get_buffer("held"), box).all()
