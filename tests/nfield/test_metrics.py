import math

import pytest
import torch
from skimage.metrics import structural_similarity

from nfield.errors import DataError
from nfield.metrics import intersection_over_union, psnr, ssim


def test_psnr_of_a_constant_error_is_its_closed_form():
    reference = torch.full((5, 7, 3), 0.25)
    assert psnr(reference + 0.01, reference) == pytest.approx(40.0, abs=1e-3)


def test_psnr_of_equal_images_is_infinite():
    image = torch.rand((4, 4, 3), generator=torch.Generator().manual_seed(1))
    assert psnr(image, image.clone()) == math.inf


def test_psnr_under_a_mask_ignores_the_other_pixels():
    reference = torch.zeros(6, 6, 3)
    image = torch.full((6, 6, 3), 0.1)
    image[3:] = 1.0
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[:3] = True
    assert psnr(image, reference, mask=mask) == pytest.approx(20.0, abs=1e-4)


def test_psnr_of_an_empty_mask_says_so():
    image = torch.zeros(2, 2, 3)
    with pytest.raises(DataError, match="mask: has no pixel set, expected at least one"):
        psnr(image, image, mask=torch.zeros(2, 2, dtype=torch.bool))


@pytest.mark.parametrize("size", [(11, 11), (24, 37)])
@pytest.mark.parametrize("noise", [0.02, 0.4])
def test_ssim_agrees_with_scikit_image(size: tuple[int, int], noise: float, generator: torch.Generator):
    height, width = size
    rows = torch.linspace(0.0, 3.0, height)[:, None, None]
    columns = torch.linspace(0.0, 5.0, width)[None, :, None]
    reference = (0.5 + 0.4 * torch.sin(rows + columns * torch.tensor([1.0, 2.0, 3.0]))).clamp(0, 1)
    image = (reference + noise * torch.randn((height, width, 3), generator=generator)).clamp(0, 1)
    expected = structural_similarity(
        image.numpy(),
        reference.numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1,
        data_range=1.0,
    )
    assert ssim(image, reference) == pytest.approx(float(expected), abs=1e-4)


def test_ssim_of_equal_images_is_one(generator: torch.Generator):
    image = torch.rand((16, 16, 3), generator=generator)
    assert ssim(image, image.clone()) == pytest.approx(1.0, abs=1e-12)


def test_ssim_of_an_image_smaller_than_the_window_says_so():
    image = torch.zeros(10, 30, 3)
    with pytest.raises(DataError, match="image: is 30x10, expected at least 11x11 pixels for SSIM; use larger"):
        ssim(image, image)


def test_intersection_over_union_counts_pixels():
    first = torch.tensor([[True, True, False, False]])
    second = torch.tensor([[False, True, True, False]])
    assert intersection_over_union(first, second) == pytest.approx(1.0 / 3.0)


def test_intersection_over_union_of_empty_masks_is_one():
    empty = torch.zeros(3, 3, dtype=torch.bool)
    assert intersection_over_union(empty, empty) == 1.0
    assert intersection_over_union(empty, ~empty) == 0.0
