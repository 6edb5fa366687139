"""What a method is told beside the photo, and how its avatar is laid over the truth to be compared."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from avatars.benchmark.alignment import similarity_between
from avatars.benchmark.methods import Case, Fitted
from avatars.benchmark.truth_cache import CachedTruth
from avatars.benchmark.views import PoseViews
from avatars.body import BodyModel, BodyPose
from avatars.finding import find_person
from avatars.perception import Photo
from avatars.photo_inputs import PhotoInputs
from nfield.cameras import Cameras


@dataclass(frozen=True)
class Comparison:
    """How an avatar is looked at so that its pictures show what the truth's show.

    Attributes:
        pose: That the avatar takes.
        cameras: In the frame of that pose.
    """

    pose: BodyPose
    cameras: Cameras


@runtime_checkable
class Track(Protocol):
    """A setting of the benchmark."""

    @property
    def statement(self) -> str:
        """What is given, and how avatar and truth are aligned, in a sentence for the table."""
        ...

    def case(self, model: BodyModel, truth: CachedTruth, *, minutes: float | None, seed: int) -> Case:
        """What a method gets; its making counts as a part of the fit."""
        ...

    def compared(self, model: BodyModel, fitted: Fitted, scene: PoseViews, *, in_photo: bool) -> Comparison:
        """The avatar's pose and cameras for a pose of the truth.

        Args:
            model: The bare body.
            fitted: The avatar.
            scene: The truth's pose and cameras.
            in_photo: Whether it is the pose of the photo.
        """
        ...


@dataclass(frozen=True)
class Exact:
    """Track A."""

    statement: str = "Exact body, camera and mask are given; avatar and truth lie in one frame, and nothing is aligned."

    def case(self, model: BodyModel, truth: CachedTruth, *, minutes: float | None, seed: int) -> Case:
        """The truth's own."""
        photo, alpha = truth.photo()
        return Case(model, photo, alpha, truth.pose, truth.camera, minutes, seed)

    def compared(self, model: BodyModel, fitted: Fitted, scene: PoseViews, *, in_photo: bool) -> Comparison:
        """As the truth."""
        return Comparison(scene.pose, scene.cameras)


@dataclass(frozen=True)
class PhotoOnly:
    """Track C."""

    statement: str = (
        "The photo only; person, mask and body are found as `nfield fit` finds them, which counts in seconds and "
        "memory. For each pose the avatar is laid over the truth by the similarity (scale, rotation, translation; "
        "Umeyama 1991) that carries the 24 joints of its bare body to the true ones with the least squared distances. "
        "In the photo's pose the avatar has the pose that was found, in other poses the true rotations of the joints "
        "and the shape that was found."
    )

    def case(self, model: BodyModel, truth: CachedTruth, *, minutes: float | None, seed: int) -> Case:
        """What is found in the photo."""
        photo, _ = truth.photo()
        alpha, pose, camera = _found(model, photo)
        return Case(model, photo, alpha, pose, camera, minutes, seed)

    def compared(self, model: BodyModel, fitted: Fitted, scene: PoseViews, *, in_photo: bool) -> Comparison:
        """Laid over the truth by the joints."""
        own = fitted.pose
        pose = own if in_photo else BodyPose(scene.pose.rotations, scene.pose.translation, own.shape)
        similarity = similarity_between(model.joints(pose), model.joints(scene.pose))
        return Comparison(pose, similarity.cameras_of_source(scene.cameras))


TRACKS: dict[str, Track] = {"A": Exact(), "C": PhotoOnly()}
"""By name."""


def _found(model: BodyModel, photo: UInt8[Tensor, "h w 3"]) -> tuple[Float[Tensor, "h w"], BodyPose, Cameras]:
    """Matte, body and camera of the person in a photo, as `nfield fit` finds them."""
    found = find_person(PhotoInputs(Photo(photo, None, "")), model).person
    return found.alpha, found.portrait.pose, found.portrait.camera
