"""A picture as a Bokeh figure: the same marks, live; and as JSON that never differs."""

from __future__ import annotations

import re
from typing import Any, Final

from bokeh.core.properties import field
from bokeh.embed import json_item
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
from devmemkit.figures.marks import REQUIRED, Axis, Layer, Picture
from devmemkit.figures.theme import INK, MUTED, ROLES, STYLES, tint

_HATCH: Final[dict[str, Any]] = {"hatch_alpha": 0.35, "hatch_scale": 10}
_ROUND: Final[Any] = 2
_NONE: Final[Any] = 0  # Bokeh's own hints of types leave out that a number is fine here
_DEFAULTS: Final = frozenset(
    ["AllLabels", "BasicTickFormatter", "CDSView", "LinearScale", "Selection", "UnionRenderers"]
)
HATCHED: Final = tuple(name for name, role in ROLES.items() if role.hatch != " ")
_TIP: Final = (
    '<div style="margin:4px 0;white-space:pre-line;max-width:340px;font-size:12px;color:#1b1f27">'
    "@tip</div>"
)


def columns(picture: Picture, layer: Layer) -> dict[str, list[Any]]:
    """What the layer's data source holds: the marks' columns, and what Bokeh needs beside them."""
    data = {name: list(values) for name, values in layer.columns.items()}
    if layer.kind == "segment":
        data["dash"] = list(layer.column("dash"))
    elif layer.kind == "text":
        styles = [STYLES[name] for name in layer.column("style")]
        data |= {
            "text": list(fitted(picture, layer)),
            "anchor": list(layer.column("anchor")),
            "dx": list(layer.column("dx")),
            "dy": list(layer.column("dy")),
            "font": [style.family for style in styles],
            "size": [f"{style.size}px" for style in styles],
            "weight": [style.weight for style in styles],
        }
        data.pop("room", None)
        data.pop("style", None)
    return data


def hatched(layer: Layer, role: str) -> dict[str, list[Any]]:
    """Where the layer's marks of one role are: what the data source of its pattern holds."""
    rows = [row for row, name in enumerate(layer.columns["role"]) if name == role]
    return {place: [layer.columns[place][row] for row in rows] for place in REQUIRED["quad"]}


def sources(picture: Picture, *, redrawn: bool = False) -> dict[str, dict[str, list[Any]]]:
    """The columns of every data source by name: that of each layer, and `layer/role` of patterns.

    A pattern has a source of its own, as BokehJS draws patterns anew with each change of their
    source. A figure that is to be `redrawn` has those of all roles, not only of those it shows.
    """
    found = {}
    for layer in picture.layers:
        found[layer.name] = columns(picture, layer)
        if layer.kind == "quad":
            shown = set(ROLES if redrawn else layer.column("role"))
            for name in HATCHED:
                if name in shown:
                    found[f"{layer.name}/{name}"] = hatched(layer, name)
    return found


def literal(text: str) -> str:
    """The text such that Bokeh does not set a part of it as a formula."""
    return re.sub(r"(?<=\$)(?=\$)|(?<=\\)(?=[(\[])", "\u200b", text)


class _Pen:
    """Draws layers on one figure; all glyphs share the look-ups from role to colour and pattern.

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
        look: dict[str, Any] = {name: name for name in REQUIRED[kind]}
        if kind == "text":
            look |= {"text_color": self.line, "text_align": "anchor", "text_baseline": "middle"}
            look |= {"text_font": "font", "text_font_size": "size", "text_font_style": "weight"}
            return Text(x_offset="dx", y_offset="dy", **look)
        look["line_color"] = self.line
        if kind == "segment":
            return Segment(line_dash="dash", line_width=1.5, **look)
        if kind == "marker":
            look["marker"] = look.pop("shape")
            return Scatter(size=10, line_width=2, fill_color=self.line, **look)
        look["border_radius"] = _ROUND
        if kind == "outline":
            return Quad(line_width=2, fill_color=None, **look)
        return Quad(fill_color=self.fill, **look)

    def draw(self, kind: str, source: ColumnDataSource) -> Any:
        return self.fig.add_glyph(source, self.glyph(kind))

    def hatch(self, source: ColumnDataSource, name: str) -> None:
        """One glyph a pattern: where marks differ BokehJS makes the pattern of each mark anew."""
        role = ROLES[name]
        places: Any = {place: place for place in REQUIRED["quad"]}
        look: Any = {"hatch_color": role.light, "hatch_pattern": role.hatch, **_HATCH}
        glyph = Quad(fill_color=None, line_color=None, border_radius=_ROUND, **places, **look)
        self.fig.add_glyph(source, glyph)

    def swatch(self, kind: str, source: ColumnDataSource) -> Any:
        """A glyph for legends only, with its pattern."""
        glyph = self.glyph(kind)
        if isinstance(glyph, Quad) and kind == "quad":
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
    places = {name for entry in listed for name in REQUIRED[entry.kind]}
    source = ColumnDataSource(
        dict.fromkeys(sorted(places), [0] * len(listed))
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


def to_figure(picture: Picture, *, redrawn: bool = False) -> figure:
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
    layers = {layer.name: layer for layer in picture.layers}
    hovered: list[Any] = []
    for name, data in sources(picture, redrawn=redrawn).items():
        source = ColumnDataSource(data, name=name)
        if name not in layers:
            pen.hatch(source, name.partition("/")[2])
            continue
        renderer = pen.draw(layers[name].kind, source)
        if "tip" in data:
            hovered.append(renderer)
    if hovered:
        fig.add_tools(
            HoverTool(renderers=hovered, tooltips=_TIP, point_policy="follow_mouse", visible=False)
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


def _is_default(part: Any) -> bool:
    """Whether BokehJS makes this model by itself."""
    return isinstance(part, dict) and part.get("name") in _DEFAULTS


def to_json(picture: Picture, *, redrawn: bool = False) -> dict[str, Any]:
    """What BokehJS embeds, under the picture's name; the same for the same picture at any time.

    Bokeh numbers its models through the whole process; here they count from 1 in each picture,
    without those that BokehJS makes by itself.
    """
    item: Any = json_item(to_figure(picture, redrawn=redrawn))
    ids: dict[str, str] = {}

    def renumber(value: Any) -> Any:
        if isinstance(value, list):
            return [renumber(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: ids.setdefault(one, f"{picture.name}-{len(ids) + 1}")
            if key == "id"
            else renumber(one)
            for key, one in value.items()
            if not _is_default(one)
        }

    return {
        "target_id": picture.name,
        "doc": renumber(item["doc"]),
        "root_id": ids[item["root_id"]],
    }
