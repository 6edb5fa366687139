"""How well an avatar shows its photo, in figures and pictures."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatars.fitting.fit import FittedAvatar
from avatars.portrait import PersonPhoto
from avatars.posed.avatar import Avatar
from nfield.data.picture_files import side_by_side, write_png
from nfield.metrics import intersection_over_union, psnr
from nfield.rendering.image import Image

_RED = (1.0, 0.2, 0.1)


def figures(person: PersonPhoto, image: Image, fitted: FittedAvatar) -> dict[str, Any]:
    """PSNR inside the mask (decibels), overlaps, steps and peak memory of a fit.

    Args:
        person: The photo.
        image: The avatar from the photo's camera, over white.
        fitted: The fit.
    """
    target = on_white(person)
    half = _half(person.alpha[..., None])[..., 0] > 0.5
    return {
        "psnr": psnr(image.color, target, mask=person.mask),
        "psnr_half_size": psnr(_half(image.color), _half(target), mask=half),
        "iou": intersection_over_union(image.opacity > 0.5, person.mask),
        "body_iou": person.body_overlap(fitted.avatar.model),
        "steps": fitted.steps,
        "peak_memory_gb": peak_memory(),
    }


def on_white(person: PersonPhoto) -> Float[Tensor, "h w 3"]:
    """The person cut out, over white."""
    alpha = person.alpha[..., None]
    return person.photo.to(torch.float32) / 255.0 * alpha + 1.0 - alpha


def peak_memory() -> float | None:
    """Most memory this process has held, GB; None where the system does not tell it, as on Windows."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def write_pictures(run: Path, person: PersonPhoto, image: Image, avatar: Avatar) -> None:
    """Writes photo, matte, the body over the photo, and the avatar beside the photo.

    Args:
        run: The run folder.
        person: The photo.
        image: The avatar from the photo's camera.
        avatar: The avatar.
    """
    photo = person.photo.to(torch.float32) / 255.0
    write_png(run / "photo.png", photo)
    write_png(run / "alpha.png", person.alpha[..., None].expand(-1, -1, 3))
    write_png(run / "overlay.png", _overlay(photo, person.body_cover(avatar.model)))
    write_png(run / "source.png", side_by_side([on_white(person), image.color]))


def table(report: Mapping[str, Any]) -> str:
    """The figures in a line."""
    around, memory = report["turntable"], report["peak_memory_gb"]
    return (
        f"PSNR inside the person {report['psnr']:.2f} dB, IoU {report['iou']:.3f} "
        f"(body alone {report['body_iou']:.3f}){'' if memory is None else f', {memory:.1f} GB at most'}; "
        f"specks in a view around it {around['specks']:.1f}, small gaps {around['small_gaps']:.1f}"
    )


def _overlay(photo: Float[Tensor, "h w 3"], cover: Bool[Tensor, "h w"]) -> Float[Tensor, "h w 3"]:
    """The fitted body over the photo."""
    return torch.where(cover[..., None], 0.55 * photo + 0.45 * torch.tensor(_RED), photo)


def _half(image: Float[Tensor, "h w c"]) -> Float[Tensor, "h2 w2 c"]:
    return torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)
