"""A tiny generator: the bare body in the colours of its parts, whose truth is drawn in milliseconds."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.benchmark.truth_cache import CachedTruth, draw, truth_folder
from avatars.benchmark.views import ViewPlan, held_out, upright
from avatars.body import BodyModel, BodyPose
from avatars.body.parts import PART_NAMES
from avatars.body.pose_file import named_pose
from nfield.cameras import Cameras
from nfield.kernels.rasterize import rasterize

PLAN = ViewPlan(azimuths=8, elevations=(0.0,), poses=("walk",), pose_azimuths=1, size=96)
KEY = "0123abcd"


@dataclass(frozen=True)
class PaintedShot:
    color: Float[Tensor, "h w 3"]
    alpha: Float[Tensor, "h w"]
    depth: Float[Tensor, "h w"]
    labels: Int[Tensor, "h w"]


@dataclass(frozen=True)
class PaintedBody:
    """The generator's interface; each part of the body has one colour, which is also its label."""

    model: BodyModel
    pose: BodyPose
    camera: Cameras

    def photo(self) -> PaintedShot:
        shot = self.shot(self.pose, self.camera, 0)
        return dataclasses.replace(shot, color=torch.where(shot.alpha[..., None] > 0.5, shot.color, 0.4))

    def shot(self, pose: BodyPose, cameras: Cameras, index: int) -> PaintedShot:
        place = cameras.world_from_camera[index]
        vertices = (self.model.pose(pose).vertices - place[:3, 3]) @ place[:3, :3]
        raster = rasterize(vertices, self.model.faces, cameras.intrinsics[index], cameras.size)
        inside = raster.face >= 0
        labels = torch.where(inside, self.model.parts[raster.face.clamp_min(0)], 0)
        return PaintedShot(part_colors()[labels], inside.float(), raster.depth, labels)


def part_colors() -> Float[Tensor, "p 3"]:
    """White for the background, and a colour for each part; left and right are alike."""
    kinds = [name.removeprefix("left ").removeprefix("right ") for name in PART_NAMES]
    angle = torch.tensor([kinds.index(kind) for kind in kinds]) * 2.4
    colors = 0.5 + 0.35 * torch.stack([angle.sin(), angle.cos(), (1.7 * angle).sin()], -1)
    colors[0] = 1.0
    return colors


@pytest.fixture(scope="session")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="session")
def painted_body(model: BodyModel) -> PaintedBody:
    """It faces 20 degrees to the photo's left."""
    turn = math.radians(20.0)
    facing = torch.tensor([-math.sin(turn), 0.0, -math.cos(turn)])
    pose = upright(named_pose("stand"), facing, BodyPose.rest())
    vertices = model.pose(pose).vertices
    middle = 0.5 * (vertices.amin(0) + vertices.amax(0))
    pose = dataclasses.replace(pose, translation=torch.tensor([0.0, 0.0, 3.0]) - middle)
    matrix = torch.tensor([[[450.0, 0.0, 160.0], [0.0, 450.0, 160.0], [0.0, 0.0, 1.0]]])
    return PaintedBody(model, pose, Cameras(matrix, torch.eye(4)[None], (320, 320)))


@pytest.fixture(scope="session")
def plan() -> ViewPlan:
    return PLAN


@pytest.fixture(scope="session")
def drawn(painted_body: PaintedBody, tmp_path_factory: pytest.TempPathFactory) -> CachedTruth:
    """The truth in a folder."""
    folder = truth_folder(tmp_path_factory.mktemp("people"), "painted", KEY)
    around = held_out(painted_body.model, painted_body.pose, PLAN)
    draw(painted_body, folder, around, subject="painted", labels=PART_NAMES, watch=lambda done, total: None)
    return CachedTruth.load(folder, painted_body.model)


@pytest.fixture
def out(drawn: CachedTruth, tmp_path: Path) -> Path:
    """A benchmark's folder that has the truth."""
    (tmp_path / "truth").symlink_to(drawn.folder.parent, target_is_directory=True)
    return tmp_path
