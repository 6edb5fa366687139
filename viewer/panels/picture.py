"""Which picture is shown: of which view, which channel, and how two subjects share it."""

import dataclasses

from viewer.page import Page
from viewer.pair import Layout
from viewer.pictures import PICTURES

_ARRANGEMENTS = ("side by side", "wipe")


def add_picture_panel(page: Page) -> None:
    """Choices of channel, view and layout."""
    gui, views = page.client.gui, tuple(page.subjects[0].views)
    with gui.add_folder("Picture"):
        if len(views) > 1:
            view = gui.add_dropdown("view", views, initial_value=page.look.view)
            view.on_update(lambda _: page.change(view=view.value))
        if page.has_cloud:
            hint = "Without it, colours change with the direction, as the file says; that takes a moment a picture."
            drawn = gui.add_checkbox("draw in the browser", True, hint=hint)
            drawn.on_update(lambda _: page.change(by_browser=drawn.value))
        channel = gui.add_dropdown("channel", tuple(PICTURES), initial_value=page.look.picture)
        channel.on_update(lambda _: page.change(picture=channel.value))
        if len(page.subjects) == 2:
            _add_layout(page)


def _add_layout(page: Page) -> None:
    gui = page.client.gui
    arrangement = gui.add_dropdown("two runs", _ARRANGEMENTS, initial_value=_ARRANGEMENTS[0])
    wipe = gui.add_slider("wipe", 0.0, 1.0, 0.01, 0.5, disabled=True)

    @arrangement.on_update
    def _(_: object) -> None:
        wiped = arrangement.value == "wipe"
        wipe.disabled = not wiped
        page.change(layout=Layout("wipe", wipe.value) if wiped else Layout())

    @wipe.on_update
    def _(_: object) -> None:
        page.change(layout=dataclasses.replace(page.look.layout, share=wipe.value))
