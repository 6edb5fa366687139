"""Motions as files hold them: turns of joints, the root's way and weights of corrective shapes at moments."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.skinning import transform
from avatars.export.correctives import CorrectiveConfig, Correctives, correctives, residuals
from avatars.export.rig import SkinWeights
from avatars.motion import Motion
from avatars.motion.motion import on_body
from avatars.surface.dressed import DressedSurface

_FRAMES = 240  # of all motions together, from which shapes are made


@dataclass(frozen=True)
class ClipConfig:
    """How finely motions are written."""

    rate: float = 60.0
    """Poses a second at most; motions with fewer keep theirs."""
    corrective_rate: float = 10.0
    """Weights of corrective shapes a second."""
    in_place: bool = True
    """Whether walks and runs stay where they are, as on a treadmill."""
    correctives: CorrectiveConfig | None = field(default_factory=CorrectiveConfig)
    """How exactly the surface follows; None: by its joints alone."""


@dataclass(frozen=True)
class Clip:
    """A motion of a certain figure.

    Attributes:
        motion: Its poses; the travel is added to the root's place at rest.
        corrective_rate: Weights a second.
        corrective: Weights of the figure's shapes at these moments, the first at the start.
    """

    motion: Motion
    corrective_rate: float
    corrective: Float[Tensor, "n k"]


@dataclass(frozen=True)
class Clips:
    """Clips of a figure and the shapes that they blend in.

    Attributes:
        clips: By name.
        shapes: Displacements of the figure's vertices at rest, metres, for a weight of 1.
        off: How far vertices are from the avatar's in frames, metres; empty where there are no shapes.
    """

    clips: dict[str, Clip]
    shapes: Float[Tensor, "k v 3"]
    off: Float[Tensor, "t v"]


@dataclass(frozen=True)
class Mover:
    """How an avatar's surface follows poses, and how a skeleton alone would carry it.

    Attributes:
        model: The body's constants.
        shape: The person's shape coefficients.
        dressed: The surface.
        vertex: Which of its vertices are meant.
        skin: Their weights.
    """

    model: BodyModel
    shape: Float[Tensor, "k"]
    dressed: DressedSurface
    vertex: Tensor
    skin: SkinWeights

    @property
    def rest(self) -> Float[Tensor, "v 3"]:
        """The vertices at rest, metres."""
        return self.dressed.rest[self.vertex]

    def frame(self, rotations: Float[Tensor, "j 3"]) -> tuple[Float[Tensor, "v 3 4"], Float[Tensor, "v 3"]]:
        """The skeleton's map of each vertex in a pose, and where the avatar has it, metres."""
        body = self.model.pose(BodyPose(rotations, torch.zeros(3), self.shape))
        affine = self.dressed.posed_from_rest(self.model, body)[self.vertex]
        return self.skin.blended(body.joints_from_rest), transform(affine, self.rest)

    def displacements(self, rotations: Float[Tensor, "t j 3"]) -> Float[Tensor, "t v 3"]:
        """What the skeleton alone lacks in poses, at rest, metres."""
        frames = [self.frame(pose) for pose in rotations]
        return residuals(self.rest, [affine for affine, _ in frames], [places for _, places in frames])


def make_clips(mover: Mover, motions: Sequence[Motion], config: ClipConfig) -> Clips:
    """Clips of motions that were made for the figure (`avatars.motion.grounded`).

    Args:
        mover: The figure.
        motions: Each with a name of its own.
        config: How finely they are written.
    """
    shown = [_resampled(motion.in_place() if config.in_place else motion, mover, config.rate) for motion in motions]
    sparse = [motion.resampled(config.corrective_rate) for motion in shown]
    count = sum(len(motion) for motion in sparse)
    if config.correctives is None or not count:
        none = Correctives.none(len(mover.vertex), count)
        return Clips(_named(shown, sparse, none.weights), none.shapes, torch.zeros(0, len(mover.vertex)))
    wanted = torch.cat([mover.displacements(motion.rotations) for motion in sparse])
    found = correctives(wanted[:: -(-count // _FRAMES)], config.correctives)
    weights = found.weights_of(wanted)
    return Clips(_named(shown, sparse, weights), found.shapes, found.off(wanted, weights))


def _resampled(motion: Motion, mover: Mover, rate: float) -> Motion:
    whole = replace(motion, rotations=on_body(motion.rotations, mover.model))
    return whole if whole.rate <= rate else whole.resampled(rate)


def _named(shown: Sequence[Motion], sparse: Sequence[Motion], weights: Float[Tensor, "n k"]) -> dict[str, Clip]:
    parts = weights.split([len(motion) for motion in sparse])
    clips = zip(shown, sparse, parts, strict=True)
    return {motion.name: Clip(motion, few.rate, part) for motion, few, part in clips}
