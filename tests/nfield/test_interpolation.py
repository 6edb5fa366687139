import torch

from nfield.interpolation import bicubic, bilinear


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


def test_bicubic_colours_are_a_cubic_convolution(generator: torch.Generator):
    image = torch.rand(6, 8, 2, generator=generator)
    pixel = torch.tensor([4.0, 2.0]) * torch.rand(40, 2, generator=generator) + 2.0
    for point, color in zip(pixel.tolist(), bicubic(image, pixel), strict=True):
        left, top = int(point[0] - 0.5) - 1, int(point[1] - 0.5) - 1
        across = torch.tensor([keys(point[0] - 0.5 - left - i) for i in range(4)])
        down = torch.tensor([keys(point[1] - 0.5 - top - i) for i in range(4)])
        around = image[top : top + 4, left : left + 4]
        expected = torch.einsum("j,i,jic->c", down, across, around).clamp(image.amin((0, 1)), image.amax((0, 1)))
        torch.testing.assert_close(color, expected, atol=1e-5, rtol=0)


def keys(distance: float) -> float:
    """The kernel of Keys (1981), a = -0.75."""
    far, a = abs(distance), -0.75
    if far < 1.0:
        return (a + 2.0) * far**3 - (a + 3.0) * far**2 + 1.0
    return a * (far**3 - 5.0 * far**2 + 8.0 * far - 4.0) if far < 2.0 else 0.0


def test_bicubic_keeps_what_bilinear_blurs():
    comb = (torch.arange(32) % 3 < 1).float()[None, :, None].expand(3, 32, 1)
    shifted = torch.stack([torch.arange(4.0, 28.0) + 0.8, torch.full((24,), 1.5)], -1)
    contrast = [float(read(comb, shifted).std()) for read in (bilinear, bicubic)]
    assert contrast[1] > 1.1 * contrast[0]


def test_points_may_have_any_arrangement(generator: torch.Generator):
    image = torch.rand(4, 6, 2, generator=generator)
    pixel = 4.0 * torch.rand(3, 5, 2, generator=generator)
    flat = bilinear(image, pixel.reshape(-1, 2))
    torch.testing.assert_close(bilinear(image, pixel), flat.reshape(3, 5, 2))
