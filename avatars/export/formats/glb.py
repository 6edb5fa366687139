"""A rigged, textured mesh with motions, as binary glTF 2.0."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from avatars.export.clip import ClipConfig
from avatars.export.correctives import CorrectiveConfig
from avatars.export.figure import RigConfig, RiggedFigure
from avatars.export.gltf_document import gltf_document
from avatars.export.texture_options import MAKING, TextureOptions
from avatars.motion import bank, open_motion
from avatars.posed.run import KIND, load_avatar
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.export.gltf_buffer import glb_bytes
from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class GlbOptions(TextureOptions):
    """Options of --to glb."""

    motions: tuple[str, ...] = field(default_factory=bank)
    """Clips: names of shipped motions, or files of motions. Give none for a mesh with a skeleton alone."""
    root_motion: bool = False
    """Let walks and runs move over the ground; without it they stay in place, as on a treadmill."""
    correctives: bool = True
    """Add shapes that clips blend in where a skeleton alone bends joints and loose clothes worse than the avatar."""


@dataclass(frozen=True)
class Glb:
    """The format."""

    about: str = "rigged, textured mesh with motions (binary glTF 2.0)"
    suffix: str = ".glb"
    endings: tuple[str, ...] = ()
    options: GlbOptions = field(default_factory=GlbOptions)

    def write(self, run: Path, out: Path, options: GlbOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        avatar = load_avatar(run, device=device)
        motions = [open_motion(source, avatar.model) for source in options.motions]
        names = [motion.name for motion in motions]
        if len(set(names)) < len(names):
            raise OptionError(f"--motions: two of {', '.join(names)} have the same name; rename one of the files")
        tell(MAKING)
        figure = RiggedFigure.of(avatar, motions, rig_config(options), generator=options.generator)
        if figure.off.numel():
            tell(_closeness(figure.off))
        document, binary = gltf_document(figure, name=run.resolve().name)
        write_atomically(out, glb_bytes(document, binary))


def _closeness(off: Float[Tensor, "f v"]) -> str:
    """How closely vertices follow the avatar's in all frames."""
    ordered = off.flatten().sort().values
    most, farthest = 1e3 * float(ordered[int(0.99 * (len(ordered) - 1))]), 1e3 * float(ordered[-1])
    return f"clips follow the avatar's surface within {most:.1f} mm (99 % of it), {farthest:.1f} mm at the farthest"


def rig_config(options: GlbOptions) -> RigConfig:
    """How the figure is made."""
    correctives = CorrectiveConfig() if options.correctives else None
    return RigConfig(options.config, ClipConfig(in_place=not options.root_motion, correctives=correctives))


register(KIND, "glb", Glb())
