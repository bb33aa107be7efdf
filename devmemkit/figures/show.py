"""Pictures in a notebook: images that show their tips on hovering, without a script."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from devmemkit.figures.frame import MAX_WIDTH
from devmemkit.figures.marks import Picture
from devmemkit.figures.svg import Canvas, stacked, to_svg
from devmemkit.figures.text import folded, output

# What lies behind a figure: the paper of a report or of the site, else that of the editor.
PAGE: Final = "var(--paper,var(--jp-layout-color0,var(--vscode-editor-background,Canvas)))"
# A strip below the figure is darker at an edge beyond which there is more: the page's colour
# scrolls with the figure's ends and covers the shade there.
SCROLLER: Final = (
    f"overflow-x:auto;max-width:{MAX_WIDTH}px;padding-bottom:6px;background:"
    f"linear-gradient({PAGE},{PAGE}) 0 100%/40px 6px no-repeat local,"
    f"linear-gradient({PAGE},{PAGE}) 100% 100%/40px 6px no-repeat local,"
    "linear-gradient(90deg,#888,#8880) 0 100%/40px 6px no-repeat scroll,"
    "linear-gradient(270deg,#888,#8880) 100% 100%/40px 6px no-repeat scroll"
)
# An image is light or dark by the colour scheme of its element: JupyterLab's theme decides, and
# paper is light.
_THEME: Final = (
    "[data-jp-theme-light=true] .dk-still{color-scheme:light}"
    "[data-jp-theme-light=false] .dk-still{color-scheme:dark}"
    "@media print{.dk-still.dk-still.dk-still{color-scheme:light}}"
)


def places(picture: Picture) -> Iterator[tuple[float, float, float, float, int, str]]:
    """Where each tip is over a fluid SVG of the picture, and the tip.

    Left and width in % of the frame, top and height in px, and px around that are its, too.
    """
    canvas, marks = Canvas(picture), picture.marks
    found = [(r.left, r.right, r.top, r.bottom, 0, r.tip) for r in marks.rects]
    found += [(n.x0, n.x1, n.y0, n.y1, 4, n.tip) for n in marks.lines]
    found += [(m.x, m.x, m.y, m.y, 6, m.tip) for m in marks.markers]
    for *xs, y0, y1, more, tip in found:
        if tip:
            left, right = sorted(map(canvas.share, xs))
            top, bottom = canvas.span(y0, y1)
            yield left, right - left, top, bottom - top, more, tip


def tips(picture: Picture) -> str:
    """Make HTML that shows the tips on hovering, for a box over a fluid SVG of the picture.

    The tips are attributes: a page that drops the elements drops the texts with them.
    """
    boxes = []
    for left, width, top, height, more, tip in places(picture):
        at = f"left:{left:.4g}%;top:{top:.4g}px"
        size = f"width:{width:.4g}%;height:{height:.4g}px"
        margin = f";padding:{more}px;margin:-{more}px" if more else ""
        look = f"position:absolute;{at};{size}{margin}"
        boxes.append(f'<i style="{look}" title="{escape(tip)}"></i>')
    canvas = Canvas(picture)
    place = f"left:{canvas.box.left}px;width:{canvas.percent:.4g}%"
    inside = "".join(boxes)
    return f'<div aria-hidden="true" style="position:absolute;top:0;{place}">{inside}</div>'


def framed(picture: Picture, svg: str, over: str = "") -> str:
    """Make HTML of an `<img>` with a data address, and of what lies over it.

    An image is shown even in a notebook that its reader has not trusted.
    """
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img class="dk-still" alt="{escape(picture.alt)}" width="100%" '
        f'height="{picture.height}" style="display:block" '
        f'src="data:image/svg+xml;base64,{data}">{over}<style>{_THEME}</style>'
    )


def image(picture: Picture) -> str:
    """Make HTML of the picture with its tips over it, in a box that scrolls where it is narrow."""
    return (
        f'<div tabindex="0" style="{SCROLLER}"><div style="position:relative;'
        f'min-width:{picture.min_width}px;max-width:{MAX_WIDTH}px">'
        f"{framed(picture, to_svg(picture, fluid=True), tips(picture))}</div></div>"
    )


def stills(pictures: Sequence[Picture]) -> dict[str, str]:
    """The pictures below one another as a notebook output: image/svg+xml and text/html."""
    return {
        "image/svg+xml": to_svg(pictures[0]) if len(pictures) == 1 else stacked(pictures),
        "text/html": "".join(map(image, pictures)),
    }


def show(picture: Picture, behind: str = "") -> None:
    """Display the picture as one output of the running cell, with its description as plain text.

    A picture that would give an answer away opens on demand, with `behind` as the words to click.
    """
    data = stills([picture])
    if behind:
        data["text/html"] = folded(behind, data["text/html"])
    output({**data, "text/plain": picture.alt})
