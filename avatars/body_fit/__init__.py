"""Fit the body to one photo's keypoints and person mask."""

from avatars.body_fit.fit import BodyFit, BodyFitConfig, fit_body
from avatars.body_fit.observation import BodyFitError, BodyObservation
from avatars.body_fit.visibility import in_words, outside_photo

__all__ = [
    "BodyFit",
    "BodyFitConfig",
    "BodyFitError",
    "BodyObservation",
    "fit_body",
    "in_words",
    "outside_photo",
]
