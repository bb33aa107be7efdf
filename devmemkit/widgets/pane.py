"""A live figure as a widget: the first picture is embedded, later ones replace data and axes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from devmemkit.figures.bokeh_figure import literal, sources, to_json
from devmemkit.figures.frame import frame, heading, ticks
from devmemkit.figures.marks import Axis, Picture
from devmemkit.figures.show import SCROLLER, load_bokeh


def _structure(picture: Picture) -> tuple[Any, ...]:
    """What a redraw cannot change in place."""
    layers = tuple((layer.name, layer.kind, *layer.columns) for layer in picture.layers)
    axes = tuple((bool(axis.label), bool(axis.ticks)) for axis in (picture.x, picture.y))
    return picture.name, axes, frame(picture), picture.legend, bool(picture.title), layers


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "label": literal(axis.label),
        "start": axis.start,
        "end": axis.end,
        "ticks": [[at, literal(label)] for at, label in ticks(axis)],
    }


class BokehPane(anywidget.AnyWidget):
    """Shows the picture drawn last; put it into a box beside the controls that redraw it.

    The page's `window.devmemkit.panes[picture name]` is the live Bokeh document.
    """

    _esm = (
        (Path(__file__).parent / "pane.js")
        .read_text(encoding="utf-8")
        .replace("SCROLLER", json.dumps(SCROLLER))
    )
    item = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    tapped: Any = traitlets.List().tag(sync=True)
    """Where it was clicked last: x and y in the units of the axes."""

    def __init__(self, picture: Picture) -> None:
        load_bokeh()
        self._structure: tuple[Any, ...] = ()
        super().__init__(**self._traits_for(picture))

    def _traits_for(self, picture: Picture) -> dict[str, Any]:
        traits: dict[str, Any] = {
            "state": {
                "title": literal(heading(picture)),
                "alt": picture.alt,
                "height": picture.height,
                "axes": [_axis(picture.x), _axis(picture.y)],
                "columns": sources(picture, redrawn=True),
            }
        }
        structure = _structure(picture)
        if structure != self._structure:
            self._structure = structure
            traits["item"] = to_json(picture, redrawn=True)
        return traits

    def draw(self, picture: Picture) -> None:
        """Shows this picture instead; costs one message without the figure if its data differ."""
        with self.hold_sync():
            for name, value in self._traits_for(picture).items():
                setattr(self, name, value)

    def __repr__(self) -> str:
        return f"BokehPane({self.item['target_id']!r})"
