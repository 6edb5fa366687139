"""What the fit is told: the body's landmarks in space, as BlazePose leans them."""

from collections.abc import Callable

import pytest
import torch

from avatars.body_fit.landmarks import FOREARM_SLOPE, SHIN_SLOPE, THIGH_SLOPE, UPPER_ARM_SLOPE, USUAL_SLOPE

ARMS = ((11, 13, (15, 17, 19, 21)), (12, 14, (16, 18, 20, 22)))
"""Shoulder, elbow and hand of each arm."""

LEGS = ((23, 25, (27, 29, 31)), (24, 26, (28, 30, 32)))
"""Hip, knee and foot of each leg."""


@pytest.fixture(scope="session")
def lean() -> Callable[[torch.Tensor], torch.Tensor]:
    """Adds the usual lean of the body and of the limbs to the 33 landmarks, in metres."""
    slopes = ((ARMS, UPPER_ARM_SLOPE, FOREARM_SLOPE), (LEGS, USUAL_SLOPE + THIGH_SLOPE, USUAL_SLOPE + SHIN_SLOPE))

    def leaned(true: torch.Tensor) -> torch.Tensor:
        world = true.clone()
        world[:, 2] += USUAL_SLOPE * true[:, 1]
        for limbs, upper, lower in slopes:
            for root, middle, end in limbs:
                for near, far, slope in ((root, (middle,), upper), (middle, end, lower)):
                    bones = true[list(far)] - true[near]
                    world[list(far), 2] = world[near, 2] + bones[:, 2] + slope * bones[:, 1]
        return world

    return leaned
