"""A stand-in for ipywidgets in a web page: the widgets that explorers use, their state as JSON."""

from devmemkit.widgets.standin.boxes import HTML, Box, HBox, Layout, Pane, VBox, shown
from devmemkit.widgets.standin.controls import (
    Button,
    FileUpload,
    FloatLogSlider,
    IntSlider,
    Text,
    Textarea,
)
from devmemkit.widgets.standin.selection import (
    Dropdown,
    Selection,
    SelectionRangeSlider,
    SelectionSlider,
)
from devmemkit.widgets.standin.widget import CHANGED, Widget

__all__ = [
    "CHANGED", "HTML", "Box", "Button", "Dropdown", "FileUpload", "FloatLogSlider", "HBox",
    "IntSlider", "Layout", "Pane", "Selection", "SelectionRangeSlider", "SelectionSlider", "Text",
    "Textarea", "VBox", "Widget", "shown",
]  # fmt: skip
