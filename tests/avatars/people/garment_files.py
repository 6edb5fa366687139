"""Tiny garments in MakeHuman's files."""

from pathlib import Path

import numpy as np


def write_garment(folder: Path, base: np.ndarray, faces: np.ndarray, *, offset: float = 0.0, hidden: str = "") -> None:
    """A garment whose vertices hang on single base vertices, `offset` decimetres to the left of them."""
    folder.mkdir(parents=True)
    rows = [f"{v} {v} {v} 1.0 0.0 0.0 {offset} 0.0 0.0" for v in base]
    scales = ["x_scale 5399 11998 1.4340", "y_scale 791 881 1.0", "z_scale 962 5320 1.0"]
    text = ["# made by a test", "name tiny", *scales, "verts 0", *rows]
    if hidden:
        text += ["delete_verts", hidden]
    (folder / f"{folder.name}.mhclo").write_text("\n".join(text) + "\n")
    corners = ["v 0 0 0"] * len(base) + ["f " + " ".join(f"{c + 1}/1" for c in face) for face in faces]
    (folder / f"{folder.name}.obj").write_text("\n".join(corners) + "\n")
