"""The package smplx, whose licence is non-commercial: asked only for users' own SMPL-H and SMPL-X files."""

from collections.abc import Mapping
from pathlib import Path

from nfield.errors import BackendUnavailable


def landmark_vertices(kind: str, path: Path) -> Mapping[str, int]:
    """The package's table of vertices at nose, eyes, ears, toes, heels and finger tips.

    Args:
        kind: "smplh" or "smplx".
        path: The file that needs them, for messages.

    Raises:
        BackendUnavailable: The package is not installed.
    """
    try:
        from smplx.vertex_ids import vertex_ids
    except ImportError as error:
        raise BackendUnavailable(
            f"{path}: SMPL-H and SMPL-X files need the package smplx, whose licence is non-commercial; "
            "install it with: pip install 'nfield[smplx]', or give an SMPL file"
        ) from error
    return dict(vertex_ids[kind])
