"""A picture as a Bokeh figure: the same marks, live."""

from __future__ import annotations

import re
from typing import Any, Final

from bokeh.core.properties import field
from bokeh.models import (
    CategoricalColorMapper,
    CategoricalPatternMapper,
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    PanTool,
    Quad,
    Range1d,
    ResetTool,
    Scatter,
    Segment,
    Text,
    WheelZoomTool,
)
from bokeh.models.annotations import Legend, LegendItem
from bokeh.models.glyph import Glyph
from bokeh.plotting import figure

from devmemkit.figures import marks
from devmemkit.figures.frame import (
    EDGE,
    MAX_WIDTH,
    SWATCH,
    entries,
    fitted,
    frame,
    heading,
    legend_columns,
    ticks,
)
from devmemkit.figures.marks import Axis, Picture
from devmemkit.figures.theme import INK, MUTED, ROLES, STYLES, tint

Columns = dict[str, list[Any]]

_SIDES: Final = ("left", "right", "top", "bottom")
_HATCH: Final[dict[str, Any]] = {"hatch_alpha": 0.35, "hatch_scale": 10}
_ROUND: Final[Any] = 2
_NONE: Final[Any] = 0  # Bokeh's own type hints refuse a number here
HATCHED: Final = tuple(name for name, role in ROLES.items() if role.hatch != " ")
_TIP: Final = (
    '<div style="margin:4px 0;white-space:pre-line;max-width:340px;font-size:12px;color:#1b1f27">'
    "@tip</div>"
)


def _columns(kind: type[marks.Mark], rows: list[marks.Mark]) -> Columns:
    return {name: [getattr(row, name) for row in rows] for name in kind._fields}


def sources(picture: Picture) -> dict[str, Columns]:
    """The columns of every data source by name, a kind of mark or `rect/role`; lowest first.

    `rect/role` is a pattern: BokehJS draws patterns anew with each change of their source. Empty
    sources are included, as a redraw may fill them.
    """
    drawn = picture.marks
    texts = _columns(marks.Text, drawn.texts) | {"text": fitted(picture)}
    del texts["room"]
    styles = [STYLES[name] for name in texts.pop("style")]
    texts["font"] = [style.family for style in styles]
    texts["size"] = [f"{style.size}px" for style in styles]
    texts["weight"] = [style.weight for style in styles]
    found = {"rect": _columns(marks.Rect, drawn.rects)}
    for role in HATCHED:
        here = [rect for rect in drawn.rects if rect.role == role]
        found[f"rect/{role}"] = {side: [getattr(rect, side) for rect in here] for side in _SIDES}
    return found | {
        "line": _columns(marks.Line, drawn.lines),
        "outline": _columns(marks.Rect, drawn.outlines),
        "marker": _columns(marks.Marker, drawn.markers),
        "text": texts,
    }


def hovered(picture: Picture) -> tuple[str, ...]:
    """The kinds of mark that have tips."""
    found = sources(picture)
    return tuple(kind for kind in ("rect", "line", "marker") if any(found[kind]["tip"]))


def literal(text: str) -> str:
    """Break up what Bokeh would set as a formula."""
    return re.sub(r"(?<=\$)(?=\$)|(?<=\\)(?=[(\[])", "\u200b", text)


class _Pen:
    """Draws marks on one figure; all glyphs share the look-ups from role to colour.

    The look-ups hold every role, as a redraw may show others than the first drawing.
    """

    def __init__(self, fig: figure) -> None:
        factors = list(ROLES)
        lines = [role.light for role in ROLES.values()]
        fills = [tint(role)[0] for role in ROLES]
        self.fig = fig
        self.line = field("role", CategoricalColorMapper(factors=factors, palette=lines))
        self.fill = field("role", CategoricalColorMapper(factors=factors, palette=fills))

    def glyph(self, kind: str) -> Glyph:
        if kind == "text":
            look: Any = {"text_font": "font", "text_font_size": "size", "text_font_style": "weight"}
            look |= {"text_color": self.line, "text_align": "anchor", "text_baseline": "middle"}
            return Text(x="x", y="y", text="text", x_offset="dx", **look)
        look = {"line_color": self.line}
        if kind == "line":
            return Segment(
                x0="x0", y0="y0", x1="x1", y1="y1", line_dash="dash", line_width=1.5, **look
            )
        if kind == "marker":
            look |= {"size": 10, "line_width": 2, "fill_color": self.line}
            return Scatter(x="x", y="y", marker="shape", **look)
        look |= {side: side for side in _SIDES} | {"border_radius": _ROUND}
        if kind == "outline":
            return Quad(line_width=2, fill_color=None, **look)
        return Quad(fill_color=self.fill, **look)

    def draw(self, name: str, source: ColumnDataSource) -> Any:
        """Draw a source by its name, with one glyph for each pattern.

        BokehJS would make the patterns of a glyph with several anew for each mark.
        """
        kind, _, role = name.partition("/")
        glyph = self.glyph(kind)
        if role:
            look: Any = {"hatch_color": ROLES[role].light, "hatch_pattern": ROLES[role].hatch}
            glyph.update(fill_color=None, line_color=None, **look, **_HATCH)
        return self.fig.add_glyph(source, glyph)

    def swatch(self, kind: str, source: ColumnDataSource) -> Any:
        """Add a glyph for legends only, with its pattern."""
        glyph = self.glyph(kind)
        if kind == "rect":
            hatches: list[Any] = [role.hatch for role in ROLES.values()]
            mapper = CategoricalPatternMapper(factors=list(ROLES), patterns=hatches)
            glyph.update(hatch_color=self.line, hatch_pattern=field("role", mapper), **_HATCH)
        return self.fig.add_glyph(source, glyph, visible=False)


def _axis(guide: Any, axis: Axis) -> None:
    guide.visible = bool(axis.ticks or axis.label)
    if not guide.visible:
        return
    guide.ticker = FixedTicker(ticks=[at for at, _ in axis.ticks])
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


def _legend(pen: _Pen, picture: Picture, indent: int) -> Any:
    # Bokeh takes a swatch from a row of a renderer: these renderers exist for nothing else.
    listed = entries(picture)
    source = ColumnDataSource(
        dict.fromkeys((*_SIDES, "x", "y", "x0", "y0", "x1", "y1"), [0] * len(listed))
        | {
            "role": [entry.role for entry in listed],
            "shape": [entry.shape or "circle" for entry in listed],
            "dash": ["solid"] * len(listed),
        }
    )
    kinds = dict.fromkeys(entry.kind for entry in listed)
    renderers = {kind: pen.swatch(kind, source) for kind in kinds}
    items = [
        LegendItem(
            label={"value": literal(entry.label)}, renderers=[renderers[entry.kind]], index=index
        )
        for index, entry in enumerate(listed)
    ]
    style = STYLES["small"]
    return Legend(
        items=items,
        orientation="horizontal",
        ncols=len(legend_columns(picture)),
        location=(-indent, -5),
        margin=0,
        padding=_NONE,
        spacing=8,
        label_standoff=6,
        glyph_width=SWATCH,
        glyph_height=SWATCH - 4,
        label_height=0,
        label_text_font=style.family,
        label_text_font_size=f"{style.size}px",
        label_text_color=INK[0],
        border_line_color=None,
        background_fill_color=None,
    )


def to_figure(picture: Picture) -> figure:
    """The picture as a Bokeh figure; its `sources` carry their names."""
    box = frame(picture)
    fig = figure(
        height=picture.height,
        min_width=picture.min_width,
        max_width=MAX_WIDTH,
        sizing_mode="stretch_width",
        x_range=Range1d(start=picture.x.start, end=picture.x.end),
        y_range=Range1d(start=picture.y.start, end=picture.y.end),
        tools=[PanTool(), WheelZoomTool(), ResetTool()],
        toolbar_location="above",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_left=box.left,
        min_border_right=box.right,
        min_border_bottom=box.bottom,
        min_border_top=box.top,
    )
    fig.toolbar.logo = None
    fig.toolbar.autohide = True
    fig.toolbar.active_drag = fig.toolbar.active_scroll = None
    fig.center = []  # no grid
    _axis(fig.xaxis[0], picture.x)
    _axis(fig.yaxis[0], picture.y)
    pen = _Pen(fig)
    drawn = {
        name: pen.draw(name, ColumnDataSource(data, name=name))
        for name, data in sources(picture).items()
    }
    renderers = [drawn[kind] for kind in hovered(picture)]
    if renderers:
        fig.add_tools(
            HoverTool(
                renderers=renderers, tooltips=_TIP, point_policy="follow_mouse", visible=False
            )
        )
    if picture.legend:
        fig.add_layout(_legend(pen, picture, box.left - EDGE), "above")
    if picture.title:
        style = STYLES["title"]
        title: Any = fig.title
        title.text = literal(heading(picture))
        title.offset = EDGE - box.left
        title.text_color = INK[0]
        title.text_font = style.family
        title.text_font_size = f"{style.size}px"
    return fig
