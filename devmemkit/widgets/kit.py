"""The widgets that explorers are made of: ipywidgets in a notebook, the stand-in in a web page."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("ipywidgets"):
    from ipywidgets import (
        HTML,
        Box,
        Button,
        Dropdown,
        FileUpload,
        FloatLogSlider,
        HBox,
        IntSlider,
        Layout,
        SelectionRangeSlider,
        SelectionSlider,
        Text,
        Textarea,
        VBox,
        Widget,
    )

    from devmemkit.widgets.pane import Pane
else:
    from devmemkit.widgets.standin import (
        HTML,
        Box,
        Button,
        Dropdown,
        FileUpload,
        FloatLogSlider,
        HBox,
        IntSlider,
        Layout,
        Pane,
        SelectionRangeSlider,
        SelectionSlider,
        Text,
        Textarea,
        VBox,
        Widget,
    )

__all__ = [
    "HTML", "Box", "Button", "Dropdown", "FileUpload", "FloatLogSlider", "HBox", "IntSlider",
    "Layout", "Pane", "SelectionRangeSlider", "SelectionSlider", "Text", "Textarea", "VBox",
    "Widget",
]  # fmt: skip
