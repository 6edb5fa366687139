"""Poses over time: the shipped motions, readers of recorded ones, and feet that stand on the ground."""

from avatars.motion.bank import bank, open_motion
from avatars.motion.grounding import grounded
from avatars.motion.motion import Motion, Posture

__all__ = ["Motion", "Posture", "bank", "grounded", "open_motion"]
