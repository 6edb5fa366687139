"""Posing a figure: named poses, a slider per joint and axis."""

import math
from collections.abc import Callable
from typing import get_args

import viser

from viewer.interface import Figure, FigurePose, Slider
from viewer.page import FigureMode, Page
from viewer.panels.motion import Player, add_motion_panel

_DEGREE = math.pi / 180.0
_WIDEST = 180.0


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
        rotations = page.look.pose.rotations
        for slider, handle in handles:
            degrees = float(rotations[slider.joint, slider.axis]) / _DEGREE
            handle.value = min(max(round(degrees), -_WIDEST), _WIDEST)

    @pose.on_update
    def _(_: object) -> None:
        player.pause()
        page.pose(figure.poses.get(pose.value, page.rest))
        show_angles()

    add_motion_panel(page, figure, player, show_angles)
    handles += _add_sliders(page, figure, player)
    return player


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
        player.pause()
        rotations = page.look.pose.rotations.clone()
        rotations[slider.joint, slider.axis] = event.target.value * _DEGREE
        page.pose(FigurePose(rotations, page.look.pose.travel))

    return turn
