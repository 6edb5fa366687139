"""Playing a figure's motions: play, pause, speed, and going to any moment."""

import threading
import time
from collections.abc import Callable

import viser

from viewer.interface import Figure, FigurePose, Motion
from viewer.page import Page

_TICK = 1.0 / 25.0
_TOLD = 0.2
"""Seconds between two places of the slider while a motion plays."""


class Player:
    """Plays a motion on a thread of its own.

    Args:
        pose: Takes each pose, on that thread or on that of who goes to a moment.
    """

    def __init__(self, pose: Callable[[FigurePose], None]) -> None:
        self._pose = pose
        self._stop: threading.Event | None = None
        self._motion: Motion | None = None
        self.moment = 0.0
        self.speed = 1.0
        self.on_the_spot = True
        self.told: Callable[[], None] = lambda: None
        """Called now and then while a motion plays, and when it begins or ends."""

    @property
    def plays(self) -> bool:
        """Whether a motion runs."""
        return self._stop is not None

    @property
    def share(self) -> float:
        """How much of the motion is over, in [0, 1)."""
        length = self._motion.seconds if self._motion is not None else 0.0
        return (self.moment % length) / length if length > 0.0 else 0.0

    def choose(self, motion: Motion) -> None:
        """Takes another motion, from its beginning."""
        self._motion, self.moment = motion, 0.0

    def play(self) -> None:
        """Goes on from where the motion is."""
        if self._motion is None or self.plays:
            return
        self._stop = threading.Event()
        threading.Thread(target=self._run, args=(self._stop,), name="viewer-motion", daemon=True).start()
        self.told()

    def pause(self) -> None:
        """Leaves the figure where it is."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None
            self.told()

    def toggle(self) -> None:
        """Plays what stands, and pauses what plays."""
        if self.plays:
            self.pause()
        else:
            self.play()

    def go_to(self, share: float) -> None:
        """Shows a moment of the motion, given as a share of it."""
        if self._motion is not None:
            self.moment = share * self._motion.seconds
            self._show()

    def _show(self) -> None:
        if self._motion is not None:
            self._pose(self._motion.at(self.moment, on_the_spot=self.on_the_spot))

    def _run(self, stop: threading.Event) -> None:
        last = told = time.monotonic()
        while not stop.is_set():
            self._show()
            stop.wait(max(0.0, last + _TICK - time.monotonic()))
            now = time.monotonic()
            self.moment, last = self.moment + self.speed * (now - last), now
            if now - told > _TOLD:
                self.told()
                told = now


def add_motion_panel(page: Page, figure: Figure, player: Player, stopped: Callable[[], None]) -> None:
    """The controls of the player.

    Args:
        page: The page.
        figure: Has the motions.
        player: Plays them.
        stopped: Called when a motion has stopped.
    """
    gui, names = page.client.gui, tuple(figure.motions)
    if not names:
        return
    with gui.add_folder("Motion"):
        motion = gui.add_dropdown("motion", names)
        button = gui.add_button("Play", icon=viser.Icon.PLAYER_PLAY)
        place = gui.add_slider("at (%)", 0.0, 100.0, 0.5, 0.0, hint="Goes to a moment of the motion.")
        speed = gui.add_slider("speed", 0.1, 3.0, 0.1, 1.0)
        spot = gui.add_checkbox("on the spot", True, hint="Leaves out the way that a walk makes over the ground.")
    player.choose(figure.motions[names[0]])

    def tell() -> None:
        button.label = "Pause" if player.plays else "Play"
        button.icon = viser.Icon.PLAYER_PAUSE if player.plays else viser.Icon.PLAYER_PLAY
        place.value = round(200.0 * player.share) / 2.0

        if not player.plays:
            stopped()

    player.told = tell

    def choose() -> None:
        if motion.value in figure.motions:
            player.choose(figure.motions[motion.value])
            player.go_to(0.0)

    button.on_click(lambda _: player.toggle())
    motion.on_update(lambda _: choose())

    @place.on_update
    def _(event: viser.GuiEvent) -> None:
        if event.client is not None:  # The page's reader, not the player, has moved it.
            player.go_to(place.value / 100.0)

    @speed.on_update
    def _(_: object) -> None:
        player.speed = speed.value

    @spot.on_update
    def _(_: object) -> None:
        player.on_the_spot = spot.value
        player.go_to(player.share)
