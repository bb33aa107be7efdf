"""The exported page: one file that loads nothing and shows its figures with the network off."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest

from devmemkit.artifact.export import _breakable, page, title
from devmemkit.figures.marks import MIN_WIDTH
from tests.artifact import toys

FIGURE = """\
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.figures.show import show
marks = Marks()
marks.rect(0, 1, 1, 0, "ok", "the first area")
marks.rect(1, 2, 2, 0, "idle")
for name in ("one", "two"):
    show(Picture(name, "A map", "Two areas", Axis("page", 0, 4), Axis("", 0, 2), marks, 260))
"""
WIDGET = "import ipywidgets\nipywidgets.IntSlider(description='unseen')"
WIDE = "print('x' * 500)"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report on a notebook with two figures, a widget, wide output, and a failing one."""
    checkout = toys.Checkout(tmp_path_factory.mktemp("report") / "checkout")
    cells = [
        toys.text("# A *page* with `figures`\n\n## A part\n\n|a|b|\n|-|-|\n|1|[2](02-bad.ipynb)|")
    ]
    cells += [toys.code(source) for source in (FIGURE, WIDGET, WIDE)]
    checkout.write("01-page", toys.notebook(*cells))
    checkout.write("02-bad", toys.bad())
    done = checkout.run("reproduce")
    assert "01-page: done" in done.stdout, done.stdout
    return checkout.root / "report"


def test_nothing_names_another_host_for_what_a_browser_loads(report):
    for path in report.glob("*.html"):
        html = path.read_text()
        assert "Content-Security-Policy" in html
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


def test_every_figure_can_be_taken_away_from_its_page_and_from_the_start_page(report):
    files = [f"figures/01-page/0{number}.svg" for number in (1, 2)]
    for name in ("01-page", "index"):
        html = (report / f"{name}.html").read_text()
        assert re.findall(r'<a (?:download="" )?href="(figures/[^"]*)"', html) == files
    assert all((report / file).read_text().startswith("<svg") for file in files)


def test_a_link_to_another_notebook_leads_to_its_page(report):
    html = (report / "01-page.html").read_text()
    assert 'href="02-bad.html"' in html
    assert 'href="02-bad.ipynb"' not in html


def test_the_notebook_in_the_report_is_stripped(report):
    notebook = json.loads((report / "01-page.ipynb").read_text())
    assert "widgets" not in notebook["metadata"]
    assert (report / "01-page.ipynb").stat().st_size < 50_000, "no BokehJS in it"


@pytest.fixture
def browser(chromium_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_are_shown_and_nothing_is_cut_off_offline(report, browser, width, scheme):
    said = []
    asked = []
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    shown = context.new_page()
    shown.on("console", lambda m: said.append(m.text) if m.type != "info" else None)
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("request", lambda request: asked.append(request.url))
    for name in ("index", "01-page", "02-bad.partial"):
        shown.goto((report / f"{name}.html").as_uri())
        if name == "01-page":
            pictures = shown.eval_on_selector_all(
                "img", "all => all.map(e => [e.alt, e.naturalWidth > 0])"
            )
            assert pictures == [["Two areas", True]] * 2
        wide, paper = shown.evaluate(
            "[document.documentElement.scrollWidth,"
            " getComputedStyle(document.documentElement).backgroundColor]"
        )
        assert wide == width
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 30)")
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


LOADS = """\
# Loads

![a picture]({0}/x.png) <p style="background: url('{0}/p')">x</p>
<style>@import '{0}/x.css'; p {{ background: url({0}/y.png) }}</style>
<link rel="stylesheet" href="{0}/z.css"><script src="{0}/x.js"></script><iframe src="{0}"></iframe>
"""


@pytest.mark.parametrize("policy", [True, False])
def test_a_browser_loads_nothing_for_a_page(browser, tmp_path, policy):
    """Whatever a notebook names; without the page's policy it would be asked for."""
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        cells = [
            nbformat.v4.new_markdown_cell(LOADS.format(f"http://127.0.0.1:{server.server_port}"))
        ]
        html = page(nbformat.v4.new_notebook(cells=cells), "loads")
        if not policy:
            html = html.replace("Content-Security-Policy", "x")
        (tmp_path / "page.html").write_text(html)
        shown = browser.new_page()
        shown.goto((tmp_path / "page.html").as_uri(), wait_until="networkidle")
        shown.close()
        server.shutdown()
        thread.join()
    assert bool(asked) is not policy


def test_title_is_the_first_heading_as_plain_text():
    cells = [
        {"cell_type": "code", "source": "# a comment"},
        {"cell_type": "markdown", "source": "text\n"},
        {"cell_type": "markdown", "source": "no\n## `A` *b* [c](d) ##\n"},
    ]
    assert title({"cells": cells}, "x") == "A b c"
    assert title({"cells": cells[:2]}, "x") == "x"


QUIZ = """\
from devmemkit.figures.text import predict, values
predict("what comes?", ["EPERM", "SIGBUS"], "SIGBUS", [("Linux 6.12", "a bus error")])
values(answer="SIGBUS")
"""


def quiz(source=QUIZ):
    """A folded cell with what its source displays, as a run leaves it."""
    bundles = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))
        exec(source, {})
    outputs = [nbformat.v4.new_output("display_data", data) for data in bundles]
    cell = nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1)
    cell.metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_notebook(cells=[cell])


CROWDED = """\
from devmemkit.figures.matrix import matrix
from devmemkit.figures.show import show
from devmemkit.artifact.provenance import Provenance
from devmemkit.figures.text import fold, output, predict, table
rows = [("Linux 4.5, first mapping", "SIGBUS, BUS_ADRERR at it")]
fold("each case", rows)
predict("what comes?", ["EPERM"], "EPERM", rows)
device = ["0000:00:02.0", "0", "0xf8000000-0xfbffffff", "16 MiB", "bochs-drm"]
table(["device", "BAR", "addresses", "size", "its driver"], [device])
facts = Provenance({"sha256 of data/recordings/explain/7.3-arm64-16k.json": 64 * "a"})
output({"text/html": facts._repr_html_()})
show(matrix("m", "T", ["a question"], {"row": [("yes", "ok")]}), behind="The picture")
"""


def test_nothing_scrolls_on_a_small_screen_and_no_line_is_long(browser, tmp_path):
    (tmp_path / "page.html").write_text(page(quiz(CROWDED), "wide"))
    shown = browser.new_page(viewport={"width": 400, "height": 800})
    shown.goto((tmp_path / "page.html").as_uri())
    scrolled = shown.evaluate("""() => {
        for (const box of document.querySelectorAll("details:not(.code)")) box.open = true;
        const found = [...document.querySelectorAll("main *:not(.code *)")];
        return found.filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
            .map((one) => [one.tagName, one.clientWidth, one.scrollWidth, one.innerText]);
    }""")
    shown.set_viewport_size({"width": 1600, "height": 800})
    widths = [line.bounding_box()["width"] for line in shown.locator("main p").all()]
    assert scrolled == []
    assert widths
    assert max(widths) <= 46 * 17, "about 90 letters a line on a wide screen"


@pytest.mark.parametrize("layout", ["", "paper"])
def test_a_picture_keeps_its_proportions_on_paper(browser, tmp_path, layout):
    """A picture is as wide as its place: one that is squeezed is stretched and cut."""
    notebook = quiz(CROWDED.replace(', behind="The picture"', ""))
    notebook.metadata["devmemkit"] = {"layout": layout}
    html = page(notebook, "wide").replace("<div tabindex", "<figure><div tabindex")
    (tmp_path / "page.html").write_text(html)
    shown = browser.new_page(viewport={"width": 658, "height": 900})
    shown.goto((tmp_path / "page.html").as_uri())
    shown.emulate_media(media="print")
    wide, high, told = shown.evaluate("""() => {
        const image = document.querySelector(".dk-still"), box = image.getBoundingClientRect();
        return [box.width, box.height, Number(image.getAttribute("height"))];
    }""")
    assert wide / (high / told) >= MIN_WIDTH
    assert 0.65 < high / told < 0.85, "smaller than on a screen, and readable"


def test_an_answer_opens_at_a_choice_without_script_by_keyboard_and_on_paper(browser, tmp_path):
    (tmp_path / "page.html").write_text(page(quiz(), "quiz"))
    shown = browser.new_page(java_script_enabled=False)
    shown.goto((tmp_path / "page.html").as_uri())

    def seen():
        rows = shown.locator("td", has_text="a bus error").all()
        return [row.is_visible() for row in rows]

    assert not shown.locator("pre", has_text="predict").is_visible(), "the code is folded"
    assert shown.locator(".jp-OutputArea-output").count() == 1, "a named value is not shown"
    assert seen() == [False, False]
    shown.locator("summary", has_text="EPERM").focus()
    shown.keyboard.press("Enter")
    assert seen() == [True, False]
    assert shown.get_by_text("No: SIGBUS.").is_visible()
    shown.locator("summary", has_text="SIGBUS").click()
    assert seen() == [False, True]
    assert shown.get_by_text("Right.").is_visible()
    shown.locator("summary", has_text="SIGBUS").click()
    assert seen() == [False, False]
    shown.emulate_media(media="print")
    assert seen() == [False, True], "on paper the right choice is open"


def test_a_name_that_begins_a_row_of_a_table_breaks_between_its_words():
    table = '<tr><td a="b_c">{}</td><td>x_y</td></tr>'
    for cell in ("<span>{}</span>", "{}"):
        html = _breakable(table.format(cell.format("do_mmap")))
        assert html == table.format(cell.format("do_<wbr>mmap"))
    untouched = table.format("a sentence on do_mmap") + "<p>do_mmap</p>"
    assert _breakable(untouched) == untouched
