"""Groups of body parts, and where they are."""

import numpy as np
from jaxtyping import Bool, Int

from avatars.body.parts import PART_NAMES

LEGS = ("left thigh", "right thigh", "left leg", "right leg")
TRUNK = ("torso", *LEGS)
ARMS = ("left arm", "right arm", "left hand", "right hand")
HEAD = ("head", "neck")
UPPER = (*HEAD, "torso")


def limb_parts(side: str, limb: str) -> tuple[str, str]:
    """The two parts of the "left" or "right" "arm" or "leg"."""
    return {"arm": (f"{side} arm", f"{side} hand"), "leg": (f"{side} thigh", f"{side} leg")}[limb]


def belongs(labels: Int[np.ndarray, "*b"], parts: tuple[str, ...]) -> Bool[np.ndarray, "*b"]:
    """Which part labels are those of some parts.

    >>> belongs(np.array([0, 1, 10]), HEAD).tolist()
    [False, False, True]
    """
    return np.isin(labels, [PART_NAMES.index(name) for name in parts])
