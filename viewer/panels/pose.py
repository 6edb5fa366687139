"""Posing a figure: named poses, a slider per joint and axis, motions."""

import math
import threading
import time
from collections.abc import Callable
from typing import get_args

import viser
from jaxtyping import Float
from torch import Tensor

from viewer.page import FigureMode, Page
from viewer.seam import Figure, Motion, Slider

_TICK = 1.0 / 25.0
_DEGREE = math.pi / 180.0
_WIDEST = 180.0


class Player:
    """Plays a motion on a thread of its own.

    Args:
        pose: Takes each pose, on that thread.
    """

    def __init__(self, pose: Callable[[Float[Tensor, "j 3"]], None]) -> None:
        self._pose = pose
        self._stop: threading.Event | None = None
        self.speed = 1.0

    @property
    def plays(self) -> bool:
        """Whether a motion runs."""
        return self._stop is not None

    def play(self, motion: Motion) -> None:
        """Starts a motion from its beginning, instead of one that runs."""
        self.stop()
        self._stop = threading.Event()
        threading.Thread(target=self._run, args=(motion, self._stop), name="viewer-motion", daemon=True).start()

    def stop(self) -> None:
        """Leaves the figure where it is."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _run(self, motion: Motion, stop: threading.Event) -> None:
        moment, last = 0.0, time.monotonic()
        while not stop.is_set():
            self._pose(motion.at(moment))
            stop.wait(max(0.0, last + _TICK - time.monotonic()))
            now = time.monotonic()
            moment, last = moment + self.speed * (now - last), now


def add_pose_panel(page: Page) -> Player | None:
    """The controls of a figure, if the page shows one; gives the player, which has to be stopped at the end."""
    figure = page.figure
    if figure is None:
        return None
    gui = page.client.gui
    player = Player(page.pose)
    with gui.add_folder("Figure"):
        if len(page.subjects) == 1:
            mode = gui.add_dropdown("shown", get_args(FigureMode), initial_value=page.look.figure)
            mode.on_update(lambda _: page.change(figure=mode.value))
        pose = gui.add_dropdown("pose", tuple(figure.poses))
    handles: list[tuple[Slider, viser.GuiSliderHandle[float]]] = []

    def show_angles() -> None:
        """Puts the sliders where the figure is."""
        rotations = page.look.rotations
        for slider, handle in handles:
            degrees = float(rotations[slider.joint, slider.axis]) / _DEGREE
            handle.value = min(max(round(degrees), -_WIDEST), _WIDEST)

    @pose.on_update
    def _(_: object) -> None:
        player.stop()
        page.pose(figure.poses.get(pose.value, page.rest))
        show_angles()

    _add_motions(page, figure, player, show_angles)
    handles += _add_sliders(page, figure, player)
    return player


def _add_motions(page: Page, figure: Figure, player: Player, stopped: Callable[[], None]) -> None:
    gui = page.client.gui
    with gui.add_folder("Motion"):
        motion = gui.add_dropdown("motion", tuple(figure.motions))
        speed = gui.add_slider("speed", 0.1, 3.0, 0.1, 1.0)
        button = gui.add_button("Play", icon=viser.Icon.PLAYER_PLAY)

    def chosen() -> Motion:
        return figure.motions.get(motion.value, next(iter(figure.motions.values())))

    def label() -> None:
        button.label = "Pause" if player.plays else "Play"
        button.icon = viser.Icon.PLAYER_PAUSE if player.plays else viser.Icon.PLAYER_PLAY

    @button.on_click
    def _(_: object) -> None:
        if player.plays:
            player.stop()
            stopped()
        else:
            player.play(chosen())
        label()

    @motion.on_update
    def _(_: object) -> None:
        if player.plays:
            player.play(chosen())

    @speed.on_update
    def _(_: object) -> None:
        player.speed = speed.value


def _add_sliders(page: Page, figure: Figure, player: Player) -> list[tuple[Slider, viser.GuiSliderHandle[float]]]:
    gui = page.client.gui
    made = []
    for part, sliders in figure.sliders.items():
        with gui.add_folder(f"Pose: {part}", expand_by_default=False):
            for slider in sliders:
                handle = gui.add_slider(slider.label, -_WIDEST, _WIDEST, 1.0, 0.0)
                handle.on_update(_turn(page, player, slider))
                made.append((slider, handle))
    return made


def _turn(page: Page, player: Player, slider: Slider) -> Callable[[viser.GuiEvent], None]:
    """What a slider does when a reader, and not the page itself, moves it."""

    def turn(event: viser.GuiEvent) -> None:
        if event.client is None:
            return
        player.stop()
        rotations = page.look.rotations.clone()
        rotations[slider.joint, slider.axis] = event.target.value * _DEGREE
        page.pose(rotations)

    return turn
