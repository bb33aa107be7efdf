"""Pictures in a notebook: an image everywhere, a live figure where BokehJS runs."""

from __future__ import annotations

import base64
import html
import json
from functools import cache
from pathlib import Path
from typing import Final

import anywidget
import traitlets
from bokeh.resources import Resources
from IPython.display import display

from devmemkit.figures.bokeh_figure import to_json
from devmemkit.figures.frame import MAX_WIDTH
from devmemkit.figures.marks import Picture
from devmemkit.figures.svg import to_svg
from devmemkit.figures.theme import PAPER, dark_of

_PAGE: Final = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
# A strip below the figure is darker at an edge beyond which there is more: the page's colour
# scrolls with the figure's ends and covers the shade there.
SCROLLER: Final = (
    f"overflow-x:auto;max-width:{MAX_WIDTH}px;padding-bottom:6px;background:"
    + ",".join(
        f"linear-gradient({colours}) {side} 100%/40px 6px no-repeat {moves}"
        for colours, side, moves in (
            (f"{_PAGE},{_PAGE}", "0", "local"),
            (f"{_PAGE},{_PAGE}", "100%", "local"),
            ("90deg,#888,#8880", "0", "scroll"),
            ("270deg,#888,#8880", "100%", "scroll"),
        )
    )
)

# Early code waits in this queue until the kit (embed.js) is there; see `kit_script`.
_QUEUE: Final = "(window.devmemkit||={queue:[]}).queue.push"


def bundle(picture: Picture) -> dict[str, str]:
    """The picture as a notebook output: image/svg+xml, text/html and text/plain (the alt text).

    The HTML shows the SVG as an image; its script replaces the image by the live figure as soon
    as BokehJS is in the page (`load_bokeh`, `bokeh_script`), and does nothing until then.
    """
    item = json.dumps(to_json(picture), separators=(",", ":")).replace("<", "\\u003c")
    live = (
        f"<script>{{const s=document.currentScript.parentElement;{_QUEUE}(k=>k.figure(s,{item}))}}"
        "</script>"
    )
    return {
        "image/svg+xml": to_svg(picture),
        "text/html": image(picture, live),
        "text/plain": picture.alt,
    }


def image(picture: Picture, script: str = "") -> str:
    """The picture as an `<img>` with a data address, in a box that scrolls where it is narrow."""
    data = base64.b64encode(to_svg(picture, fluid=True).encode()).decode()
    return (
        f'<div tabindex="0" style="{SCROLLER}"><div style="position:relative;'
        f'min-width:{picture.min_width}px;max-width:{MAX_WIDTH}px">'
        f'<img alt="{html.escape(picture.alt)}" width="100%" height="{picture.height}" '
        f'style="display:block" src="data:image/svg+xml;base64,{data}">{script}</div></div>'
    )


def show(picture: Picture) -> None:
    """Displays the picture as one output of the running cell."""
    display(bundle(picture), raw=True)  # type: ignore[no-untyped-call]


@cache
def kit_script() -> str:
    """The JavaScript that turns images into live figures, to be run after BokehJS."""
    source = (Path(__file__).parent / "embed.js").read_text(encoding="utf-8")
    colours = json.dumps([dark_of(), PAPER], separators=(",", ":"))
    return f"({source.rstrip().rstrip(';')})(...{colours});"


@cache
def _bokehjs() -> bytes:
    [path] = Resources(mode="absolute", components=["bokeh"], minified=True).js_files
    return Path(path).read_bytes()


def bokeh_script() -> str:
    """Inline <script> elements that make every shown figure of an HTML page live, offline."""
    bokehjs = _bokehjs().decode().replace("</script", "<\\/script")
    return f"<script>{bokehjs}</script>\n<script>{kit_script()}</script>\n"


class _Loader(anywidget.AnyWidget):
    """A widget without a view: its model, once in the page, puts BokehJS and the kit there."""

    _esm = f"""
function initialize({{ model }}) {{
  if (!window.Bokeh) {{
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(model.get("bokehjs"));
    document.head.append(script);
  }}
  {kit_script()}
}}
export default {{ initialize }};
"""
    bokehjs = traitlets.Bytes().tag(sync=True)


@cache
def load_bokeh() -> None:
    """Puts BokehJS from the installed package into the notebook's page, without any output.

    Call it once, early; a second call does nothing. Where no page is attached (papermill,
    nbval) it costs a few milliseconds.
    """
    _Loader(bokehjs=_bokehjs())
