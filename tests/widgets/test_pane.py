"""The pane: messages of a redraw, whole figures where needed, SVG where Bokeh is missing."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.figures.bokeh_figure import sources
from devmemkit.figures.marks import Marks
from devmemkit.figures.show import framed, image, stills
from devmemkit.figures.svg import backdrop
from devmemkit.widgets.pane import Pane

pictures = runpy.run_path(str(Path(__file__).parents[1] / "figures" / "pictures.py"))
address_map, timeline = pictures["address_map"], pictures["timeline"]


@pytest.fixture
def pane():
    pane = Pane(address_map(1))
    yield pane
    pane.close()


def changes(pane, picture):
    """The names of the traits that drawing changes, and in how many messages they are sent."""
    names, messages = set(), []
    pane.observe(lambda change: names.add(change["name"]), ["item", "state", "still", "place"])
    pane.send_state = lambda keys: messages.append(set(keys))
    pane.draw(picture)
    return names, sum(map(bool, messages))


def names_in(value):
    """Every `name` in Bokeh's JSON."""
    if isinstance(value, list):
        return {name for one in value for name in names_in(one)}
    if not isinstance(value, dict):
        return set()
    inner = {name for one in value.values() for name in names_in(one)}
    return inner | {value["name"]} if isinstance(value.get("name"), str) else inner


def test_first_picture_is_sent_whole(pane):
    assert pane.item["target_id"] == "address-map"
    assert sources(address_map(1)).keys() <= names_in(pane.item["doc"])
    assert pane.still == ""
    assert repr(pane) == "Pane('address-map')"


def test_other_data_is_one_message_without_the_figure(pane):
    picture = replace(address_map(3), title="Another title of two lines " * 2)
    assert changes(pane, picture) == ({"state"}, 1)
    assert pane.state == {
        "backdrop": framed(picture, backdrop(picture)),
        "alt": picture.alt,
        "height": 300,
        "axes": [
            {"label": "", "start": 0, "end": 100, "ticks": []},
            {
                "label": "physical address",
                "start": 0,
                "end": 5.4,
                "ticks": pane.state["axes"][1]["ticks"],
            },
        ],
        "columns": sources(picture),
    }


def test_same_picture_sends_nothing(pane):
    assert changes(pane, address_map(1)) == (set(), 0)


@pytest.mark.parametrize(
    "other",
    [
        timeline(),
        address_map(1, name="another-map"),
        replace(address_map(1), legend=()),
        replace(address_map(1), title=""),
        replace(address_map(1), marks=Marks()),
        replace(address_map(1), y=replace(address_map(1).y, ticks=((1, "0"),))),
    ],
    ids=["picture", "name", "legend", "title", "no tips", "narrower ticks"],
)
def test_another_structure_is_one_message_with_the_figure(pane, other):
    before = pane.item
    names, messages = changes(pane, other)
    assert ("item" in names, messages) == (True, 1)
    assert pane.item != before
    assert pane.item["target_id"] == other.name


def test_more_marks_of_any_kind_are_only_data(pane):
    picture = address_map(1)
    picture.marks.rect(0, 1, 0, 1, "reserved", "another")
    picture.marks.line(0, 0, 1, 1, "grid")
    picture.marks.outline(0, 1, 0, 1, "now")
    picture.marks.marker(0, 0, "x", "error")
    assert changes(pane, picture)[0] == {"state"}


def test_another_height_or_scale_is_only_state(pane):
    picture = replace(address_map(1), height=400, y=replace(address_map(1).y, end=9))
    assert changes(pane, picture) == ({"state"}, 1)
    assert (pane.state["height"], pane.state["axes"][1]["end"]) == (400, 9)


def test_as_an_output_it_is_a_still_picture_too(pane):
    data, _ = pane._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == address_map(1).alt
    assert {kind: data[kind] for kind in stills([address_map(1)])} == stills([address_map(1)])


def test_without_bokeh_it_draws_svg(monkeypatch):
    monkeypatch.setattr(Pane, "live", False)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    pane = Pane(address_map(1))
    assert (pane.item, pane.state) == ({}, {})
    assert pane.still == image(address_map(1))
    assert changes(pane, timeline()) == ({"still", "place"}, 1)
    assert pane.still == image(timeline())
    assert (pane.place["x"], pane.place["y"]) == ([0, 3], [-0.5, 2.5])
    pane.close()
