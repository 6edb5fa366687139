"""Cameras of photos moved to where a finished field fits them best: its quality, apart from how exact poses are."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nfield.cameras import Cameras
from nfield.data.base import PosedImages
from nfield.data.picture_stack import PixelDraw
from nfield.devices import device_of, on_device
from nfield.losses import huber
from nfield.rendering.renderer import composite
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.loop import TrainConfig, train
from nfield.training.optim import OptimConfig
from nfield.training.pose_refinement import PoseRefinement
from nfield.training.task import Moment

_STEPS = 200
_RAYS = 2048
_RATE = 2e-3
_OPTIM = OptimConfig(rates={"poses": _RATE}, hold=0.2)


class _AlignmentTask:
    """Random pixels against a field that stays as it is; cameras move."""

    def __init__(self, shown: SceneRenderer, images: PosedImages, rays: int) -> None:
        device = device_of(shown.field)
        self.poses = PoseRefinement(len(images), unit=images.scale, centered=False).to(device)
        self._shown, self._images, self._rays = shown, on_device(images, device), rays
        self._draw = PixelDraw(self._images.pictures)

    def modules(self) -> Mapping[str, nn.Module]:
        """The corrections."""
        return {"poses": self.poses}

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """The corrections."""
        return {"poses": list(self.poses.parameters())}

    def losses(self, moment: Moment, generator: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """Mean Huber loss of the colours of random pixels."""
        camera, column, row = self._draw(self._rays, generator)
        shown, images = self._shown, self._images
        centers = torch.stack([column, row], -1) + 0.5
        rays = self.poses.rays(images.cameras, camera, centers, box=shown.box, near=shown.near)
        pixels = images.pixels(camera, column, row)
        behind = pixels.new_tensor(shown.background)
        samples = shown.renderer.sample(shown.field, rays.detach(), generator=generator)
        seen = composite(samples, shown.renderer.shade(shown.field, rays, samples), behind)
        target = pixels[:, :3] * pixels[:, 3:] + behind * (1.0 - pixels[:, 3:])
        return {"color": huber(seen.color, target).mean()}

    def measures(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def state(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Nothing is to be restored."""


def aligned_cameras(
    shown: SceneRenderer, images: PosedImages, *, steps: int = _STEPS, rays: int = _RAYS, seed: int = 0
) -> Cameras:
    """The cameras of photos, each turned and shifted a little so that a field shows its photo best.

    Args:
        shown: What was photographed; its field does not change.
        images: The photos, with cameras that are nearly right.
        steps: How often random pixels are compared.
        rays: How many at once.
        seed: Of the choice of pixels.
    """
    task = _AlignmentTask(shown, images, rays)
    learned = [parameter for parameter in shown.field.parameters() if parameter.requires_grad]
    shown.field.requires_grad_(False)
    try:
        train(task, TrainConfig(None, steps, _OPTIM, seed))
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
    return task.poses.to(images.cameras.intrinsics.device).cameras(images.cameras)
