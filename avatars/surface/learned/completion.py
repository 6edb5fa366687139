"""Completes a texture by rules, then by a network; a `avatars.surface.complete.Completion`.

The rules copy around the limb what the photo shows, its light included: rims that lie in the shade in front run round
the back in bands. The network was shown how light lies on such people from all sides, and makes what was copied lighter
or darker; hues and patterns stay as they were copied. What the photo shows is left alone, but for a soft border: its
light would end in a seam.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from scipy.spatial import KDTree
from torch import Tensor

import assets
from avatars.surface.learned.evidence import Evidence
from avatars.surface.learned.network import CompletionNetwork
from avatars.surface.learned.sheets import Stature, read
from avatars.surface.mesh import vertex_normals
from avatars.surface.paint import PhotographedSurface
from avatars.surface.texture_rules import CompletedTexels, TextureRules
from avatars.surface.textured import Texture
from nfield.errors import DataError

_BLACK = 0.02
"""sRGB that is added before the direction of a colour is taken."""
_MOST = 0.3
"""Share of a colour by which it is made lighter or darker at most: more shows as a glow, and is right no more often."""
_BORDER = 0.03
"""Metres to both sides of the border of what the photo shows over which the network sets in."""
_THIN = 0.004
"""Metres up to which points count as one where distances to that border are told: a texture has millions."""
_TRUSTED = 0.5
"""Confidence in the photo at that border."""
SHIPPED = "completion/network.safetensors"
"""The shipped weights (assets/completion/README.md)."""


@dataclass(frozen=True)
class NetworkCompletion:
    """Completion by rules and a network."""

    rules: TextureRules = field(default_factory=TextureRules)
    """What the network starts from."""
    weights: str | None = None
    """A safetensors file by its full path; the shipped one where it is left out."""

    def complete(self, shown: PhotographedSurface) -> Texture:
        """See `Completion.complete`."""
        completed = self.rules.completed(shown)
        color = corrected(evidence_of(shown, completed), self.network())
        return replace(completed, color=color).texture(shown.layout)

    def network(self) -> CompletionNetwork:
        """The trained network.

        Raises:
            DataError: The file does not hold one.
        """
        return _loaded(assets.path(SHIPPED) if self.weights is None else Path(self.weights))


def evidence_of(shown: PhotographedSurface, completed: CompletedTexels) -> Evidence:
    """What the network is told.

    Args:
        shown: The surface and the photo.
        completed: By the rules.
    """
    atlas, texels, surface = completed.atlas, completed.texels, shown.surface
    normal = torch.nn.functional.normalize(atlas.at(vertex_normals(shown.rest, surface.faces)), dim=-1)
    hangs = torch.zeros(len(shown.dressed.rest), 1)
    hangs[shown.dressed.body_count :] = 1.0
    kind = torch.stack([texels.face.float(), texels.scalp.float(), atlas.at(surface.spread(hangs))[:, 0].round()], -1)
    place = Stature.of(shown.dressed.rest[: shown.dressed.body_count]).places(texels.rest)
    return Evidence(place, normal, completed.color, texels.color, texels.confidence, kind)


@torch.no_grad()
def corrected(evidence: Evidence, network: CompletionNetwork) -> Float[Tensor, "n 3"]:
    """Colours, sRGB, after the network; inside of where the photo is trusted they stay the rules'.

    Args:
        evidence: What it is told.
        network: The network.
    """
    shade = read(network(evidence.on_sheets()[None])[0], evidence.place, evidence.normal)
    most = _MOST * (evidence.rules + _BLACK).norm(dim=-1, keepdim=True)
    shade = shade.clamp(-most, most)
    return (evidence.rules + _hidden(evidence)[:, None] * shaded(evidence.rules, shade)).clamp(0.0, 1.0)


def _hidden(evidence: Evidence) -> Float[Tensor, "n"]:
    """0 where the photo is trusted, 1 where it is not, with a soft border."""
    trusted = evidence.confidence > _TRUSTED
    if bool(trusted.all()) or not bool(trusted.any()):
        return (~trusted).to(evidence.confidence)
    beyond = torch.empty_like(evidence.confidence)
    beyond[~trusted] = _distance(evidence.place[trusted], evidence.place[~trusted])
    beyond[trusted] = -_distance(evidence.place[~trusted], evidence.place[trusted])
    share = (0.5 + 0.5 * beyond / _BORDER).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _distance(points: Float[Tensor, "m 3"], places: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """How far away the nearest of some points is, metres, up to the border's width; points are thinned."""
    thinned = torch.unique((points / _THIN).round(), dim=0) * _THIN
    distance, _ = KDTree(thinned.numpy()).query(places.numpy(), distance_upper_bound=_BORDER)
    return torch.from_numpy(distance).to(places).clamp_max(_BORDER)


def shaded(color: Float[Tensor, "n 3"], shade: Float[Tensor, "n 1"]) -> Float[Tensor, "n 3"]:
    """What makes colours lighter or darker and leaves their hue.

    Args:
        color: sRGB.
        shade: By how much, sRGB along the colour itself; black is shaded as grey is.
    """
    return shade * torch.nn.functional.normalize(color + _BLACK, dim=-1)


@lru_cache(maxsize=1)
def _loaded(path: Path) -> CompletionNetwork:
    network = CompletionNetwork()
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as wrong:
        raise DataError(f"{path}: holds no completion network ({wrong})") from wrong
    return network.eval()
