"""A picture as a widget: live with Bokeh, or as SVG where Bokeh is missing."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from devmemkit.figures.frame import frame, ticks
from devmemkit.figures.marks import Picture
from devmemkit.figures.show import SCROLLER, framed, image, stills
from devmemkit.figures.svg import Canvas, backdrop
from devmemkit.figures.theme import dark_of

HERE = Path(__file__).parent


class Pane(anywidget.AnyWidget):
    """Shows the picture drawn last; put it into a box beside the controls that redraw it.

    As a cell's output, it is a still picture where no widget can live.
    """

    live = find_spec("bokeh") is not None
    """Whether panes made from now on are drawn by Bokeh; otherwise as SVG."""

    _esm = (
        (HERE / "pane.js")
        .read_text(encoding="utf-8")
        .replace("CONSTANTS", json.dumps([dark_of(), SCROLLER]), 1)
    )
    item = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    place = traitlets.Dict().tag(sync=True)
    tapped: Any = traitlets.List().tag(sync=True)
    """Place of the last click: x and y in the units of the axes."""

    def __init__(self, picture: Picture) -> None:
        if self.live:
            load_bokeh()
        self.picture = picture
        self._structure: tuple[Any, ...] = ()
        super().__init__(**self._traits_for(picture))

    def draw(self, picture: Picture) -> None:
        """Show this picture instead, in one message; the figure is kept if only data differ."""
        self.picture = picture
        with self.hold_sync():
            for name, value in self._traits_for(picture).items():
                setattr(self, name, value)

    def _traits_for(self, picture: Picture) -> dict[str, Any]:
        if not self.live:
            return {"still": image(picture), "place": Canvas(picture).place}
        from bokeh.core.types import ID
        from bokeh.embed import json_item

        from devmemkit.figures.bokeh_figure import hovered, literal, sources, to_figure

        both = picture.x, picture.y
        axes = []
        for axis in both:
            shown = [[at, literal(label)] for at, label in ticks(axis)]
            axes.append(vars(axis) | {"label": literal(axis.label), "ticks": shown})
        traits: dict[str, Any] = {
            "state": {
                "backdrop": framed(picture, backdrop(picture)),
                "alt": picture.alt,
                "height": picture.height,
                "axes": axes,
                "columns": sources(picture),
            }
        }
        # A redraw cannot change these in place.
        drawn = tuple((bool(axis.label), bool(axis.ticks)) for axis in both)
        structure = (picture.name, drawn, frame(picture), hovered(picture))
        if structure != self._structure:
            self._structure = structure
            traits["item"] = json_item(to_figure(picture), ID(picture.name))
        return traits

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        return {**data, **stills([self.picture]), "text/plain": self.picture.alt}, metadata

    def __repr__(self) -> str:
        return f"Pane({self.picture.name!r})"


class _Loader(anywidget.AnyWidget):
    """A widget without a view: its model, once in the page, puts BokehJS there."""

    _esm = (HERE / "loader.js").read_text(encoding="utf-8")
    bokehjs = traitlets.Bytes().tag(sync=True)


@cache
def load_bokeh() -> None:
    """Put BokehJS from the installed package into the notebook's page; a second call does nothing.

    Where no page is attached (papermill, nbval) it costs a few milliseconds.
    """
    from bokeh.resources import Resources

    [path] = Resources(mode="absolute", components=["bokeh"], minified=True).js_files
    _Loader(bokehjs=Path(path).read_bytes())
