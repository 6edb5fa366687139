import torch

from nfield.bilinear import bilinear


def test_image_colours_are_bilinear(generator: torch.Generator):
    image = torch.rand(5, 7, 3, generator=generator)
    pixel = torch.tensor([6.0, 4.0]) * torch.rand(40, 2, generator=generator) + 0.5
    for point, color in zip(pixel.tolist(), bilinear(image, pixel), strict=True):
        column, row = point[0] - 0.5, point[1] - 0.5
        left, top = min(int(column), 5), min(int(row), 3)
        x, y = column - left, row - top
        upper = (1 - x) * image[top, left] + x * image[top, left + 1]
        lower = (1 - x) * image[top + 1, left] + x * image[top + 1, left + 1]
        torch.testing.assert_close(color, (1 - y) * upper + y * lower, atol=1e-5, rtol=0)
    outside = bilinear(image, torch.tensor([[-9.0, 2.5], [9.0, 4.5]]))
    torch.testing.assert_close(outside, torch.stack([image[2, 0], image[4, 6]]))


def test_points_may_have_any_arrangement(generator: torch.Generator):
    image = torch.rand(4, 6, 2, generator=generator)
    pixel = 4.0 * torch.rand(3, 5, 2, generator=generator)
    flat = bilinear(image, pixel.reshape(-1, 2))
    torch.testing.assert_close(bilinear(image, pixel), flat.reshape(3, 5, 2))
