"""The widgets that explorers are made of: ipywidgets in a notebook, the stand-in in a web page."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or find_spec("ipywidgets"):
    import ipywidgets as widgets

    from devmemkit.widgets.pane import Pane
else:
    from devmemkit.widgets import standin as widgets
    from devmemkit.widgets.standin import Pane

__all__ = ["Pane"]


def __getattr__(name: str) -> Any:
    return getattr(widgets, name)
