"""Gaussian splats of a pose, as PLY; with the skin weights of each splat beside it, where they are asked for."""

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from avatars.export.bone_names import node_names
from avatars.export.pose_options import PoseOptions
from avatars.export.posed_mesh import PosedMesh
from avatars.export.surface_splats import SurfacePoints, surface_splats
from avatars.export.textured_mesh import TextureConfig
from avatars.posed.avatar import Avatar
from avatars.posed.run import KIND, load_avatar
from nfield.devices import CPU
from nfield.errors import OptionError
from nfield.export import Tell, register
from nfield.export.splat_file import write_splats
from nfield.whole_file import write_atomically


@dataclass(frozen=True)
class SplatsOptions(PoseOptions):
    """Options of --to splats."""

    count: int = 200_000
    """Splats, about."""
    rigged: bool = False
    """Also write NAME.rig.npz: each splat's skin weights, and the skeleton in the pose."""

    @property
    def config(self) -> TextureConfig:
        """How the mesh below the splats is made: they are inset themselves."""
        return replace(super().config, inset=0.0)


@dataclass(frozen=True)
class SplatFile:
    """The format."""

    about: str = "Gaussian splats of a pose (PLY)"
    suffix: str = ".splats.ply"
    endings: tuple[str, ...] = ()
    options: SplatsOptions = field(default_factory=SplatsOptions)

    def write(self, run: Path, out: Path, options: SplatsOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        if not 1000 <= options.count <= 10_000_000:
            raise OptionError(f"--count: is {options.count}, expected 1000 to 10,000,000 splats")
        avatar = load_avatar(run, device=device)
        mesh = options.mesh(avatar, tell)
        points = SurfacePoints.even(mesh, options.count)
        write_splats(out, surface_splats(mesh, points))
        if options.rigged:
            beside = out.with_suffix(".rig.npz")
            write_atomically(beside, rig_bytes(avatar, mesh, points))
            tell(f"skin weights and skeleton: {beside}")


def rig_bytes(avatar: Avatar, mesh: PosedMesh, points: SurfacePoints) -> bytes:
    """An .npz of the splats' skin weights, and of the skeleton in the pose that they are in.

    It holds `weights` (splats x joints), `joints` (places, metres), `rotations` (axis-angles of the pose against the
    parents, radians; all zero in the T-pose), `parents` and `names`.

    Args:
        avatar: Whose.
        mesh: The surface that the splats lie on.
        points: Where on it they do.
    """
    model = avatar.model
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        weights=points.at(mesh.weights, mesh.faces).numpy().astype(np.float16),
        joints=mesh.joints.numpy(),
        rotations=mesh.rotations.numpy(),
        parents=np.array(model.parents),
        names=np.array(node_names(model.joint_names)),
    )
    return buffer.getvalue()


register(KIND, "splats", SplatFile())
