"""Widgets together, pieces of HTML, and pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import places
from devmemkit.figures.svg import Canvas, to_svg
from devmemkit.widgets.standin.widget import Widget


class Layout(SimpleNamespace):
    """Not used: the page's style sheet decides."""


class Box(Widget):
    """Widgets together."""

    def __init__(self, children: Sequence[Widget] = (), **given: Any) -> None:
        super().__init__(**given)
        self.children = tuple(children)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {}


class HBox(Box):
    """Widgets side by side."""


class VBox(Box):
    """Widgets below one another."""


class HTML(Widget):
    """A piece of HTML; styles in its markup are left out, for the page's policy forbids them."""

    fields: ClassVar = {"value": ""}

    def __init__(self, value: str = "") -> None:
        super().__init__(value=value)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return {"value": re.sub(r' style="[^"]*"', "", self.value)}


class Pane(Widget):
    """Shows the picture drawn last; `tapped` is the place of the last click in it."""

    fields: ClassVar = {"shown": {}, "tapped": []}

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.draw(picture)

    def draw(self, picture: Picture) -> None:
        """Show this picture instead."""
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
