"""A small fit: the shipped body in front of a camera, its photo one colour."""

import torch

from avatars.body import BodyModel, BodyPose
from avatars.fit_config import FitConfig
from avatars.fitting.subject import FitSubject
from avatars.pipeline import paint, prepare
from avatars.portrait import PersonPhoto, Portrait
from avatars.posed.avatar import FigureConfig
from avatars.surface.dress import DressConfig
from avatars.surface.painted_body import PaintedBody
from avatars.surface.solid import SolidConfig
from avatars.surface.vertex_rules import VertexRules
from avatars.surface.views import ViewsConfig
from nfield.cameras import Cameras
from nfield.fields import HashConfig
from nfield.rendering.samplers.occupancy import OccupancyConfig

SIZE = (72, 64)
FOCAL = 80.0
SMALL = FitConfig(
    figure=FigureConfig(
        field=HashConfig(levels=4, log2_table_size=10, finest_resolution=32, hidden=32),
        sampler=OccupancyConfig(resolution=32, steps=96, coarse=1.0, threshold=0.02),
    ),
    dress=DressConfig(hidden=True, loose=False),
    completion=VertexRules(),
    views=ViewsConfig(size=40, ring=4, elevations=(8.0,), details=0),
    solid=SolidConfig(on=3000, around=2000),
)


def small_person(model: BodyModel) -> PersonPhoto:
    rotations = torch.zeros(24, 3)
    rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
    pose = BodyPose(rotations, torch.tensor([0.0, -0.25, 3.0]), torch.zeros(10))
    portrait = Portrait(pose, Cameras.pinhole(FOCAL, SIZE))
    photo = torch.full((*SIZE, 3), 51, dtype=torch.uint8)
    covered = PersonPhoto(photo, torch.zeros(SIZE), portrait).body_cover(model)
    return PersonPhoto(photo, covered.to(torch.float32), portrait)


def small_painted(model: BodyModel) -> PaintedBody:
    return paint(model, small_person(model), SMALL)


def small_subject(body: PaintedBody) -> FitSubject:
    """An avatar that has learned nothing, always the same."""
    return prepare(body, small_person(body.model), SMALL, generator=torch.Generator().manual_seed(0))
