"""The SVG: well-formed, self-contained, the same bytes every time, marks where they belong."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.figures.frame import WIDTH, frame
from devmemkit.figures.marks import Axis, Marks, Picture, cleaned
from devmemkit.figures.show import tips
from devmemkit.figures.svg import SHAPES, backdrop, stacked, to_svg
from devmemkit.figures.theme import ROLES
from tests.figures.pictures import HOSTILE, address_map, timeline

NS = "{http://www.w3.org/2000/svg}"


def parse(picture):
    return ElementTree.fromstring(to_svg(picture))


def all_texts(root):
    return [text.text for text in root.iter(NS + "text")]


@pytest.mark.parametrize("picture", [address_map(), timeline()], ids=lambda p: p.name)
def test_nothing_runs_and_nothing_is_fetched(picture):
    root = parse(picture)
    assert {element.tag.removeprefix(NS) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "text", "circle",
        "line", "g",
    }  # fmt: skip
    for element in root.iter():
        assert not {name for name in element.attrib if name.startswith("on") or "href" in name}
    style = root.find(NS + "style").text
    assert "@media screen and (prefers-color-scheme:dark)" in style
    assert set(re.findall(r"url\((.)", style)) <= {"#"}
    assert "@import" not in style


def test_title_and_description_say_what_the_picture_says():
    picture = address_map()
    root = parse(picture)
    assert root.get("role") == "img"
    assert root.find(NS + "title").text == picture.title
    assert root.find(NS + "desc").text == picture.alt
    assert cleaned(HOSTILE) in picture.alt


def test_every_class_has_a_rule_and_every_pattern_exists():
    for picture in (address_map(), timeline()):
        root = parse(picture)
        style = root.find(NS + "style").text
        classes = {c for element in root.iter() for c in element.get("class", "").split()}
        assert classes
        assert [c for c in classes if f".{c}{{" not in style] == []
        patterns = {pattern.get("id") for pattern in root.iter(NS + "pattern")}
        assert set(re.findall(r"url\(#([^)]*)\)", style)) <= patterns


def test_rects_lie_where_the_axes_put_them():
    marks = Marks()
    marks.rect(0, 50, 5, 0, "ok")
    down = Picture("p", "", "alt", Axis("", 0, 100), Axis("", 10, 0), marks, 300)
    box = frame(down)
    height = (300 - box.top - box.bottom) / 2

    def drawn(picture):
        inside = parse(picture).find(f"{NS}svg")
        assert inside.get("x") == str(box.left)
        assert inside.get("width") == str(WIDTH - box.left - box.right)
        rect = inside.find(f"{NS}g[@class='dk-q-ok']/{NS}rect")
        return [rect.get(name) for name in ("x", "width", "y", "height")]

    assert drawn(down) == ["0%", "50%", f"{box.top:g}", f"{height:g}"]
    up = replace(down, y=Axis("", 0, 10))
    assert drawn(up) == ["0%", "50%", f"{box.top + height:g}", f"{height:g}"]


def test_a_fluid_one_differs_in_its_widths_and_leaves_out_the_tips():
    fixed, fluid = (to_svg(timeline(), fluid=fluid).split("\n") for fluid in (False, True))
    changed = zip(fixed, fluid, strict=True)
    assert [a.split()[0] for a, b in changed if a != b] == ["<svg", "<svg"]
    assert "viewBox" not in "".join(fluid)
    assert "<title>page 0" in to_svg(address_map())
    assert "page 0" not in to_svg(address_map(), fluid=True)


def test_a_backdrop_is_the_fluid_picture_without_marks_and_axes():
    picture = address_map()
    fluid, below = (draw(picture) for draw in (lambda p: to_svg(p, fluid=True), backdrop))
    lines = [line for line in below.split("\n") if not line.startswith("<style>")]
    assert set(lines) < set(fluid.split("\n"))
    labels = all_texts(ElementTree.fromstring(below))[-4:]
    assert (labels[0], labels[2:]) == ("unclaimed", ["live page", "zapped page"])


def tipped():
    """A picture with a tip of each kind."""
    marks = Marks()
    marks.rect(0, 50, 5, 0, "ok", f"a rect\n{HOSTILE}")
    marks.line(0, 1, 100, 1, "grid", tip="a line")
    marks.marker(25, 5, "x", "ok", "a marker")
    marks.marker(75, 5, "x", "ok")
    return Picture("p", "", "alt", Axis("", 0, 100), Axis("", 0, 10), marks, 300)


def test_every_tip_is_the_title_of_its_mark():
    groups = [e for e in parse(tipped()).iter(NS + "g") if e.find(NS + "title") is not None]
    assert [group.find(NS + "title").text for group in groups] == [
        f"a rect\n{cleaned(HOSTILE)}", "a line", "a marker",
    ]  # fmt: skip
    assert [group[1].tag.removeprefix(NS) for group in groups] == ["rect", "line", "svg"]


def test_tips_over_an_image_are_attributes_where_the_marks_are():
    picture = tipped()
    box = frame(picture)
    root = ElementTree.fromstring(tips(picture))
    width = 100 - 100 * (box.left + box.right) / picture.min_width
    assert f"left:{box.left}px;width:{width:.4g}%" in root.get("style")
    assert [one.get("title").split()[1] for one in root] == ["rect", "line", "marker"]
    assert "".join(root.itertext()) == ""
    middle, bottom = (box.top + 300 - box.bottom) / 2, 300 - box.bottom
    at = f"left:0%;top:{middle:g}px;width:50%;height:{bottom - middle:g}px"
    assert root[0].get("style") == f"position:absolute;{at}"
    assert root[2].get("style").startswith(f"position:absolute;left:25%;top:{middle:g}px;width:0%")


def test_stacked_pictures_follow_each_other():
    root = ElementTree.fromstring(stacked([address_map(), timeline()]))
    assert [inner.get("y") for inner in root] == ["0", "300"]
    assert root.get("height") == "520"


def test_dead_and_claimed_areas_carry_a_pattern_too():
    style = parse(address_map()).find(NS + "style").text
    for role in ("zapped", "claimed"):
        assert f".dk-q-{role}{{fill:url(#dk-{role})" in style
    assert ".dk-q-ok{fill:#" in style


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_and_role_can_be_drawn(shape):
    marks = Marks()
    for x, role in enumerate(ROLES):
        marks.marker(x, 0, shape, role)
    root = parse(replace(timeline(), marks=marks, legend=()))
    drawn = [e for e in root.iter() if re.match("dk-[mx]-", e.get("class", ""))]
    assert len(drawn) == len(ROLES)


@given(st.text(st.characters(codec=None, exclude_categories=()), min_size=1))
def test_any_name_stays_text(name):
    marks = Marks()
    marks.text(0, 0, name)
    picture = replace(timeline(), title=name, alt=f"a {name}", marks=marks, legend=())
    svg = to_svg(picture)
    svg.encode()
    shown = cleaned(name).replace("\r\n", "\n").replace("\r", "\n")  # as XML reads line ends
    assert shown in all_texts(ElementTree.fromstring(svg))
