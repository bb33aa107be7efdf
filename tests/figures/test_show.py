"""The notebook output: one small bundle, an image without scripts, nothing that can break out."""

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from devmemkit.artifact.export import css
from devmemkit.figures.marks import cleaned
from devmemkit.figures.show import PAGE, SCROLLER, show, stills
from devmemkit.figures.svg import stacked, to_svg
from devmemkit.site import style
from tests.figures.pictures import HOSTILE, address_map, column, timeline


class Reader(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    @property
    def titles(self):
        return [attrs["title"] for tag, attrs in self.elements if "title" in attrs]


@pytest.fixture(params=[address_map(), timeline()], ids=lambda p: p.name)
def picture(request):
    return request.param


def test_the_image_in_the_html_is_the_svg_with_the_tips_above_it(picture):
    made = stills([picture])
    reader = Reader(made["text/html"])
    assert [tag for tag, _ in reader.elements[:4]] == ["div", "div", "img", "div"]
    image = reader.elements[2][1]
    data = image["src"].removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(data).decode() == to_svg(picture, fluid=True)
    assert made["image/svg+xml"] == to_svg(picture)
    assert image["alt"] == picture.alt
    assert image["height"] == str(picture.height)
    assert reader.titles == [tip for tip in column(picture, "rects", "tip") if tip]
    assert "script" not in {tag for tag, _ in reader.elements}


def test_several_pictures_are_one_output():
    pictures = [address_map(), timeline()]
    made = stills(pictures)
    assert made["image/svg+xml"] == stacked(pictures)
    images = [attrs["alt"] for tag, attrs in Reader(made["text/html"]).elements if tag == "img"]
    assert images == [picture.alt for picture in pictures]


def test_small_enough_for_eight_in_a_notebook(picture):
    assert sum(len(part.encode()) for part in stills([picture]).values()) < 25_000


def test_show_displays_the_picture_once(picture, monkeypatch):
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: calls.append((data, raw)))
    show(picture)
    assert calls == [({**stills([picture]), "text/plain": picture.alt}, True)]


def test_a_picture_behind_words_opens_on_demand(picture, monkeypatch):
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: calls.append(data))
    show(picture, behind="the <map>")
    [data] = calls
    image = stills([picture])["text/html"]
    closed = f"<details><summary>the &lt;map&gt;</summary>{image}</details>"
    assert data == {**stills([picture]), "text/html": closed, "text/plain": picture.alt}


def test_the_shade_at_an_edge_is_covered_by_the_papers_of_our_own_pages():
    first = re.match(r"var\((--[\w-]+),", PAGE)[1]
    assert f"linear-gradient({PAGE},{PAGE})" in SCROLLER
    for sheet in (css(), style.site()):
        assert f"{first}:" in sheet


def test_hostile_names_stay_text():
    reader = Reader(stills([address_map()])["text/html"])
    assert cleaned(HOSTILE) in address_map().alt
    assert [tag for tag, _ in reader.elements].count("img") == 1
    assert cleaned(HOSTILE) in reader.titles[1]


def test_pictures_are_drawn_without_bokeh_and_jupyter():
    program = (
        "import sys\n"
        "import devmemkit.explain.answer, devmemkit.figures.show\n"
        "for name in ('bokeh', 'numpy', 'IPython', 'ipywidgets', 'anywidget'):\n"
        "    assert name not in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
