"""What the fit is told: the body's landmarks in space, as BlazePose leans them."""

from collections.abc import Callable

import pytest
import torch

from avatars.body_fit.landmarks import FOREARM_SLOPE, SHIN_SLOPE, THIGH_SLOPE, UPPER_ARM_SLOPE, USUAL_SLOPE

ARMS = (
    (11, (13,), UPPER_ARM_SLOPE),
    (12, (14,), UPPER_ARM_SLOPE),
    (13, (15, 17, 19, 21), FOREARM_SLOPE),
    (14, (16, 18, 20, 22), FOREARM_SLOPE),
)
LEGS = (
    (23, (25,), USUAL_SLOPE + THIGH_SLOPE),
    (24, (26,), USUAL_SLOPE + THIGH_SLOPE),
    (25, (27,), USUAL_SLOPE + SHIN_SLOPE),
    (26, (28,), USUAL_SLOPE + SHIN_SLOPE),
    (27, (29, 31), USUAL_SLOPE),
    (28, (30, 32), USUAL_SLOPE),
)
"""Near and far ends of bones, and how they lean."""


@pytest.fixture(scope="session")
def lean() -> Callable[[torch.Tensor], torch.Tensor]:
    """Adds the usual lean of the body and of the limbs to the 33 landmarks, in metres."""

    def leaned(true: torch.Tensor) -> torch.Tensor:
        world = true.clone()
        world[:, 2] += USUAL_SLOPE * true[:, 1]
        for near, far, slope in (*ARMS, *LEGS):
            bones = true[list(far)] - true[near]
            world[list(far), 2] = world[near, 2] + bones[:, 2] + slope * bones[:, 1]
        return world

    return leaned
