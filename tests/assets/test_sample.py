"""The shipped sample is consistent: its body projects into its outline, in both views."""

import numpy as np
import pytest
import torch
from PIL import Image

import assets
from avatars.body import BodyModel
from avatars.body.pose_file import load_parameters
from nfield.kernels.rasterize import rasterize

VIEWS = ("photo", "other_view")


def read_mask(name: str) -> np.ndarray:
    return np.asarray(Image.open(assets.path(f"sample/{name}_mask.png"))) > 127


@pytest.mark.parametrize("name", VIEWS)
def test_bare_body_lies_inside_the_dressed_outline(name: str):
    model = BodyModel.load()
    parameters = load_parameters(assets.path(f"sample/{name}_params.npz"), model)
    mask = read_mask(name)
    camera = parameters.camera(mask.shape)
    assert camera is not None
    vertices = model.pose(parameters.pose).vertices
    body = (rasterize(vertices, model.faces, camera.intrinsics[0], camera.size).face >= 0).numpy()
    assert (body & mask).sum() > 0.99 * body.sum()
    assert 0.8 * mask.sum() < (body & mask).sum() < 0.95 * mask.sum()


def test_both_views_show_one_body_in_one_pose():
    model = BodyModel.load()
    first, second = (load_parameters(assets.path(f"sample/{name}_params.npz"), model).pose for name in VIEWS)
    assert torch.equal(first.rotations[1:], second.rotations[1:])
    assert torch.equal(first.shape, second.shape)
    assert not torch.equal(first.rotations[0], second.rotations[0])


@pytest.mark.parametrize("name", VIEWS)
def test_photo_and_outline_have_one_size(name: str):
    with Image.open(assets.path(f"sample/{name}.jpg")) as photo:
        assert photo.size == (1024, 1024)
    assert read_mask(name).shape == (1024, 1024)


def test_sample_stays_small():
    assert sum(file.stat().st_size for file in assets.path("sample").iterdir()) < 3_000_000
