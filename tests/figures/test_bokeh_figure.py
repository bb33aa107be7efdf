"""The Bokeh figure: the picture's own data, and names that stay names."""

import pytest

from devmemkit.figures.bokeh_figure import hovered, literal, sources, to_figure
from devmemkit.figures.marks import cleaned
from devmemkit.figures.theme import ROLES
from tests.figures.pictures import HOSTILE, address_map, column, timeline


@pytest.mark.parametrize("picture", [address_map(), timeline()], ids=lambda p: p.name)
def test_sources_hold_the_marks_by_kind(picture):
    figure = to_figure(picture)
    for kind in ("rect", "line", "outline", "marker", "text"):
        data = figure.select_one({"name": kind}).data
        rows = getattr(picture.marks, f"{kind}s")
        for name in {*data} - {"text", "font", "size", "weight", "angle", "plate"}:
            assert data[name] == [getattr(row, name) for row in rows]


def test_axes_run_as_the_picture_says():
    picture = timeline()
    figure = to_figure(picture)
    assert (figure.y_range.start, figure.y_range.end) == (picture.y.start, picture.y.end)
    [axis] = figure.xaxis
    assert axis.ticker.ticks == [0.5, 1.5, 2.5]
    assert axis.major_label_overrides == {0.5: "1", 1.5: "2", 2.5: "3"}


def test_marks_lie_above_each_other_as_in_the_svg():
    names = [r.data_source.name for r in to_figure(address_map()).renderers if r.data_source.name]
    assert names[0] == "rect"
    assert {name.split("/")[0] for name in names[:-4]} == {"rect"}
    assert names[-4:] == ["line", "outline", "marker", "text"]


def test_patterns_and_colours_come_from_the_roles():
    figure = to_figure(address_map())
    glyphs = {r.data_source.name: r.glyph for r in figure.renderers}
    line = glyphs["rect"].line_color.transform
    assert dict(zip(line.factors, line.palette, strict=True)) == {
        name: role.light for name, role in ROLES.items()
    }
    patterns = {f"rect/{name}": role for name, role in ROLES.items() if role.hatch != " "}
    assert {name for name in glyphs if name and "/" in name} == patterns.keys()
    for name, role in patterns.items():
        assert (glyphs[name].hatch_pattern, glyphs[name].hatch_color) == (role.hatch, role.light)


def test_a_pattern_is_where_the_marks_of_its_role_are():
    picture = address_map()
    zapped = [(r.left, r.bottom) for r in picture.marks.rects if r.role == "zapped"]
    pattern = sources(picture)["rect/zapped"]
    assert zapped
    assert list(zip(pattern["left"], pattern["bottom"], strict=True)) == zapped


def test_only_marks_with_tips_are_hovered():
    assert hovered(address_map()) == ("rect",)
    assert hovered(timeline()) == ()
    [hover] = [tool for tool in to_figure(address_map()).tools if hasattr(tool, "tooltips")]
    assert [renderer.data_source.name for renderer in hover.renderers] == ["rect"]


def test_no_name_becomes_a_formula():
    assert literal("a $$x$$ \\[y\\] \\(z\\) $5") == (
        "a $\u200b$x$\u200b$ \\\u200b[y\\] \\\u200b(z\\) $5"
    )
    [labels] = [axis.major_label_overrides.values() for axis in to_figure(address_map()).yaxis]
    assert "$$" in HOSTILE
    assert not any("$$" in label for label in labels)


def test_hostile_names_pass_unchanged_as_data():
    tips = to_figure(address_map()).select_one({"name": "rect"}).data["tip"]
    assert cleaned(HOSTILE) in tips[1]
    assert tips == column(address_map(), "rects", "tip")
