"""The exported page: one file that loads nothing and shows its figures with the network off."""

import json
import re

import pytest

from devmemkit.artifact.export import foreign_addresses, title

FIGURE = """\
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.figures.show import show
marks = Marks()
marks.rect(0, 1, 1, 0, "live", "the first area")
marks.rect(1, 2, 2, 0, "idle")
for name in ("one", "two"):
    show(Picture(name, "A map", "Two areas", Axis("page", 0, 4), Axis("", 0, 2), marks, 260))
"""
WIDGET = "import ipywidgets\nipywidgets.IntSlider(description='unseen')"
WIDE = "print('x' * 500)"


@pytest.fixture(scope="module")
def report(tmp_path_factory, toys):
    """The report on a notebook with two figures, a widget, wide output, and a failing one."""
    checkout = toys["checkout"](tmp_path_factory.mktemp("report") / "checkout")
    cells = [
        toys["text"](
            "# A *page* with `figures`\n\n## A part\n\n|a|b|\n|-|-|\n|1|[2](02-bad.ipynb)|"
        )
    ]
    cells += [toys["code"](source) for source in (FIGURE, WIDGET, WIDE)]
    checkout.write("01-page", toys["of"](*cells))
    checkout.write("02-bad", toys["bad"]())
    done = checkout.run("reproduce")
    assert "01-page: done" in done.stdout, done.stdout
    return checkout.root / "report"


def test_nothing_names_another_host_for_what_a_browser_loads(report):
    for path in report.glob("*.html"):
        html = path.read_text()
        assert foreign_addresses(html) == []
        assert not re.search(
            r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=[\"']?(?:\w+:)?//", html
        )
        assert "@import" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def test_the_page_is_accessible_and_its_figures_need_no_script(report):
    html = (report / "01-page.html").read_text()
    assert '<html lang="en">' in html
    assert "<title>A page with figures</title>" in html
    assert len(re.findall("<h1", html)) == 1
    assert html.count("<main>") == 1
    assert html.count('title="the first area"') == 2
    assert len(html) < 500_000, "no BokehJS in it"
    assert "unseen" in html, "the code stays"
    assert "IntSlider(value=0" not in html, "the widget's repr is no picture of it"
    assert "widget-state" not in html


def test_a_link_to_another_notebook_leads_to_its_page(report):
    html = (report / "01-page.html").read_text()
    assert 'href="02-bad.html"' in html
    assert 'href="02-bad.ipynb"' not in html


def test_the_notebook_in_the_report_is_stripped(report):
    notebook = json.loads((report / "01-page.ipynb").read_text())
    assert "widgets" not in notebook["metadata"]
    assert (report / "01-page.ipynb").stat().st_size < 50_000, "no BokehJS in it"


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_shown_and_nothing_is_cut_off_offline(report, chromium_path, width, scheme):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    said = []
    asked = []
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type != "info" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for name in ("index", "01-page", "02-bad.partial"):
            page.goto((report / f"{name}.html").as_uri())
            if name == "01-page":
                pictures = page.eval_on_selector_all(
                    "img", "all => all.map(e => [e.alt, e.naturalWidth > 0])"
                )
                assert pictures == [["Two areas", True]] * 2
            wide, paper = page.evaluate(
                "[document.documentElement.scrollWidth,"
                " getComputedStyle(document.documentElement).backgroundColor]"
            )
            assert wide == width
            assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 30)")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize(
    "html",
    [
        "<script src='https://a.example/x.js'></script>",
        "<script src=//a.example/x.js></script>",
        '<link rel="stylesheet" href="http://a.example/x.css">',
        "<img src='HTTPS://a.example/x.png'>",
        "<style>@import 'https://a.example/x.css';</style>",
        "<style>p { background: url( //a.example/x.png ) }</style>",
        "<p style='background: url(\"https://a.example/x\")'>",
        "<image xlink:href='https://a.example/x.svg'/>",
    ],
)
def test_foreign_addresses_are_found(html):
    assert len(foreign_addresses(html)) == 1


def test_links_text_data_and_scripts_own_words_are_free():
    html = """<a href="https://a.example/">x</a> url(https://a.example/) <img src="data:,x">
    <script>const space = "http://www.w3.org/2000/svg"; // url(https://a.example/)</script>
    <a href="index.html">y</a><style>p { color: red }</style><p>@import 'https://a.example'"""
    assert foreign_addresses(html) == []


def test_a_page_that_would_load_something_is_an_error(checkout, toys):
    prose = "# T\n\n![a picture](https://a.example/x.png)"
    checkout.write("01-page", toys["of"](toys["text"](prose)))
    done = checkout.run("reproduce")
    assert done.returncode == 1
    assert (
        "\n01-page: failed at 01-page: expected a page that loads nothing, "
        "got <img src='https://a.example/x.png'>, " in done.stdout
    )


def test_title_is_the_first_heading_as_plain_text():
    def markdown(source, **metadata):
        return {"cell_type": "markdown", "source": source, "metadata": metadata}

    marker = markdown("# An error", tags=["papermill-error-cell-tag"])
    cells = [marker, markdown("text\n"), markdown(["no\n", "## `A` *b* [c](d) ##\n"])]
    assert title({"cells": cells}, "x") == "A b c"
    assert title({"cells": cells[:2]}, "x") == "x"
