"""The parametric body: model files, linear blend skinning, poses."""

from avatars.body.model import Body, BodyModel, BodyPose

__all__ = ["Body", "BodyModel", "BodyPose"]
