"""The widget that shows a picture."""

from __future__ import annotations

from typing import Any, ClassVar

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import places
from devmemkit.figures.svg import Canvas, to_svg
from devmemkit.widgets.standin.widget import Widget


class Pane(Widget):
    """Shows the picture drawn last; `tapped` is the place of the last click in it."""

    fields: ClassVar = {"shown": {}, "tapped": []}

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.draw(picture)

    def draw(self, picture: Picture) -> None:
        """Show this picture instead."""
        self.picture = picture
        self.shown = shown(picture)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return self.shown


def shown(picture: Picture) -> dict[str, Any]:
    """A picture as the page shows it: an SVG, the tips over it, and where its axes run."""
    return {
        "name": picture.name,
        "alt": picture.alt,
        "height": picture.height,
        "min_width": picture.min_width,
        "svg": to_svg(picture, fluid=True),
        "tips": [*places(picture)],
        **Canvas(picture).place,
    }
