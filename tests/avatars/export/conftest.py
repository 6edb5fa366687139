"""A made-up rigged figure, and an avatar whose field nothing has been taught."""

import dataclasses
from pathlib import Path

import pytest
import torch

from avatars.body import BodyModel, BodyPose
from avatars.export.clip import Clip
from avatars.export.figure import RiggedFigure
from avatars.export.rig import RestSkeleton, SkinWeights
from avatars.motion import Motion
from avatars.portrait import Portrait
from avatars.posed.avatar import Avatar, FigureConfig
from avatars.posed.run import save_avatar
from avatars.surface.dressed import DressedSurface
from nfield.cameras import Cameras
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig


@pytest.fixture(scope="session")
def model() -> BodyModel:
    """The shipped body."""
    return BodyModel.load()


@pytest.fixture(scope="session")
def untaught(model: BodyModel) -> Avatar:
    """The bare body with a small field of random values."""
    sampler = OccupancyConfig(resolution=32, steps=256, coarse=1.0)
    field = HashConfig(levels=2, log2_table_size=12, finest_resolution=32, hidden=8)
    config = FigureConfig(field=field, sampler=sampler)
    shape = torch.zeros(model.shape_dirs.shape[-1])
    pose = BodyPose(torch.zeros(len(model.parents), 3), torch.zeros(3), shape)
    portrait = Portrait(pose, Cameras.pinhole(100.0, (64, 64)))
    dressed = DressedSurface(model.rest(shape)[0], model.faces)
    return Avatar.start(model, dressed, portrait, config, torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def run(untaught: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder."""
    folder = tmp_path_factory.mktemp("runs") / "somebody"
    folder.mkdir()
    save_avatar(folder, untaught, step=1, seconds=1.0)
    return folder


@pytest.fixture
def figure(generator: torch.Generator) -> RiggedFigure:
    """Four joints in a row, a few random triangles, and a motion that turns and shifts them."""
    places = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.5, 0.0], [0.3, 1.5, 0.1], [0.6, 1.4, 0.0]])
    vertices = torch.rand(12, 3, generator=generator)
    weights = torch.rand(12, 4, generator=generator)
    shapes = 0.1 * torch.rand(2, 12, 3, generator=generator)
    shapes[0, 3:] = 0.0
    turns = 1.5 * torch.randn(5, 4, 3, generator=generator)
    turns[:, 3] = 0.0
    motion = Motion(turns, torch.rand(5, 3, generator=generator), 10.0, "wriggle", loops=True)
    return RiggedFigure(
        vertices=vertices,
        normals=torch.nn.functional.normalize(torch.randn(12, 3, generator=generator), dim=-1),
        uv=torch.rand(12, 2, generator=generator),
        faces=torch.randperm(12, generator=generator).reshape(4, 3),
        texture=torch.rand(16, 16, 3, generator=generator),
        skin=SkinWeights.strongest(weights / weights.sum(1, keepdim=True)),
        skeleton=RestSkeleton(("hips", "spine", "leftUpperArm", "leftLowerArm"), (-1, 0, 1, 2), places),
        humanoid={"hips": 0, "spine": 1},
        shapes=shapes,
        clips={"wriggle": Clip(motion, 10.0, torch.rand(5, 2, generator=generator))},
        off=torch.zeros(5, 12),
    )


@pytest.fixture
def still_figure(figure: RiggedFigure) -> RiggedFigure:
    """The same without motions and shapes."""
    return dataclasses.replace(figure, shapes=figure.shapes[:0], clips={})
