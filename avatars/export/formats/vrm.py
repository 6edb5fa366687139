"""A VRM 1.0 avatar: the rigged mesh with a humanoid skeleton and a licence entry."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from avatars.export.bone_names import REQUIRED
from avatars.export.figure import RigConfig, RiggedFigure
from avatars.export.gltf_document import gltf_document
from avatars.export.texture_options import MAKING, TextureOptions
from avatars.posed.run import KIND, load_avatar
from nfield.devices import CPU
from nfield.errors import DataError
from nfield.export import Tell, register
from nfield.export.gltf_buffer import glb_bytes
from nfield.whole_file import write_atomically

_LICENSE_URL = "https://vrm.dev/licenses/1.0/"
_DECIDES = (
    "Who may use this avatar for what is for the person whom it shows and for whoever made it to decide. Until they "
    "say otherwise, the permissions of this file are the narrowest that VRM knows."
)


@dataclass(frozen=True)
class VrmOptions(TextureOptions):
    """Options of --to vrm."""

    author: str = "unknown"
    """Who made it."""


@dataclass(frozen=True)
class Vrm:
    """The format."""

    about: str = "avatar for VRM 1.0 applications: rigged mesh, humanoid bones, licence entry"
    suffix: str = ".vrm"
    endings: tuple[str, ...] = ()
    options: VrmOptions = field(default_factory=VrmOptions)

    def write(self, run: Path, out: Path, options: VrmOptions, tell: Tell, *, device: torch.device = CPU) -> None:
        """See `nfield.export.Export`."""
        avatar, name = load_avatar(run, device=device), run.resolve().name
        tell(MAKING)
        figure = RiggedFigure.of(avatar, (), RigConfig(options.config), generator=options.generator)
        document, binary = gltf_document(figure, name=name)
        document.extensionsUsed = [*document.extensionsUsed, "VRMC_vrm"]
        document.extensions = {"VRMC_vrm": vrm_extension(figure.humanoid, name=name, author=options.author)}
        write_atomically(out, glb_bytes(document, binary))


def vrm_extension(humanoid: dict[str, int], *, name: str, author: str) -> dict[str, Any]:
    """The extension VRMC_vrm of a document whose joints' nodes are 1, 2 and so on.

    Args:
        humanoid: The index of the joint of each humanoid bone.
        name: Of the avatar.
        author: Who made it.

    Raises:
        DataError: The skeleton lacks bones that VRM needs.
    """
    missing = [bone for bone in REQUIRED if bone not in humanoid]
    if missing:
        raise DataError(f"the body's skeleton has no {', '.join(missing)}, which VRM needs; export it as glb")
    bones = {bone: {"node": joint + 1} for bone, joint in humanoid.items()}
    return {"specVersion": "1.0", "meta": _meta(name, author), "humanoid": {"humanBones": bones}}


def _meta(name: str, author: str) -> dict[str, Any]:
    return {
        "name": name,
        "authors": [author],
        "licenseUrl": _LICENSE_URL,
        "thirdPartyLicenses": _DECIDES,
        "avatarPermission": "onlyAuthor",
        "commercialUsage": "personalNonProfit",
        "creditNotation": "required",
        "allowRedistribution": False,
        "modification": "prohibited",
        "allowExcessivelyViolentUsage": False,
        "allowExcessivelySexualUsage": False,
        "allowPoliticalOrReligiousUsage": False,
        "allowAntisocialOrHateUsage": False,
    }


register(KIND, "vrm", Vrm())
