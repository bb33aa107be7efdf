"""The Bokeh figure: the picture's own data, and JSON that neither order nor hash seed changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import HOSTILE, address_map, timeline

from devmemkit.figures.bokeh_figure import literal, sources, to_figure, to_json
from devmemkit.figures.marks import printable
from devmemkit.figures.theme import ROLES

PROGRAM = """
import json, sys
from pictures import address_map, timeline
from devmemkit.figures.bokeh_figure import to_json
pictures = [address_map(), timeline()]
if sys.argv[1] == "backwards":
    list(map(to_json, reversed(pictures)))
print(json.dumps(list(map(to_json, pictures))))
"""


def models(item):
    """Every model in the JSON, by depth-first order."""
    if isinstance(item, list):
        return [model for one in item for model in models(one)]
    if not isinstance(item, dict):
        return []
    inner = [model for one in item.values() for model in models(one)]
    return [item, *inner] if item.get("type") == "object" else inner


@pytest.mark.parametrize("picture", [address_map(), timeline()], ids=lambda p: p.name)
def test_sources_hold_the_layers_columns_under_the_layers_names(picture):
    figure = to_figure(picture)
    for layer in picture.layers:
        data = figure.select_one({"name": layer.name}).data
        for name in set(layer.columns) - {"style", "room", "text"}:
            assert tuple(data[name]) == layer.columns[name]


def test_axes_run_as_the_picture_says():
    picture = timeline()
    figure = to_figure(picture)
    assert (figure.y_range.start, figure.y_range.end) == (picture.y.start, picture.y.end)
    [axis] = figure.xaxis
    assert axis.ticker.ticks == [0.5, 1.5, 2.5]
    assert axis.major_label_overrides == {0.5: "1", 1.5: "2", 2.5: "3"}


def glyphs(figure, name):
    """The glyphs of a layer, each with the role of its pattern, None for the marks themselves."""
    return {
        r.data_source.name.partition("/")[2] or None: r.glyph
        for r in figure.renderers
        if r.data_source.name and r.data_source.name.split("/")[0] == name
    }


def test_patterns_and_colours_come_from_the_roles():
    found = glyphs(to_figure(address_map()), "pages")
    line = found.pop(None).line_color.transform
    assert dict(zip(line.factors, line.palette, strict=True)) == {
        name: role.light for name, role in ROLES.items()
    }
    assert {name: glyph.hatch_pattern for name, glyph in found.items()} == {"zapped": "x"}
    assert found["zapped"].hatch_color == ROLES["zapped"].light


def test_a_pattern_is_where_the_marks_of_its_role_are():
    picture = address_map()
    [layer] = [layer for layer in picture.layers if layer.name == "pages"]
    marks = zip(*(layer.columns[name] for name in ("left", "bottom", "role")), strict=True)
    zapped = [(left, bottom) for left, bottom, role in marks if role == "zapped"]
    pattern = sources(picture)["pages/zapped"]
    assert zapped
    assert list(zip(pattern["left"], pattern["bottom"], strict=True)) == zapped


def test_what_is_to_be_redrawn_has_every_pattern_and_keeps_it_in_json():
    every = {name: role.hatch for name, role in ROLES.items() if role.hatch != " "}
    found = glyphs(to_figure(address_map(), redrawn=True), "pages")
    del found[None]
    assert {name: glyph.hatch_pattern for name, glyph in found.items()} == every
    text = json.dumps(to_json(address_map(), redrawn=True))
    assert text.count('"pages/') == len(every)
    assert "AllIndices" not in text


def test_json_is_the_same_in_any_order_and_under_any_hash_seed():
    def run(order, seed):
        paths = [str(Path(__file__).parent), *sys.path]
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-c", PROGRAM, order]
        return subprocess.run(command, env=env, check=True, capture_output=True).stdout

    assert run("forwards", "1") == run("backwards", "2")


def test_ids_count_from_one_in_each_picture():
    item = to_json(timeline())
    found = [model["id"] for model in models(item)]
    assert found == [f"timeline-{i + 1}" for i in range(len(found))]
    assert item["root_id"] in found


def test_no_name_becomes_a_formula():
    assert literal("a $$x$$ \\[y\\] \\(z\\) $5") == (
        "a $\u200b$x$\u200b$ \\\u200b[y\\] \\\u200b(z\\) $5"
    )
    text = json.dumps(to_json(address_map())["doc"]["roots"][0]["attributes"]["title"])
    assert "$$" in HOSTILE
    assert "$$" not in text


def test_hostile_names_pass_unchanged_as_data():
    tips = to_figure(address_map()).select_one({"name": "tree"}).data["tip"]
    assert printable(HOSTILE) in tips[1]
