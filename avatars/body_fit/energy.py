"""What a fit minimises: how badly candidate bodies explain a photo, and how implausible they are.

Every term is in units of its own standard deviation, squared, so that weights stay near one; residuals of data go
through the Geman-McClure function r^2 / (1 + r^2 / c^2), which lets go of outliers (Geman and McClure 1987; used for
body fits by SMPLify, Bogo et al. 2016). All terms are differentiable; letters in shapes: b candidates, l landmarks,
o outline vertices, c contour points of the mask.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatars.body import Body, BodyModel, BodyPose
from avatars.body.joints import hand_joints
from avatars.body_fit.anatomy import Anatomy
from avatars.body_fit.landmarks import LIMB_SLOPES, USED, USUAL_SLOPE, Joint, Landmark, LandmarkRegressor
from avatars.body_fit.silhouette import Silhouette


@dataclass(frozen=True)
class EnergyWeights:
    """How much each term counts.

    Attributes:
        landmarks: Distance of projected landmarks to the seen ones.
        depth: Disagreement with the depth differences along the limbs of the 3D landmarks.
        limits: Joints beyond the human range.
        stance: Distance from relaxed standing.
        shape: Distance from the mean build.
        upright: Lean of the torso in depth; where the photo shows no hips also to the sides.
        balance: Distance in depth between the trunk and the feet of standing people.
        collision: Arms inside the trunk.
        order: Hands that the photo shows, behind trunk and legs.
        focal: Distance of the focal length from its guess.
        slope: Distance of the 3D landmarks' lean from its usual value.
        spill: Body outside the mask.
        gap: Body outline inside the mask, where clothes or hair may lie between.
        reach: Mask outline that no body outline is near.
    """

    landmarks: float = 1.0
    depth: float = 1.0
    limits: float = 1.0
    stance: float = 0.35
    shape: float = 0.7
    upright: float = 1.0
    balance: float = 2.0
    collision: float = 1.0
    order: float = 1.0
    focal: float = 1.0
    slope: float = 1.0
    spill: float = 60.0
    gap: float = 25.0
    reach: float = 25.0


LANDMARKS_ONLY = replace(EnergyWeights(), spill=0.0, gap=0.0, reach=0.0, order=0.0)
"""The weights before the silhouette is looked at."""

_LANDMARK_CUT = 3.5  # standard deviations
_DEPTH_SIGMA, _DEPTH_CUT = 0.12, 3.0  # metres, standard deviations
_LIMIT_SIGMA = 0.06  # radians
_UPRIGHT_SIGMA, _UPRIGHT_CUT = 0.2, 3.0  # sine of the lean
_BALANCE_SIGMA, _BALANCE_CUT = 0.08, 3.0  # metres
_BENT_LEG, _STRAIGHT_LEG = 0.85, 0.95  # hip to ankle over the leg's length
_COLLISION_SIGMA = 0.12  # of the trunk's half axes
_HAND_DEPTH, _ORDER_SIGMA, _ORDER_CUT = 0.02, 0.03, 2.0  # metres: of a hand before what it lies on
_SLOPE_SIGMA = 0.1  # metres per metre
_FOCAL_SIGMA = 0.08  # natural logarithm
_SPILL_SIGMA, _SPILL_CUT = 0.012, 5.0  # metres
_GAP_SIGMA, _GAP_CUT = 0.025, 2.0  # metres: clothes and hair are usually thinner
_REACH_SIGMA, _REACH_CUT = 0.025, 3.0  # metres

_LEANING = ((11, 12), (23, 24), (7, 8), (27, 31), (28, 32))
_DEPTH_BONES = (*_LEANING, *LIMB_SLOPES)
"""Landmarks at the two ends of what has a direction in depth."""
_WITH_THE_BODY, _OWN_SLOPES = zip(*((1.0, 0.0),) * len(_LEANING), *LIMB_SLOPES.values(), strict=True)
"""How much of the body's lean each has, and how it leans besides."""
_TRUNK = (Joint.PELVIS, Joint.SPINE1, Joint.SPINE2, Joint.SPINE3)
_TRUNK_AXES = (0.15, 0.10)  # metres: half width and half depth
_LEGS = (
    (Joint.LEFT_HIP, Joint.RIGHT_HIP),
    (Joint.LEFT_KNEE, Joint.RIGHT_KNEE),
    (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE),
)
HANDS = tuple(
    USED.index(landmark)
    for landmark in (
        *(Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, Landmark.LEFT_PINKY),
        *(Landmark.RIGHT_PINKY, Landmark.LEFT_INDEX, Landmark.RIGHT_INDEX),
    )
)
"""Landmarks of the hands, in the order of `USED`."""
_ELBOWS, _WRISTS = (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW), (Joint.LEFT_WRIST, Joint.RIGHT_WRIST)


def robust(residual: Tensor, cut: float) -> Tensor:
    """Geman-McClure: r^2 near zero, at most `cut`^2 far away."""
    square = residual * residual
    return square / (1.0 + square / (cut * cut))


@dataclass(frozen=True)
class Candidates:
    """b bodies being fitted, in coordinates in which gradient steps behave.

    Attributes:
        root: Axis-angle of the global orientation, radians.
        body: Axis-angles of the other joints that are fitted, radians.
        shape: Shape coefficients.
        ray: Translation divided by its depth, sideways and downwards.
        log_depth: Natural logarithm of the translation's depth in metres.
        log_focal: Natural logarithm of the focal length in pixels.
        slope: Lean of BlazePose's 3D landmarks, but for arms, against the photo's camera: depth per metre downwards.
        held: Axis-angles of the last joints, which are not fitted: fingers, jaw and eyes, radians.
    """

    root: Float[Tensor, "b 3"]
    body: Float[Tensor, "b f 3"]
    shape: Float[Tensor, "b k"]
    ray: Float[Tensor, "b 2"]
    log_depth: Float[Tensor, "b"]
    log_focal: Float[Tensor, "b"]
    slope: Float[Tensor, "b"]
    held: Float[Tensor, "b h 3"]

    @staticmethod
    def of(pose: BodyPose, focal: Float[Tensor, "b"], *, fitted: int) -> "Candidates":
        """Candidates at given poses, of which the first `fitted` joints after the root are fitted."""
        depth = pose.translation[:, 2]
        ray = pose.translation[:, :2] / depth[:, None]
        return Candidates(
            pose.rotations[:, 0],
            pose.rotations[:, 1 : 1 + fitted],
            pose.shape,
            ray,
            depth.log(),
            focal.log(),
            torch.full_like(depth, USUAL_SLOPE),
            pose.rotations[:, 1 + fitted :],
        )

    @property
    def pose(self) -> BodyPose:
        """The candidates as poses of the body model, in camera axes."""
        depth = self.log_depth.exp()[:, None]
        translation = torch.cat([self.ray * depth, depth], -1)
        return BodyPose(torch.cat([self.root[:, None], self.body, self.held], 1), translation, self.shape)

    @property
    def focal(self) -> Float[Tensor, "b"]:
        """Focal lengths, pixels."""
        return self.log_focal.exp()

    def take(self, index: Int[Tensor, "c"]) -> "Candidates":
        """Some of the candidates, detached."""
        return Candidates(**{name: value.detach()[index] for name, value in vars(self).items()})


def project(points: Float[Tensor, "b n 3"], focal: Float[Tensor, "b"], size: tuple[int, int]) -> Float[Tensor, "b n 2"]:
    """Image points (column, row) in pixels of camera-frame points; principal point at the middle of the photo."""
    center = torch.tensor([size[1] / 2, size[0] / 2])
    return points[..., :2] / points[..., 2:].clamp_min(0.05) * focal[:, None, None] + center


@dataclass(frozen=True)
class Outline:
    """The occluding outline of each candidate at one moment of the fit, padded to the same length.

    Attributes:
        vertices: Vertices on it.
        valid: 1 for vertices, 0 for padding.
        nearest: For each point of the mask's contour, the entry of `vertices` that projects nearest to it.
        judged: 1 for vertices that must lie in the mask where they lie in the photo, 0 for the others, of all
            vertices of the subset that `vertices` counts in.
        behind: Depth of the body without its arms where the landmarks of `HANDS` are projected, metres; infinite beside
            it.
    """

    vertices: Int[Tensor, "b o"]
    valid: Float[Tensor, "b o"]
    nearest: Int[Tensor, "b c"]
    judged: Float[Tensor, "n"]
    behind: Float[Tensor, "b k"]


@dataclass(frozen=True)
class Energy:
    """The terms for one photo.

    Attributes:
        model: The body.
        landmarks: Where landmarks lie on it.
        human: What skeletons can do.
        seen: The landmarks of `USED`, pixels.
        confidence: How much each may pull, in [0, 1].
        world: All 3D landmarks, metres.
        world_confidence: How much each of those may pull.
        silhouette: The person's mask.
        focal: The guess at the focal length, pixels.
        metres: Metres per pixel at the person's distance.
        judged: Which vertices of `model` must lie in the mask where they lie in the photo: not legs that stand behind
            something.
        shows_hips: Whether the photo shows the hips.
    """

    model: BodyModel
    landmarks: LandmarkRegressor
    human: Anatomy
    seen: Float[Tensor, "l 2"]
    confidence: Float[Tensor, "l"]
    world: Float[Tensor, "33 3"]
    world_confidence: Float[Tensor, "33"]
    silhouette: Silhouette
    focal: float
    metres: float
    judged: Bool[Tensor, "v"]
    shows_hips: bool

    def terms(self, candidates: Candidates, model: BodyModel, outline: Outline | None) -> dict[str, Float[Tensor, "b"]]:
        """Every term of every candidate, unweighted.

        Args:
            candidates: The bodies.
            model: A subset of the body's vertices: first the landmarks' vertices, then those of `outline`.
            outline: Entries of that subset on the candidates' outlines; None leaves the silhouette out.
        """
        pose = candidates.pose
        body = model.pose(pose)
        marks = self.landmarks(body.joints, body.vertices[:, : len(self.landmarks.vertices)])
        terms = {
            "landmarks": self._landmarks(marks, candidates),
            "depth": self._depth(marks, candidates.slope),
            "limits": (self.human.excess(candidates.body) / _LIMIT_SIGMA).square().sum((1, 2)),
            "stance": self.human.deviation(candidates.body).square().sum((1, 2)),
            "shape": candidates.shape.square().sum(-1),
            "upright": self._upright(body),
            "balance": self._balance(body),
            "collision": _collision(body, hand_joints(self.model.joint_names)),
            "slope": ((candidates.slope - USUAL_SLOPE) / _SLOPE_SIGMA).square(),
            "focal": ((candidates.log_focal - torch.tensor(self.focal).log()) / _FOCAL_SIGMA).square(),
        }
        if outline is not None:
            points = project(body.vertices, candidates.focal, self.silhouette.size)
            terms |= self._silhouette(points, outline) | {"order": self._order(marks, outline)}
        return terms

    def _landmarks(self, marks: Float[Tensor, "b l 3"], candidates: Candidates) -> Float[Tensor, "b"]:
        points = project(marks, candidates.focal, self.silhouette.size)
        distance = ((points - self.seen).square().sum(-1) + 1e-6).sqrt() * self.metres
        return (robust(distance / self.landmarks.sigma, _LANDMARK_CUT) * self.confidence).sum(-1)

    def _depth(self, marks: Float[Tensor, "b l 3"], slope: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        first, second = torch.tensor(_DEPTH_BONES).T
        row = torch.zeros(33, dtype=torch.long)
        row[list(USED)] = torch.arange(len(USED))
        ours = marks[:, row[second], 2] - marks[:, row[first], 2]
        difference = self.world[second] - self.world[first]
        lean = slope[:, None] * torch.tensor(_WITH_THE_BODY) + torch.tensor(_OWN_SLOPES)
        theirs = difference[:, 2] - lean * difference[:, 1]
        weight = torch.minimum(self.world_confidence[first], self.world_confidence[second])
        return (robust((ours - theirs) / _DEPTH_SIGMA, _DEPTH_CUT) * weight).sum(-1)

    def _upright(self, body: Body) -> Float[Tensor, "b"]:
        torso = body.joints[:, Joint.NECK] - body.joints[:, Joint.PELVIS]
        lean = torso / torso.norm(dim=-1, keepdim=True) / _UPRIGHT_SIGMA
        depth = robust(lean[:, 2], _UPRIGHT_CUT)
        return depth if self.shows_hips else depth + robust(lean[:, 0], _UPRIGHT_CUT)

    def _balance(self, body: Body) -> Float[Tensor, "b"]:
        feet = body.joints[:, [Joint.LEFT_FOOT, Joint.RIGHT_FOOT, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 2].mean(1)
        trunk = body.joints[:, [Joint.PELVIS, Joint.SPINE3], 2].mean(1)
        return robust((feet - trunk) / _BALANCE_SIGMA, _BALANCE_CUT) * _standing(body)

    def _order(self, marks: Float[Tensor, "b l 3"], outline: Outline) -> Float[Tensor, "b"]:
        rows = list(HANDS)
        hidden = (marks[:, rows, 2] + _HAND_DEPTH - outline.behind).clamp_min(0.0)
        return (robust(hidden / _ORDER_SIGMA, _ORDER_CUT) * self.confidence[rows]).sum(-1)

    def _silhouette(self, points: Float[Tensor, "b n 2"], outline: Outline) -> dict[str, Float[Tensor, "b"]]:
        silhouette, metres = self.silhouette, self.metres
        judged = outline.judged * silhouette.in_photo(points)
        everywhere = silhouette.signed_distance(points).clamp_min(0.0) * metres
        spill = (robust(everywhere / _SPILL_SIGMA, _SPILL_CUT) * judged).sum(-1) / judged.sum(-1).clamp_min(1.0)
        edge = points.gather(1, outline.vertices[..., None].expand(-1, -1, 2))
        usable = outline.valid * judged.gather(1, outline.vertices)
        distance = silhouette.signed_distance(edge) * metres
        out = robust(distance.clamp_min(0.0) / _SPILL_SIGMA, _SPILL_CUT)
        inner = robust(distance.clamp_max(0.0) / _GAP_SIGMA, _GAP_CUT)
        count = usable.sum(-1).clamp_min(1.0)
        nearest = edge.gather(1, outline.nearest[..., None].expand(-1, -1, 2))
        away = ((nearest - silhouette.contour).square().sum(-1) + 1e-6).sqrt() * metres
        return {
            "spill": spill + (out * usable).sum(-1) / count,
            "gap": (inner * usable).sum(-1) / count,
            "reach": robust(away / _REACH_SIGMA, _REACH_CUT).mean(-1),
        }


def _standing(body: Body) -> Float[Tensor, "b"]:
    """1 for straight legs, 0 for bent ones: who sits or crouches need not have the feet below the trunk."""
    hips, knees, ankles = (body.joints[:, list(pair)].detach() for pair in _LEGS)
    whole = (knees - hips).norm(dim=-1) + (ankles - knees).norm(dim=-1)
    straight = (ankles - hips).norm(dim=-1) / whole
    return ((straight - _BENT_LEG) / (_STRAIGHT_LEG - _BENT_LEG)).clamp(0.0, 1.0).mean(-1)


def _collision(body: Body, hands: tuple[int, int]) -> Float[Tensor, "b"]:
    """Points along the forearms and hands inside elliptic cylinders around the trunk's joints."""
    starts, ends = body.joints[:, [*_ELBOWS, *_WRISTS], None], body.joints[:, [*_WRISTS, *hands], None]
    steps = torch.tensor([0.35, 0.7, 1.0])[:, None]
    points = (starts * (1 - steps) + ends * steps).flatten(1, 2)
    frames = body.joints_from_rest[:, list(_TRUNK), :, :3]
    offsets = points[:, None] - body.joints[:, list(_TRUNK), None]
    local = offsets @ frames
    radius = torch.tensor(_TRUNK_AXES)
    level = (local[..., 0] / radius[0]).square() + (local[..., 2] / radius[1]).square()
    level = (level + (local[..., 1] / 0.12).square().square() + 1e-6).sqrt()
    return ((1.0 - level).clamp_min(0.0) / _COLLISION_SIGMA).square().amax(1).sum(-1)


def total(terms: dict[str, Float[Tensor, "b"]], weights: EnergyWeights) -> Float[Tensor, "b"]:
    """The weighted sum of the terms."""
    return torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum(0)
