"""The notebook output: one small bundle, an image without scripts, nothing that can break out."""

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from time import perf_counter

import pytest
from pictures import HOSTILE, address_map, timeline

from devmemkit.figures import show as module
from devmemkit.figures.bokeh_figure import to_json
from devmemkit.figures.marks import printable
from devmemkit.figures.show import bokeh_script, bundle, kit_script, show
from devmemkit.figures.svg import to_svg


class Reader(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements[-1][0] == "script":
            self.scripts.append(data)


@pytest.fixture(params=[address_map(), timeline()], ids=lambda p: p.name)
def picture(request):
    return request.param


def test_the_image_in_the_html_is_the_svg(picture):
    made = bundle(picture)
    reader = Reader(made["text/html"])
    assert [tag for tag, _ in reader.elements] == ["div", "div", "img", "script"]
    image = reader.elements[2][1]
    data = image["src"].removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(data).decode() == to_svg(picture, fluid=True)
    assert made["image/svg+xml"] == to_svg(picture)
    assert image["alt"] == made["text/plain"] == picture.alt


def test_the_script_carries_the_figure(picture):
    [script] = Reader(bundle(picture)["text/html"]).scripts
    item = json.loads(re.search(r"k\.figure\(s,(.*)\)\)\}$", script)[1])
    assert item == json.loads(json.dumps(to_json(picture)))


def test_small_enough_for_eight_in_a_notebook(picture):
    assert sum(len(part.encode()) for part in bundle(picture).values()) < 40_000


def test_show_displays_the_bundle_once(picture, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "display", lambda data, raw: calls.append((data, raw)))
    show(picture)
    assert calls == [(bundle(picture), True)]


def test_hostile_names_stay_in_strings():
    html = bundle(address_map())["text/html"]
    assert printable(HOSTILE) in address_map().alt
    assert [tag for tag, _ in Reader(html).elements].count("img") == 1
    assert "<img src=x" not in html


def test_page_script_is_inline_and_whole():
    html = bokeh_script()
    reader = Reader(html)
    assert reader.elements == [("script", {}), ("script", {})]
    assert [text for text in reader.scripts if text.strip()][-1] == kit_script()
    assert len(html) < 2_000_000


def test_loading_costs_little_and_prints_nothing():
    program = (
        "from time import perf_counter\n"
        "from devmemkit.figures.show import load_bokeh\n"
        "start = perf_counter(); load_bokeh(); load_bokeh(); print(perf_counter() - start)"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert float(done.stdout) < 0.05
    assert done.stderr == ""


def test_bundles_are_quick():
    start = perf_counter()
    for _ in range(5):
        bundle(timeline())
    assert perf_counter() - start < 5
