from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage import data
from torch import Tensor

import assets
from avatars.perception import LANDMARK_NAMES, Keypoints, Person, PersonEstimator, load_mask, load_photo
from avatars.perception.detector import PersonDetector
from avatars.perception.graph import Graph, Node, load_graph
from avatars.perception.landmarks import LandmarkNet
from avatars.perception.matte import MatteNet
from avatars.perception.tflite_operators import TFLITE_OPERATORS
from avatars.perception.threads import flushes_denormals, single_threaded
from nfield.errors import DataError, NoPersonError

SUBJECTS = ("fs2804_m394", "fs2818_m394", "fs5986_m394", "fs7818_m394")
MARGIN = 32
FACE = slice(0, 11)


@pytest.fixture(scope="module")
def estimator() -> PersonEstimator:
    return PersonEstimator.load()


def canvas(photo: Tensor) -> Tensor:
    return F.pad(photo.permute(2, 0, 1), (MARGIN,) * 4, value=255).permute(1, 2, 0).contiguous()


@pytest.fixture(scope="module")
def portrait() -> Tensor:
    """A half body with some room around, so that it can be moved."""
    return canvas(torch.from_numpy(data.astronaut()))


def read(estimator: PersonEstimator, photo: Tensor):
    """Landmarks alone: a mask that is given spares the time of the matting net."""
    return estimator.estimate(photo, mask=torch.ones(photo.shape[:2]))


@pytest.fixture(scope="module")
def reference(estimator: PersonEstimator, portrait: Tensor) -> Person:
    return read(estimator, portrait)


def resized(photo: Tensor, scale: float) -> Tensor:
    size = [int(side * scale) for side in photo.shape[:2]]
    planes = F.interpolate(photo.permute(2, 0, 1)[None].float(), size, mode="bilinear", antialias=True)
    return planes[0].permute(1, 2, 0).round().to(torch.uint8)


def farthest(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm(dim=1).max())


def test_shifted_face_gives_shifted_landmarks(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    found = read(estimator, portrait.roll(-21, 1))
    assert farthest((found.keypoints - torch.tensor([-21.0, 0.0]))[FACE], reference.keypoints[FACE]) < 12


def test_scaled_face_gives_scaled_landmarks(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    found = read(estimator, resized(portrait, 1.5))
    assert farthest(found.keypoints[FACE] / 1.5, reference.keypoints[FACE]) < 12


@pytest.fixture(scope="module")
def standing(shared_data: Path) -> Tensor:
    """A full body on a white canvas, so that it can be moved."""
    return canvas(load_photo(shared_data / "people" / "fs2818_m394" / "gt_image.png"))


@pytest.fixture(scope="module")
def standing_person(estimator: PersonEstimator, standing: Tensor) -> Person:
    return read(estimator, standing)


def test_shifted_body_gives_shifted_landmarks(estimator: PersonEstimator, standing: Tensor, standing_person: Person):
    found = read(estimator, standing.roll((21, -37), (0, 1)))
    shifted = standing_person.keypoints + torch.tensor([-37.0, 21.0])
    assert farthest(found.keypoints, shifted) < 0.025 * standing_person.quality.height
    assert farthest(found.keypoints_world, standing_person.keypoints_world) < 0.08


def test_scaled_body_gives_scaled_landmarks(estimator: PersonEstimator, standing: Tensor, standing_person: Person):
    found = read(estimator, resized(standing, 0.5))
    assert farthest(found.keypoints * 2, standing_person.keypoints) < 0.025 * standing_person.quality.height
    assert farthest(found.keypoints_world, standing_person.keypoints_world) < 0.12


def test_mirrored_body_swaps_left_and_right(estimator: PersonEstimator, standing: Tensor, standing_person: Person):
    found = read(estimator, standing.flip(1))
    twins = [name.replace("left", "?").replace("right", "left").replace("?", "right") for name in LANDMARK_NAMES]
    mirror = [LANDMARK_NAMES.index(name) for name in twins]
    expected = standing_person.keypoints[mirror] * torch.tensor([-1.0, 1.0])
    expected = expected + torch.tensor([float(standing.shape[1]), 0.0])
    assert farthest(found.keypoints, expected) < 0.04 * standing_person.quality.height


def test_half_body_is_told_from_a_full_one(reference: Person):
    assert reference.quality.legs < 0.5
    assert not reference.quality.full_body
    assert reference.quality.flag > 0.9


def test_eyes_lie_above_the_mouth_and_left_is_at_the_right(reference: Person):
    at = dict(zip(LANDMARK_NAMES, reference.keypoints, strict=True))
    world = dict(zip(LANDMARK_NAMES, reference.keypoints_world, strict=True))
    assert at["left_eye"][1] < at["mouth_left"][1] < at["left_shoulder"][1]
    assert at["left_shoulder"][0] > at["right_shoulder"][0]
    assert world["left_shoulder"][0] > world["right_shoulder"][0]
    assert world["nose"][1] < world["left_shoulder"][1] < world["left_hip"][1] + 0.1
    assert world["nose"][2] < world["left_ear"][2]


def test_given_keypoints_replace_the_detector(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    given = Keypoints(reference.keypoints, reference.visibility)
    found = estimator.estimate(portrait, mask=torch.ones(portrait.shape[:2]), keypoints=given)
    torch.testing.assert_close(found.keypoints, given.points)
    torch.testing.assert_close(found.visibility, given.visibility)
    assert found.quality.detection == 1.0
    overlap = (found.coarse_mask > 0.5) & (reference.coarse_mask > 0.5)
    assert overlap.sum() > 0.8 * (reference.coarse_mask > 0.5).sum()


def test_keypoints_outside_the_photo_are_refused(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    given = Keypoints(reference.keypoints + 5000, reference.visibility)
    with pytest.raises(DataError, match="keypoints lie outside the photo"):
        estimator.estimate(portrait, keypoints=given)


def test_given_mask_is_the_alpha(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    assert torch.equal(reference.alpha, torch.ones(portrait.shape[:2]))


def test_outline_holds_the_body_and_not_the_background(estimator: PersonEstimator, portrait: Tensor, reference: Person):
    person = estimator.estimate(portrait)
    assert person.quality.agreement > 0.75
    assert person.alpha.min() >= 0
    assert person.alpha.max() <= 1
    at = dict(zip(LANDMARK_NAMES, person.keypoints.int().tolist(), strict=True))
    for name in ("nose", "left_shoulder", "right_shoulder"):
        assert person.alpha[at[name][1], at[name][0]] > 0.9
    assert person.alpha[:MARGIN].max() == 0


@pytest.mark.parametrize("name", ["noise", "coffee"])
def test_photo_without_a_person_says_so(estimator: PersonEstimator, generator: torch.Generator, name: str):
    photo = {
        "noise": lambda: torch.randint(0, 256, (200, 300, 3), generator=generator, dtype=torch.uint8),
        "coffee": lambda: torch.from_numpy(data.coffee()),
    }[name]()
    with pytest.raises(NoPersonError, match=r"^no person .*photo .*: use a photo that shows one person") as caught:
        estimator.estimate(photo)
    assert "\n" not in str(caught.value)


def test_body_without_an_outline_is_no_person(portrait: Tensor):
    blind = Graph({"Zero": torch.zeros_like}, (Node("Zero", (0,), 1, {}, (0,)),), {}, 0, (1,))
    estimator = PersonEstimator(
        PersonDetector(load_graph(assets.path("perception/pose_detection.npz"), TFLITE_OPERATORS)),
        LandmarkNet(load_graph(assets.path("perception/pose_landmark_full.npz"), TFLITE_OPERATORS)),
        MatteNet(blind),
    )
    with pytest.raises(NoPersonError, match=r"^no clear person in the photo: outline and body overlap by 0\.\d\d, at"):
        estimator.estimate(portrait)


def test_tiny_photo_is_refused(estimator: PersonEstimator):
    with pytest.raises(DataError, match="the photo is 20x8 pixels: at least 32"):
        estimator.estimate(torch.zeros(8, 20, 3, dtype=torch.uint8))


def test_process_settings_come_back(estimator: PersonEstimator):
    before = torch.get_num_threads(), flushes_denormals()
    with pytest.raises(NoPersonError):
        estimator.estimate(torch.zeros(64, 64, 3, dtype=torch.uint8))
    assert (torch.get_num_threads(), flushes_denormals()) == before
    with single_threaded():
        assert (torch.get_num_threads(), flushes_denormals()) == (1, True)
    assert (torch.get_num_threads(), flushes_denormals()) == before


@pytest.mark.parametrize("subject", SUBJECTS)
def test_outline_of_a_real_photo_meets_its_reference(estimator: PersonEstimator, shared_data: Path, subject: str):
    folder = shared_data / "people" / subject
    person = estimator.estimate(load_photo(folder / "gt_image.png"))
    truth = load_mask(folder / "gt_mask.png", tuple(person.alpha.shape)) > 0.5
    found = person.alpha > 0.5
    assert (found & truth).sum() / (found | truth).sum() >= 0.95
    assert person.quality.full_body
    assert person.quality.agreement > 0.85
    with Image.open(folder / "gt_image.png") as picture:
        assert person.alpha.shape == (picture.height, picture.width)
