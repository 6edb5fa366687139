"""Fit a body to one photo: several first guesses, landmarks first, then the silhouette.

1. First guesses read the 3D landmarks in different ways where depth is ambiguous.
2. All are fitted to the landmarks at once; the best few go on.
3. Those are fitted to landmarks and silhouette; the body's outline is found anew every few steps, since which vertices
   lie on it changes with the pose.
4. The one with the lowest cost wins.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.parts import PART_NAMES, SEGMENT_NAMES, vertex_segments
from avatars.body_fit.anatomy import anatomy
from avatars.body_fit.energy import HANDS, LANDMARKS_ONLY, Candidates, Energy, EnergyWeights, Outline, project, total
from avatars.body_fit.landmarks import USED, Landmark, LandmarkRegressor
from avatars.body_fit.observation import BodyObservation
from avatars.body_fit.silhouette import silhouette
from avatars.body_fit.start import VARIANTS, first_guesses
from avatars.body_fit.visibility import HIDDEN, in_words, shown_segments
from nfield.cameras import Cameras

_NEAR = 1.5  # metres
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_KNEES = (Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE)
_ANKLES = (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE)
_ENDS_OF_LEGS = {
    ("hips", "left thigh", "right thigh"): (_HIPS, _KNEES),
    ("left lower leg", "right lower leg", "left foot", "right foot"): (_KNEES, _ANKLES),
}
_ENDS_OF_ARMS = {
    ("left forearm",): ((Landmark.LEFT_ELBOW,), (Landmark.LEFT_WRIST,)),
    ("right forearm",): ((Landmark.RIGHT_ELBOW,), (Landmark.RIGHT_WRIST,)),
    ("left hand",): ((Landmark.LEFT_WRIST,), (Landmark.LEFT_INDEX,)),
    ("right hand",): ((Landmark.RIGHT_WRIST,), (Landmark.RIGHT_INDEX,)),
}
"""Near and far end of segments."""

_ARMS = [PART_NAMES.index(f"{side} {part}") for side in ("left", "right") for part in ("arm", "hand")]

_WARM_UP = 25  # steps: Adam's first ones are blind, as long as its rate allows

Progress = Callable[[str, float], None]
"""Called with the stage's name and the finished fraction of the whole fit."""


@dataclass(frozen=True)
class BodyFitConfig:
    """How to fit a body.

    Attributes:
        focal: Focal length in pixels where it is known; otherwise the photo's diagonal is a good guess.
        landmark_steps: Optimiser steps on the landmarks alone.
        silhouette_steps: Optimiser steps with the silhouette.
        outline_every: Steps after which the body's outline is found anew.
        survivors: Candidates that are fitted to the silhouette.
        spread: Every how many vertices one is watched for leaving the mask.
        rate: Step size of the optimiser, radians.
        weights: How much each term counts.
    """

    focal: float | None = None
    landmark_steps: int = 250
    silhouette_steps: int = 300
    outline_every: int = 15
    survivors: int = 3
    spread: int = 16
    rate: float = 0.03
    weights: EnergyWeights = field(default_factory=EnergyWeights)


@dataclass(frozen=True)
class BodyFit:
    """A body that explains a photo.

    Attributes:
        pose: Its pose and shape in camera axes; the translation is part of it.
        camera: The photo's camera, in whose axes the body is.
        cost: The final weighted cost.
        terms: Its terms, unweighted.
        silhouette_iou: Overlap of the body's silhouette with the person's mask, intersection over union.
        start: Which of the first guesses it came from.
        shown: How much of each segment of the body (`avatars.body.parts.SEGMENT_NAMES`) the photo shows, in [0, 1].
        history: The winner's cost at every step of the silhouette stage.
    """

    pose: BodyPose
    camera: Cameras
    cost: float
    terms: dict[str, float]
    silhouette_iou: float
    start: str
    shown: Mapping[str, float]
    history: tuple[float, ...]

    @property
    def hidden_parts(self) -> tuple[str, ...]:
        """Segments of which the photo shows less than a quarter; without landmarks, pose and colours are a guess."""
        return tuple(name for name, share in self.shown.items() if share < HIDDEN)

    @property
    def hidden_limbs(self) -> tuple[str, ...]:
        """The same in few words: `in_words` of `hidden_parts`."""
        return in_words(self.hidden_parts)


def _ignore(stage: str, done: float) -> None:
    """Progress that nobody watches."""


def fit_body(
    model: BodyModel,
    observation: BodyObservation,
    config: BodyFitConfig | None = None,
    *,
    progress: Progress = _ignore,
) -> BodyFit:
    """Pose, shape, place and focal length of the person in one photo; nothing in it is random.

    Args:
        model: The body.
        observation: The photo's landmarks and mask.
        config: How to fit; None for the defaults.
        progress: Told how far the fit is.

    Raises:
        BodyFitError: The photo does not show head and torso, or the mask is unusable.
    """
    config = config or BodyFitConfig()
    observation.check()
    regressor = LandmarkRegressor.of(model)
    focal, guesses = _camera_and_guesses(model, regressor, observation, config.focal)
    energy = _energy(model, regressor, observation, focal=focal, depth=float(guesses.translation[:, 2].median()))
    candidates = Candidates.of(guesses, torch.full((len(VARIANTS),), focal), fitted=len(energy.human.low))

    marks = model.subset(regressor.vertices)
    candidates, _ = _descend(
        candidates,
        lambda now, step: total(energy.terms(now, marks, None), LANDMARKS_ONLY),
        steps=config.landmark_steps,
        rate=config.rate,
        watch=lambda fraction: progress("landmarks", 0.3 * fraction),
    )
    cost = total(energy.terms(candidates, marks, None), LANDMARKS_ONLY).detach()
    best = cost.argsort()[: config.survivors]
    candidates = candidates.take(best)

    tracker = _OutlineTracker(energy, config)
    candidates, costs = _descend(
        candidates,
        tracker.cost,
        steps=config.silhouette_steps,
        rate=0.6 * config.rate,
        watch=lambda fraction: progress("silhouette", 0.3 + 0.7 * fraction),
    )
    return tracker.result(candidates, costs, [list(VARIANTS)[i] for i in best.tolist()], observation.hidden_segments())


def _camera_and_guesses(
    model: BodyModel, regressor: LandmarkRegressor, observation: BodyObservation, known: float | None
) -> tuple[float, BodyPose]:
    """Focal length, pixels, and first guesses.

    Without a known focal length it is the photo's diagonal (a normal lens), or what keeps the person `_NEAR` away: a
    picture in which somebody would be nearer is more likely a part of a larger one.
    """
    focal = known or math.hypot(*observation.size)
    guesses = first_guesses(model, regressor, observation, focal)
    depth = float(guesses.translation[:, 2].median())
    if known is not None or depth >= _NEAR:
        return focal, guesses
    focal *= _NEAR / depth
    return focal, first_guesses(model, regressor, observation, focal)


def _energy(
    model: BodyModel, regressor: LandmarkRegressor, observation: BodyObservation, *, focal: float, depth: float
) -> Energy:
    confidence = observation.confidence()
    used = list(USED)
    segments = vertex_segments(model.weights.numpy(), model.joint_names)
    return Energy(
        model=model,
        landmarks=regressor,
        human=anatomy(model.joint_names),
        seen=observation.keypoints[used],
        confidence=confidence[used],
        world=observation.keypoints_world,
        world_confidence=confidence,
        silhouette=silhouette(observation.person()),
        focal=focal,
        metres=depth / focal,
        judged=torch.from_numpy(np.isin(segments, _free(observation), invert=True)),
        shows_hips=observation.shows_hips,
    )


def _free(observation: BodyObservation) -> list[int]:
    """Segments that may lie outside the mask inside the photo: what stands behind a table or a counter.

    Those are legs whose far end neither side shows and, where no knee is seen, the hips and what of the arms is not
    seen, if an end is hidden within the photo; what only its border cuts off must lie inside the mask up to there. One
    unseen leg is behind the other, an unseen arm of a whole body behind its trunk: inside the mask, too.
    """
    table = _ENDS_OF_LEGS if _any_seen(observation, _KNEES) else _ENDS_OF_LEGS | _ENDS_OF_ARMS
    free = [
        name
        for names, (near, far) in table.items()
        if not _any_seen(observation, far) and any(observation.hides(end) for end in (*near, *far))
        for name in names
    ]
    return [SEGMENT_NAMES.index(name) for name in free]


def _any_seen(observation: BodyObservation, landmarks: Iterable[Landmark]) -> bool:
    return any(observation.seen(landmark) for landmark in landmarks)


def _descend(
    start: Candidates,
    cost: Callable[[Candidates, int], Float[Tensor, "b"]],
    *,
    steps: int,
    rate: float,
    watch: Callable[[float], None],
) -> tuple[Candidates, Float[Tensor, "s b"]]:
    """Adam on all candidates at once, which do not influence each other; the rate warms up, then falls as a cosine."""
    free = {name: value.detach().clone().requires_grad_() for name, value in vars(start).items()}
    rates = {"shape": 2.0, "ray": 0.15, "log_depth": 0.3, "log_focal": 0.1, "slope": 0.3, "held": 0.0}
    groups = [{"params": [value], "lr": rate * rates.get(name, 1.0)} for name, value in free.items()]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min((step + 1) / _WARM_UP, 1.0) * (0.05 + 0.475 * (1.0 + math.cos(math.pi * min(step / steps, 1.0))))
        ),
    )
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        values = cost(Candidates(**free), step)
        values.sum().backward()
        optimizer.step()
        schedule.step()
        history.append(values.detach())
        watch((step + 1) / steps)
    return Candidates(**{name: value.detach() for name, value in free.items()}), torch.stack(history)


class _OutlineTracker:
    """The silhouette stage's cost; remembers the outline between the steps at which it is found anew."""

    def __init__(self, energy: Energy, config: BodyFitConfig) -> None:
        self._energy = energy
        self._config = config
        self._watched = torch.arange(0, len(energy.model.template), config.spread)
        self._armless = energy.model.faces[~torch.isin(energy.model.parts, torch.tensor(_ARMS))]
        self._subset = energy.model
        self._outline: Outline | None = None

    def cost(self, candidates: Candidates, step: int) -> Float[Tensor, "b"]:
        """Weighted cost of each candidate."""
        if step % self._config.outline_every == 0:
            self.refresh(candidates)
        return total(self._energy.terms(candidates, self._subset, self._outline), self._config.weights)

    def refresh(self, candidates: Candidates) -> list[float]:
        """Find the outlines anew; returns each candidate's overlap with the mask."""
        model, marks = self._energy.model, self._energy.landmarks.vertices
        with torch.no_grad():
            body, focal = model.pose(candidates.pose), candidates.focal
        points, overlaps, outlines = self._look(body.vertices, focal)
        vertices, place = torch.unique(torch.cat(outlines), return_inverse=True)
        self._subset = model.subset(torch.cat([marks, vertices, self._watched]))
        rows = [part + len(marks) for part in place.split([len(outline) for outline in outlines])]
        longest = max(1, *(len(row) for row in rows))
        padded = torch.zeros(len(rows), longest, dtype=torch.long)
        valid = torch.zeros(len(rows), longest)
        nearest = []
        for i, row in enumerate(rows):
            padded[i, : len(row)], valid[i, : len(row)] = row, 1.0
            nearest.append(torch.cdist(self._energy.silhouette.contour, points[i, outlines[i]]).argmin(1))
        judged = self._energy.judged[torch.cat([marks, vertices, self._watched])].float()
        self._outline = Outline(padded, valid, torch.stack(nearest), judged, self._behind_hands(body, focal))
        return overlaps

    def _behind_hands(self, body: Body, focal: Float[Tensor, "b"]) -> Float[Tensor, "b k"]:
        """See `Outline.behind`."""
        marks, silhouette = self._energy.landmarks, self._energy.silhouette
        points = project(marks(body.joints, body.vertices[:, marks.vertices])[:, list(HANDS)], focal, silhouette.size)
        found = zip(points, body.vertices, focal.tolist(), strict=True)
        return torch.stack([silhouette.depth_at(p, v, self._armless, f) for p, v, f in found])

    def _look(
        self, vertices: Float[Tensor, "b v 3"], focal: Float[Tensor, "b"]
    ) -> tuple[Float[Tensor, "b v 2"], list[float], list[Int[Tensor, "o"]]]:
        """Image points of all vertices, overlap with the mask, and outline of each candidate."""
        energy = self._energy
        points = project(vertices, focal, energy.silhouette.size)
        overlaps, outlines = [], []
        for body, row, length in zip(vertices, points, focal.tolist(), strict=True):
            cover = energy.silhouette.cover(body, energy.model.faces, length)
            overlaps.append(energy.silhouette.overlap(cover))
            outlines.append(energy.silhouette.outline(row, cover))
        return points, overlaps, outlines

    def result(
        self, candidates: Candidates, costs: Float[Tensor, "s b"], names: list[str], unseen: tuple[str, ...]
    ) -> BodyFit:
        """The candidate with the lowest cost; `unseen` are the segments of which no landmark is seen."""
        overlaps = self.refresh(candidates)
        terms = {n: v.detach() for n, v in self._energy.terms(candidates, self._subset, self._outline).items()}
        cost = total(terms, self._config.weights)
        best = int(cost.argmin())
        poses, focal = candidates.pose, float(candidates.focal[best])
        pose = BodyPose(poses.rotations[best], poses.translation[best], poses.shape[best])
        camera = Cameras.pinhole(focal, self._energy.silhouette.size)
        shown = shown_segments(self._energy.model, pose, camera, self._energy.silhouette)
        return BodyFit(
            pose=pose,
            camera=camera,
            cost=float(cost[best]),
            terms={name: float(value[best]) for name, value in terms.items()},
            silhouette_iou=overlaps[best],
            start=names[best],
            shown=shown | dict.fromkeys(unseen, 0.0),
            history=tuple(costs[:, best].tolist()),
        )
