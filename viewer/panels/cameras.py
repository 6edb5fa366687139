"""The cameras that a run was trained from, as frusta; a click looks through one."""

import numpy as np
import viser
from jaxtyping import Float

from viewer.camera import field_of_view, quaternions, rotation_matrix
from viewer.page import Page

_SCALE = 0.035
_COLOR = (40, 110, 210)
_MOST = 400


def add_cameras_panel(page: Page) -> None:
    """A box to tick, and frusta that appear with it."""
    subject, gui, scene = page.subjects[0], page.client.gui, page.client.scene
    cameras = subject.cameras
    if cameras is None or len(page.subjects) > 1:
        return
    chosen = np.unique(np.linspace(0, len(cameras) - 1, min(len(cameras), _MOST)).round().astype(int))
    poses = cameras.world_from_camera.numpy()
    turned = quaternions(poses[:, :3, :3])
    height, width = cameras.size
    angle = field_of_view(float(cameras.intrinsics[0, 1, 1]), height)
    with gui.add_folder("Training cameras"):
        shown = gui.add_checkbox(f"show {len(chosen)} cameras", False, hint="Click one to look through it.")

    def jump(index: int) -> None:
        look_through(page.client, turned[index], poses[index, :3, 3], distance=subject.home.distance)

    @shown.on_update
    def _(_: object) -> None:
        if not shown.value:
            frusta.visible = False
            return
        frusta.visible = True
        if added:
            return
        added.append(True)
        for index in chosen.tolist():
            frustum = scene.add_camera_frustum(
                f"/cameras/{index}",
                fov=angle,
                aspect=width / height,
                scale=_SCALE * subject.home.distance,
                thickness=2.0,
                thickness_units="screen",
                color=_COLOR,
                wxyz=turned[index],
                position=poses[index, :3, 3],
                cast_shadow=False,
                receive_shadow=False,
            )
            frustum.on_click(lambda _, index=index: jump(index))

    added: list[bool] = []
    frusta = scene.add_frame("/cameras", show_axes=False, visible=False)


def look_through(
    client: viser.ClientHandle,
    quaternion: Float[np.ndarray, "4"],
    position: Float[np.ndarray, "3"],
    *,
    distance: float,
) -> None:
    """Puts a page's camera somewhere, turning around a point before it.

    Args:
        client: The page.
        quaternion: World from camera (w, x, y, z).
        position: Metres.
        distance: Of the point around which it turns, metres.
    """
    forward = rotation_matrix(quaternion)[:, 2]
    with client.atomic():
        client.camera.position = position
        client.camera.look_at = position + distance * forward
