"""What the fit is told: the body's landmarks in space, as BlazePose leans them."""

from collections.abc import Callable

import pytest
import torch

from avatars.body_fit.landmarks import FOREARM_SLOPE, UPPER_ARM_SLOPE, USUAL_SLOPE

ARMS = ((11, 13, (15, 17, 19, 21)), (12, 14, (16, 18, 20, 22)))
"""Shoulder, elbow and hand of each arm."""


@pytest.fixture(scope="session")
def lean() -> Callable[[torch.Tensor], torch.Tensor]:
    """Adds the usual lean of the body and of the arms to the 33 landmarks, in metres."""

    def leaned(true: torch.Tensor) -> torch.Tensor:
        world = true.clone()
        world[:, 2] += USUAL_SLOPE * true[:, 1]
        for shoulder, elbow, hand in ARMS:
            for near, far, slope in ((shoulder, (elbow,), UPPER_ARM_SLOPE), (elbow, hand, FOREARM_SLOPE)):
                bones = true[list(far)] - true[near]
                world[list(far), 2] = world[near, 2] + bones[:, 2] + slope * bones[:, 1]
        return world

    return leaned
