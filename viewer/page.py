"""One open page: what its reader chose to see, and how pictures get there."""

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import viser
from jaxtyping import Float

from nfield.cameras import Cameras
from viewer.camera import camera_from_browser
from viewer.interface import Figure, FigurePose, Subject, View
from viewer.pair import Layout, pair_view
from viewer.pictures import PICTURES
from viewer.render_loop import RenderLoop, Request, Shown

FigureMode = Literal["mesh, then field", "field", "mesh"]

FAILED = "Rendering failed"
"""Title of the note that a page shows."""

_MOST_PIXELS = 1 << 20
"""Of a picture; a larger window shows one of this size, magnified."""
_LONGEST_EDGE = 1 << 16
"""Of a window, in pixels."""
_SETTLE = 0.35
_POSE_PATIENCE = 4.0
"""Seconds for posing a figure and its first picture."""
_MESH_COLOR = (205, 190, 180)
_QUALITY, _MOVING_QUALITY = 92, 80


@dataclass(frozen=True)
class Look:
    """What a reader chose.

    Attributes:
        view: Name of the subject's view.
        picture: Name of the channel, of `viewer.pictures.PICTURES`.
        layout: Of two subjects.
        figure: How a figure is shown.
        pose: How it stands; without joints where there is no figure.
        by_browser: Whether the browser draws what it can draw by itself.
    """

    view: str
    picture: str = "colour"
    layout: Layout = dataclasses.field(default_factory=Layout)
    figure: FigureMode = "mesh, then field"
    pose: FigurePose = dataclasses.field(default_factory=lambda: FigurePose(torch.zeros(0, 3)))
    by_browser: bool = True


class Page:
    """Shows one or two subjects to one client.

    Args:
        client: The browser.
        subjects: One, or two of a kind.
    """

    def __init__(self, client: viser.ClientHandle, subjects: Sequence[Subject]) -> None:
        self.client, self.subjects = client, tuple(subjects)
        self.figure: Figure | None = subjects[0].figure
        self.rest = FigurePose(torch.zeros(0 if self.figure is None else len(self.figure.skin.joints), 3))
        self.look = Look(
            next(iter(subjects[0].views)),
            # One mesh cannot stand in both halves of a pair.
            figure="mesh, then field" if len(subjects) == 1 else "field",
            pose=self.rest,
        )
        self.status = client.gui.add_markdown("starting")
        self._lock = threading.RLock()
        self._mesh = self._add_mesh() if len(subjects) == 1 else None
        self._mesh_stands = False
        self._cloud: viser.GaussianSplatHandle | None = None
        self._failure: str | None = None
        self._clear()
        self.loop = RenderLoop(self._show, self._complain)
        client.camera.on_update(lambda _: self.refresh())

    def change(self, **choices: object) -> None:
        """Takes new choices, fields of `Look`, and shows them; names that the page does not offer change nothing."""
        with self._lock:
            look = dataclasses.replace(self.look, **choices)  # pyright: ignore[reportArgumentType]
            if look.view in self.subjects[0].views and look.picture in PICTURES:
                self.look = look
                self.refresh()

    def pose(self, pose: FigurePose) -> None:
        """Poses the figure."""
        with self._lock:
            self._move_bones(pose)
            self.change(pose=pose)

    def refresh(self) -> None:
        """Asks for pictures of what the camera sees now."""
        with self._lock:
            camera = self._camera()
            if camera is None:
                return
            picture = PICTURES[self.look.picture]
            if self.has_cloud and self._let_cloud_draw():
                self.loop.forget()
            elif self.figure is None:
                self.loop.request(Request(self._view(), camera, picture))
            elif self.look.figure == "field":
                self.loop.request(Request(self._view(), camera, picture, patience=_POSE_PATIENCE))
            else:
                self._let_mesh_stand()
                if self.look.figure == "mesh":
                    self.loop.forget()
                else:
                    self.loop.request(Request(self._view(), camera, picture, settle=_SETTLE))

    def close(self) -> None:
        """Ends the page's threads."""
        self.loop.close()

    def say(self, text: str) -> None:
        """Shows a line of state at the top of the panel."""
        self.status.content = text

    def _view(self) -> View:
        views = [self._view_of(subject) for subject in self.subjects]
        if len(views) == 1:
            return views[0]
        names = (self.subjects[0].name, self.subjects[1].name)
        return pair_view(views[0], views[1], self.look.layout, names=names)

    def _view_of(self, subject: Subject) -> View:
        if subject.figure is None:
            return subject.views[self.look.view]
        return subject.figure.posed(self.look.pose)

    def _camera(self) -> Cameras | None:
        """The browser's; None where what it sent cannot be one."""
        state = self.client.camera
        height, width = state.image_height, state.image_width
        numbers = [*state.wxyz, *state.position, state.fov]
        if (
            not 1 <= min(height, width) <= max(height, width) <= _LONGEST_EDGE
            or not np.isfinite(numbers).all()
            or not 1e-3 < state.fov < 3.1
        ):
            return None
        if float(np.linalg.norm(state.wxyz)) < 1e-6:
            return None
        share = min(1.0, (_MOST_PIXELS / (height * width)) ** 0.5)
        size = (max(2, round(height * share)), max(2, round(width * share)))
        return camera_from_browser(state.wxyz, state.position, field_of_view=state.fov, size=size)

    def _show(self, shown: Shown) -> None:
        with self._lock:
            waits = shown.request.settle > 0.0
            if waits and not self.loop.is_newest(shown.request):
                return
            quality = _QUALITY if shown.finest else _MOVING_QUALITY
            with self.client.atomic():
                self.client.scene.set_background_image(shown.pixels.numpy(), format="jpeg", jpeg_quality=quality)
                if self._mesh is not None and self._mesh_stands:
                    self._mesh.visible, self._mesh_stands = False, False
            self.client.flush()
        height, width = shown.pixels.shape[:2]
        self.say(f"{width} x {height} in {1e3 * shown.seconds:.0f} ms" + ("" if shown.finest else " …"))

    def _complain(self, message: str | None) -> None:
        if message is None:
            self._failure = None
            return
        self.say(f"**{FAILED}:** {message}")
        if message != self._failure:
            self._failure = message
            self.client.add_notification(FAILED, message, color="red", auto_close_seconds=20.0)

    def _let_mesh_stand(self) -> None:
        if self._mesh is None or self._mesh_stands:
            return
        with self.client.atomic():
            self._mesh.visible, self._mesh_stands = True, True
            self._clear()
        self.say("mesh")

    def _clear(self) -> None:
        """White behind the mesh. Without any picture the browser shows black while it decodes the next one."""
        self.client.scene.set_background_image(np.full((2, 2, 3), 255, np.uint8), format="png")

    @property
    def has_cloud(self) -> bool:
        """Whether the browser can draw the subject by itself."""
        return len(self.subjects) == 1 and self.subjects[0].cloud is not None

    def _let_cloud_draw(self) -> bool:
        """Shows what the browser draws, or hides it; whether it draws."""
        drawn = self.look.by_browser
        if drawn != (self._cloud is not None):
            self.say("drawn by the browser" if drawn else "drawn here")
            self._clear()
            self._cloud = self._replaced_cloud(drawn)
        return drawn

    def _replaced_cloud(self, drawn: bool) -> viser.GaussianSplatHandle | None:
        if self._cloud is not None:
            self._cloud.remove()
        cloud = self.subjects[0].cloud
        if not drawn or cloud is None:
            return None
        return self.client.scene.add_gaussian_splats(
            "/cloud", cloud.centers, cloud.covariances, cloud.colors, cloud.opacities
        )

    def _add_mesh(self) -> viser.MeshSkinnedHandle | None:
        if self.figure is None:
            return None
        skin = self.figure.skin
        at_rest = np.tile(np.array([1.0, 0.0, 0.0, 0.0]), (len(skin.joints), 1))
        return self.client.scene.add_mesh_skinned(
            "/figure",
            skin.vertices,
            skin.faces,
            bone_wxyzs=at_rest,
            bone_positions=skin.joints,
            skin_weights=strongest(skin.weights),
            color=_MESH_COLOR,
            visible=False,
        )

    def _move_bones(self, pose: FigurePose) -> None:
        if self._mesh is None or self.figure is None:
            return
        bones = self.figure.bones(pose)
        with self.client.atomic():
            for handle, quaternion, position in zip(self._mesh.bones, bones.quaternions, bones.positions, strict=True):
                handle.wxyz, handle.position = quaternion, position


def strongest(weights: Float[np.ndarray, "v j"], count: int = 4) -> Float[np.ndarray, "v j"]:
    """Each vertex's strongest influences only, as many as a browser takes, summing to 1.

    >>> strongest(np.array([[0.5, 0.3, 0.2]]), 2)
    array([[0.625, 0.375, 0.   ]])
    """
    if weights.shape[1] <= count:
        return weights
    least = np.partition(weights, -count, axis=1)[:, -count, None]
    kept = np.where(weights >= least, weights, 0.0)
    return kept / kept.sum(1, keepdims=True)
