"""A picture as a Bokeh figure: the same marks and axes, live; title and legend are SVG below it."""

from __future__ import annotations

import re
from math import pi
from typing import Any, Final

from bokeh import models
from bokeh.core.properties import field
from bokeh.models.glyph import Glyph
from bokeh.plotting import figure

from devmemkit.figures import marks
from devmemkit.figures.frame import MAX_WIDTH, fitted, frame, plate, ticks
from devmemkit.figures.marks import Axis, Picture
from devmemkit.figures.theme import MUTED, ROLES, STYLES, tint

Columns = dict[str, list[Any]]

HATCHED: Final = tuple(name for name, role in ROLES.items() if role.hatch != " ")
_SIDES: Final = ("left", "right", "top", "bottom")
_TIP: Final = (
    '<div style="margin:4px 0;white-space:pre-line;max-width:340px;font-size:12px;color:#1b1f27">'
    "@tip</div>"
)


def _columns(names: tuple[str, ...], rows: list[marks.Mark]) -> Columns:
    return {name: [getattr(row, name) for row in rows] for name in names}


def sources(picture: Picture) -> dict[str, Columns]:
    """The columns of every data source by name, a kind of mark or `rect/role`; lowest first.

    `rect/role` is a pattern: BokehJS draws patterns anew with each change of their source. Empty
    sources are included, as a redraw may fill them.
    """
    drawn = picture.marks
    styles = [STYLES[text.style] for text in drawn.texts]
    texts = _columns(("x", "y", "role", "anchor", "dx"), drawn.texts) | {
        "text": fitted(picture),
        "plate": [plate(picture, text) for text in drawn.texts],
        "font": [style.family for style in styles],
        "size": [f"{style.size}px" for style in styles],
        "weight": [style.weight for style in styles],
        "angle": [pi / 2 * text.turned for text in drawn.texts],
    }
    hatched = {name: [rect for rect in drawn.rects if rect.role == name] for name in HATCHED}
    return {
        "rect": _columns(marks.Rect._fields, drawn.rects),
        **{f"rect/{name}": _columns(_SIDES, rects) for name, rects in hatched.items()},
        "line": _columns(marks.Line._fields, drawn.lines),
        "outline": _columns(marks.Rect._fields, drawn.outlines),
        "marker": _columns(marks.Marker._fields, drawn.markers)
        | {"size": [20 if mark.shape == "dot" else 10 for mark in drawn.markers]},  # a dot is small
        "text": texts,
    }


def hovered(picture: Picture) -> tuple[str, ...]:
    """The kinds of mark that have tips."""
    found = sources(picture)
    return tuple(kind for kind in ("rect", "line", "marker") if any(found[kind]["tip"]))


def literal(text: str) -> str:
    """Break up what Bokeh would set as a formula."""
    return re.sub(r"(?<=\$)(?=\$)|(?<=\\)(?=[(\[])", "\u200b", text)


def _glyphs() -> dict[str, Glyph]:
    """A glyph for each source, by its name.

    They share the look-ups from role to colour, which hold every role, as a redraw may show others
    than the first drawing. A pattern has a glyph of its own: BokehJS would make the patterns of a
    glyph with several anew for each mark.
    """
    lines = [role.light for role in ROLES.values()]
    fills = [tint(role)[0] for role in ROLES]
    line, fill, plated = (
        field(
            name,
            models.CategoricalColorMapper(
                factors=list(ROLES), palette=palette, nan_color="#00000000"
            ),
        )
        for name, palette in (("role", lines), ("role", fills), ("plate", fills))
    )
    rounded: Any = {"border_radius": 2}  # Bokeh's own type hints refuse a number here
    written: Any = {"text_font": "font", "text_font_size": "size", "text_font_style": "weight"}
    written |= {"angle": "angle", "padding": 1}
    glyphs: dict[str, Glyph] = {
        "rect": models.Quad(line_color=line, fill_color=fill, **rounded),
        "line": models.Segment(line_color=line, line_dash="dash", line_width=1.5),
        "outline": models.Quad(line_color=line, fill_color=None, line_width=2, **rounded),
        "marker": models.Scatter(
            marker="shape", size="size", line_color=line, line_width=2, fill_color=line
        ),
        "text": models.Text(
            text_color=line,
            text_align="anchor",
            text_baseline="middle",
            x_offset="dx",
            background_fill_color=plated,
            **written,
        ),
    }
    for name in HATCHED:
        look: Any = {"hatch_color": ROLES[name].light, "hatch_pattern": ROLES[name].hatch}
        look |= {"hatch_alpha": 0.35, "hatch_scale": 10, **rounded}
        glyphs[f"rect/{name}"] = models.Quad(line_color=None, fill_color=None, **look)
    return glyphs


def _axis(guide: Any, axis: Axis) -> None:
    guide.visible = bool(axis.ticks or axis.label)
    if not guide.visible:
        return
    guide.ticker = models.FixedTicker(ticks=[at for at, _ in axis.ticks])
    guide.major_label_overrides = {at: literal(label) for at, label in ticks(axis)}
    guide.axis_label = literal(axis.label) if axis.label else None
    guide.minor_tick_line_color = None
    guide.major_tick_in, guide.major_tick_out = 0, 4
    guide.axis_line_color = guide.major_tick_line_color = MUTED[0]
    guide.axis_line_alpha = 1 if axis.ticks else 0
    for part, style in (("major_label", STYLES["code"]), ("axis_label", STYLES["small"])):
        setattr(guide, f"{part}_text_color", MUTED[0])
        setattr(guide, f"{part}_text_font", style.family)
        setattr(guide, f"{part}_text_font_size", f"{style.size}px")
        setattr(guide, f"{part}_text_font_style", style.weight)


def to_figure(picture: Picture) -> figure:
    """The picture as a Bokeh figure; its `sources` carry their names."""
    borders: Any = {f"min_border_{side}": px for side, px in frame(picture)._asdict().items()}
    fig = figure(
        height=picture.height,
        min_width=picture.min_width,
        max_width=MAX_WIDTH,
        sizing_mode="stretch_width",
        x_range=models.Range1d(start=picture.x.start, end=picture.x.end),
        y_range=models.Range1d(start=picture.y.start, end=picture.y.end),
        tools=[models.PanTool(), models.WheelZoomTool(), models.ResetTool()],
        toolbar_location="above",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        **borders,
    )
    fig.toolbar.update(logo=None, autohide=True, active_drag=None, active_scroll=None)
    fig.center = []  # no grid
    _axis(fig.xaxis[0], picture.x)
    _axis(fig.yaxis[0], picture.y)
    glyphs = _glyphs()
    drawn = {
        name: fig.add_glyph(models.ColumnDataSource(data, name=name), glyphs[name])
        for name, data in sources(picture).items()
    }
    if kinds := hovered(picture):
        renderers: Any = [drawn[kind] for kind in kinds]
        fig.add_tools(
            models.HoverTool(
                renderers=renderers, tooltips=_TIP, point_policy="follow_mouse", visible=False
            )
        )
    return fig
