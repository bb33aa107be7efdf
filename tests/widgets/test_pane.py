"""The pane: what a redraw sends, and when it has to send a whole figure."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.figures.bokeh_figure import sources, to_json
from devmemkit.figures.marks import Layer
from devmemkit.widgets.pane import BokehPane

pictures = runpy.run_path(str(Path(__file__).parents[1] / "figures" / "pictures.py"))
address_map, timeline = pictures["address_map"], pictures["timeline"]


@pytest.fixture
def pane():
    pane = BokehPane(address_map(1))
    yield pane
    pane.close()


def changes(pane, picture):
    """The names of the traits that drawing changes, and in how many messages they are sent."""
    names, messages = set(), []
    pane.observe(lambda change: names.add(change["name"]), ["item", "state"])
    pane.send_state = lambda keys: messages.append(set(keys))
    pane.draw(picture)
    return names, sum(map(bool, messages))


def test_first_picture_is_sent_whole(pane):
    assert pane.item == to_json(address_map(1), redrawn=True)
    assert repr(pane) == "BokehPane('address-map')"


def test_other_data_is_one_message_without_the_figure(pane):
    picture = replace(address_map(3), title="Another title")
    assert changes(pane, picture) == ({"state"}, 1)
    assert pane.state == {
        "title": "Another title",
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
        "columns": sources(picture, redrawn=True),
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
        replace(address_map(1), layers=address_map(1).layers[:2]),
        replace(address_map(1), y=replace(address_map(1).y, ticks=((1, "0"),))),
    ],
    ids=["picture", "name", "legend", "title", "layers", "narrower ticks"],
)
def test_another_structure_is_one_message_with_the_figure(pane, other):
    names, messages = changes(pane, other)
    assert ("item" in names, messages) == (True, 1)
    assert pane.item == to_json(other, redrawn=True)


def test_more_marks_are_only_data(pane):
    first, *others = address_map(1).layers
    longer = {name: (*values, values[0]) for name, values in first.columns.items()}
    picture = replace(address_map(1), layers=(Layer(first.name, "quad", longer), *others))
    assert changes(pane, picture)[0] == {"state"}


def test_another_height_or_scale_is_only_state(pane):
    picture = replace(address_map(1), height=400, y=replace(address_map(1).y, end=9))
    assert changes(pane, picture) == ({"state"}, 1)
    assert (pane.state["height"], pane.state["axes"][1]["end"]) == (400, 9)
