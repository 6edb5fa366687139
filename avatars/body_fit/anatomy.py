"""What a human skeleton can do: limits of each joint, the stance it prefers, and how far it strays from it.

Angles are the components of SMPL's axis-angle vectors in degrees, in the rest frame (T-pose; +x left, +y up,
+z forward), for the left side; the right side is the mirror image (y and z change sign). Limits are the normal ranges
of motion of the American Academy of Orthopaedic Surgeons (Greene and Heckman, The Clinical Measurement of Joint Motion,
1994), with the spine's total shared among its joints, widened by about 10 degrees because axis-angle components only
approximate clinical angles. Preferred stance and spread are ours: relaxed standing with hanging arms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body.joints import JOINT_NAMES
from avatars.body_fit.landmarks import Joint


@dataclass(frozen=True)
class JointRange:
    """One joint's range, degrees about x, y and z.

    Attributes:
        low: Smallest angles.
        high: Largest angles.
        prefers: Angles of the relaxed stance.
        spread: Standard deviations around it.
        cuts: Standard deviations, about x, y and z, at which straying further costs no more (Geman-McClure).
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    prefers: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (15.0, 15.0, 15.0)
    cuts: tuple[float, float, float] = (math.inf, math.inf, math.inf)


_SPINE = JointRange((-15.0, -20.0, -17.0), (32.0, 20.0, 17.0), spread=(9.0, 9.0, 9.0))
_LEFT_OR_MIDDLE = {
    # Hip: flexion 120 (-x), extension 20 (+x), abduction 45 (+z), adduction 30 (-z), rotation 45 (y).
    Joint.LEFT_HIP: JointRange((-130.0, -50.0, -35.0), (25.0, 50.0, 55.0), spread=(35.0, 20.0, 20.0)),
    # Knee: flexion 140 (+x), no hyperextension; a hinge. Who stands has it straight; bent, any angle is as good.
    Joint.LEFT_KNEE: JointRange(
        (0.0, -8.0, -6.0), (145.0, 8.0, 6.0), (6.0, 0.0, 0.0), (10.0, 5.0, 4.0), (3.0, math.inf, math.inf)
    ),
    Joint.LEFT_ANKLE: JointRange((-30.0, -30.0, -25.0), (50.0, 30.0, 25.0), spread=(16.0, 14.0, 12.0)),
    Joint.LEFT_FOOT: JointRange((-30.0, -5.0, -5.0), (20.0, 5.0, 5.0), spread=(8.0, 3.0, 3.0)),
    Joint.SPINE1: _SPINE,
    Joint.SPINE2: _SPINE,
    Joint.SPINE3: _SPINE,
    Joint.NECK: JointRange((-30.0, -40.0, -25.0), (30.0, 40.0, 25.0), spread=(12.0, 18.0, 12.0)),
    Joint.HEAD: JointRange((-30.0, -40.0, -25.0), (30.0, 40.0, 25.0), spread=(12.0, 18.0, 12.0)),
    Joint.LEFT_COLLAR: JointRange((-10.0, -25.0, -15.0), (10.0, 20.0, 30.0), spread=(5.0, 8.0, 8.0)),
    # Shoulder: hanging is -90 about z, forward is -90 about y.
    Joint.LEFT_SHOULDER: JointRange(
        (-90.0, -125.0, -110.0), (90.0, 45.0, 85.0), (0.0, -5.0, -62.0), (35.0, 35.0, 35.0)
    ),
    # Elbow: flexion 150 (-y), no hyperextension; x is the turn of the forearm, 80 each way, shared with the wrist.
    Joint.LEFT_ELBOW: JointRange((-70.0, -150.0, -8.0), (70.0, 2.0, 8.0), (0.0, -15.0, 0.0), (25.0, 40.0, 5.0)),
    Joint.LEFT_WRIST: JointRange((-50.0, -30.0, -70.0), (50.0, 35.0, 70.0), spread=(18.0, 12.0, 18.0)),
    Joint.LEFT_HAND: JointRange((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), spread=(1.0, 1.0, 1.0)),
}


def _signed(joint: Joint, row: tuple[float, float, float]) -> list[float]:
    mirrored = "RIGHT" in joint.name
    return [math.radians(angle * (-1.0 if mirrored and axis else 1.0)) for axis, angle in enumerate(row)]


@dataclass(frozen=True)
class Anatomy:
    """The table as tensors, radians, one row for each joint that it knows but the root.

    Attributes:
        low: Smallest angles.
        high: Largest angles.
        prefers: Angles of the relaxed stance.
        spread: Standard deviations around it.
        cuts: See `JointRange`.
    """

    low: Float[Tensor, "f 3"]
    high: Float[Tensor, "f 3"]
    prefers: Float[Tensor, "f 3"]
    spread: Float[Tensor, "f 3"]
    cuts: Float[Tensor, "f 3"]

    def excess(self, body: Float[Tensor, "b f 3"]) -> Float[Tensor, "b f 3"]:
        """How far each angle lies beyond its limit, radians; zero inside. Differentiable."""
        return (body - self.high).clamp_min(0.0) + (self.low - body).clamp_min(0.0)

    def deviation(self, body: Float[Tensor, "b f 3"]) -> Float[Tensor, "b f 3"]:
        """Distance from the relaxed stance in standard deviations, at most `cuts`. Differentiable."""
        away = (body - self.prefers) / self.spread
        return away / (1.0 + (away / self.cuts).square()).sqrt()

    def clamp(self, body: Float[Tensor, "b f 3"]) -> Float[Tensor, "b f 3"]:
        """The nearest angles inside the limits."""
        return torch.minimum(torch.maximum(body, self.low), self.high)


def anatomy(joint_names: Sequence[str] = JOINT_NAMES) -> Anatomy:
    """The ranges of a skeleton's joints: of the first ones, up to the wrists or to SMPL's hands; fingers have none."""
    rows, cuts = [], []
    for joint in [Joint[name.upper()] for name in joint_names if name in JOINT_NAMES][1:]:
        left = Joint[joint.name.replace("RIGHT", "LEFT")]
        table = _LEFT_OR_MIDDLE[left]
        rows.append([_signed(joint, row) for row in (table.low, table.high, table.prefers, table.spread)])
        cuts.append(table.cuts)
    first, second, prefers, spread = torch.tensor(rows).unbind(1)
    return Anatomy(
        torch.minimum(first, second), torch.maximum(first, second), prefers, spread.abs(), torch.tensor(cuts)
    )
