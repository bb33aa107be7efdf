"""Widgets together, and pieces of HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

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
