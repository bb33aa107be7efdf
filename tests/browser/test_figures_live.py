"""Figures in a real browser, offline: in a page and in JupyterLab, live, as images, redrawn."""

import runpy
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")

from pages import COLUMN, PAINTED, Watched, serve_lab  # noqa: E402

import devmemkit  # noqa: E402
from devmemkit.figures import address_map as story_map  # noqa: E402
from devmemkit.figures import timeline as story_timeline  # noqa: E402
from devmemkit.figures.marks import printable  # noqa: E402
from devmemkit.figures.matrix import matrix  # noqa: E402
from devmemkit.figures.show import bokeh_script, bundle  # noqa: E402
from devmemkit.figures.svg import to_svg  # noqa: E402
from devmemkit.figures.theme import PAPER, ROLES  # noqa: E402
from devmemkit.scenarios.stories.takeover import Takeover  # noqa: E402

PICTURES = Path(__file__).parents[1] / "figures" / "pictures.py"
made = runpy.run_path(str(PICTURES))
address_map, timeline, HOSTILE = made["address_map"], made["timeline"], made["HOSTILE"]

CELLS = [
    f"import runpy, sys\nsys.path.insert(0, {str(Path(devmemkit.__file__).parents[1])!r})\n"
    f"pictures = runpy.run_path({str(PICTURES)!r})\n"
    "address_map, timeline = pictures['address_map'], pictures['timeline']\n"
    "from devmemkit.figures.show import load_bokeh, show\nload_bokeh()",
    "show(address_map(2))",
    "show(timeline())",
    "import ipywidgets\nfrom devmemkit.widgets.pane import BokehPane\n"
    "pane = BokehPane(address_map(0, 'pane'))\n"
    "slider = ipywidgets.IntSlider(min=0, max=4)\n"
    "def follow(change):\n"
    "    pane.draw(address_map(change['new'], 'pane', height=400 if change['new'] == 4 else 300))\n"
    "slider.observe(follow, 'value')\n"
    "ipywidgets.VBox([slider, pane])",
]

LIVE = "() => window.devmemkit?.figures?.timeline"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """An HTML page with both figures, as an exported notebook has them."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    figures = "".join(bundle(picture)["text/html"] for picture in (address_map(2), timeline()))
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{figures}{bokeh_script()}")
    return path.as_uri()


@pytest.mark.parametrize("width", [1280, 400])
def test_a_page_draws_live_figures_offline(browser, report, width):
    watched = Watched(browser, viewport={"width": width, "height": 900})
    page = watched.page
    page.goto(report)
    page.wait_for_function(LIVE)
    for image in page.locator("img").all():
        assert not image.is_visible()
    for holder in page.locator("[role=img]").all():
        page.wait_for_function(f"(root) => ({PAINTED})(root) > 5000", arg=holder.element_handle())
    found = page.evaluate(COLUMN, ["figures", "address-map", "pages", "role"])
    assert found == ["zapped", "zapped", "live", "live"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    watched.check()
    page.close()


def test_without_scripts_the_images_stay(browser, report):
    watched = Watched(browser, java_script_enabled=False)
    watched.page.goto(report)
    boxes = [image.bounding_box() for image in watched.page.locator("img").all()]
    assert len(boxes) == 2
    assert all(box["width"] > 600 and box["height"] > 150 for box in boxes)
    watched.page.close()


def story_pictures():
    """Map and timeline of an unaligned claim; the map after the release has the most columns."""
    story = Takeover(claim_offset=0x1800, claim_size=0x5000)
    played = story.played
    return (
        story_map.address_map(played.moments[-1].machine, story.node, story.pages),
        story_timeline.timeline(played),
    )


# Rows of [text, left, top, right, bottom, font size] for the texts, then the same for the marks.
PLACES = """() => ["text", "rect:not(.dk-paper), circle"].map((what) =>
  [...document.querySelectorAll(what)].filter((e) => !e.closest("defs")).map((e) => {
    const { left, top, right, bottom } = e.getBoundingClientRect();
    return [e.textContent, left, top, right, bottom, parseFloat(getComputedStyle(e).fontSize)];
  }))"""


@pytest.mark.parametrize("width", [366, 400, 800])
def test_a_still_picture_fits_a_phone_and_no_text_meets_another(browser, width):
    words = [("works", "ok"), ("SIGBUS", "error"), ("EPERM", "error")]
    wide = matrix("wide", "Wide", ["new map,\nreleased"] * 9, {"Linux 6.12, RevokeAll": words * 3})
    page = browser.new_page(viewport={"width": width, "height": 900})
    for picture in (*story_pictures(), wide):
        page.set_content(
            f'<div style="min-width:{picture.min_width}px">{to_svg(picture, fluid=True)}</div>'
        )
        texts, marks = page.evaluate(PLACES)
        assert marks
        assert min(size for *_, size in texts) >= 10
        edge = max(width, picture.min_width + 8)
        assert [row for row in (*texts, *marks) if row[1] < 0 or row[3] > edge] == []
        ordered = sorted(texts, key=lambda row: row[2])
        for index, (one, left, top, right, bottom, _) in enumerate(ordered):
            for other, left2, top2, right2, *_ in ordered[index + 1 :]:
                if "offset" not in one + other and top2 < bottom - 3:  # lines may touch
                    assert left2 >= right or left >= right2, (one, other, top)
    page.close()


def test_a_live_figure_shows_its_point_on_a_phone(browser, tmp_path):
    pictures = story_pictures()
    html = "".join(bundle(picture)["text/html"] for picture in pictures)
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{html}{bokeh_script()}")
    watched = Watched(browser, viewport={"width": 400, "height": 900})
    page = watched.page
    page.goto(path.as_uri())
    page.wait_for_function(LIVE)
    place = """([name, value]) => {
      const doc = devmemkit.figures[name];
      const view = doc.views_manager.get(doc.roots()[0]);
      return view.canvas_view.el.getBoundingClientRect().x + view.frame.x_scale.compute(value);
    }"""
    zapped = pictures[0].layers[2].columns
    right = max(r for r, role in zip(zapped["right"], zapped["role"], strict=True)
                if role == "zapped")  # fmt: skip
    assert 200 < page.evaluate(place, ["address-map", right]) <= 400
    ends = [page.evaluate(place, ["timeline", x])
            for x in (story_timeline.RESULT, story_timeline.TEXT)]  # fmt: skip
    assert 0 < ends[0] < ends[1] <= 200  # the outcomes, even in a narrow pane
    scrollers = (
        "[...document.querySelectorAll('[tabindex]')].map((e) => e.scrollWidth <= e.clientWidth)"
    )
    assert page.evaluate(scrollers) == [True, True]
    watched.check()
    page.close()


def test_hovering_shows_a_hostile_name_as_text(browser, report):
    watched = Watched(browser, viewport={"width": 1000, "height": 700})
    page = watched.page
    page.goto(report)
    page.wait_for_function(LIVE)
    x, y = page.evaluate(
        """() => {
          const figure = devmemkit.figures["address-map"].roots()[0];
          const view = devmemkit.figures["address-map"].views_manager.get(figure);
          const frame = view.frame;
          const box = view.canvas_view.el.getBoundingClientRect();
          return [box.x + frame.x_scale.compute(20), box.y + frame.y_scale.compute(3.5)];
        }"""
    )
    page.mouse.move(x, y)
    tip = page.locator(".bk-Tooltip")
    tip.wait_for()
    assert printable(HOSTILE) in tip.evaluate("(tip) => tip.shadowRoot.textContent")
    assert tip.locator("img").count() == 0
    watched.check()
    page.close()


def test_colours_follow_the_readers_theme(browser, report):
    watched = Watched(browser, color_scheme="dark")
    page = watched.page
    page.goto(report)
    page.wait_for_function(LIVE)
    look = """() => {
      const doc = devmemkit.figures.timeline;
      const { transform } = doc.roots()[0].renderers[1].glyph.line_color;
      return [transform.palette[transform.factors.indexOf("driver")],
              doc.roots()[0].title.text_color];
    }"""
    papers = "[...document.querySelectorAll('[role=img]')].map((e) => e.style.background)"
    for theme, scheme in ((1, "dark"), (0, "light"), (1, "dark")):
        page.emulate_media(color_scheme=scheme)
        wanted = ",".join((ROLES["driver"][theme], ROLES["ink"][theme]))
        page.wait_for_function(f"() => ({look})().join() === {wanted!r}", timeout=5000)
        red, green, blue = bytes.fromhex(PAPER[theme][1:])
        assert set(page.evaluate(papers)) == {f"rgb({red}, {green}, {blue})"}
    watched.check()
    page.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium_path):
    """JupyterLab on a folder with a fresh notebook and an executed one; its address."""
    pytest.importorskip("jupyterlab", reason="the notebooks extra is not installed")
    from nbclient import NotebookClient

    root = tmp_path_factory.mktemp("lab")
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(CELLS)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(book, root / "fresh.ipynb")
    book.cells.pop()  # a widget without its kernel is another story
    NotebookClient(book, resources={"metadata": {"path": str(root)}}).execute()
    book.metadata.pop("widgets", None)
    nbformat.write(book, root / "executed.ipynb")
    with serve_lab(root) as address:
        yield f"{address}/lab"


def test_jupyterlab_runs_redraws_and_reloads(browser, lab):
    # All cells in view: of one below it JupyterLab draws no widget after the reload.
    watched = Watched(browser, viewport={"width": 1280, "height": 1700})
    page = watched.page
    page.goto(f"{lab}/tree/fresh.ipynb")
    page.get_by_text("| Idle").wait_for(timeout=60_000)  # what is run before that is dropped
    page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
    page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')").click()
    page.wait_for_function("() => window.devmemkit?.panes?.pane", timeout=60_000)
    page.wait_for_function(LIVE)
    roles = ["panes", "pane", "pages", "role"]
    assert page.evaluate(COLUMN, roles) == ["live"] * 4

    page.locator(".noUi-handle").focus()
    for zapped in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        wanted = ",".join(["zapped"] * zapped + ["live"] * (4 - zapped))
        page.wait_for_function(
            f"(where) => ({COLUMN})(where).join() === {wanted!r}", arg=roles, timeout=5000
        )
    tops = page.evaluate(COLUMN, ["panes", "pane", "tree", "top"])
    assert tops == list(address_map(3).layers[0].columns["top"])
    assert page.evaluate(PAINTED, page.locator(".jp-OutputArea").last.element_handle()) > 5000
    assert page.locator(".jp-OutputArea img:visible").count() == 0

    # Another height cannot be had in place: a new figure takes the old one's.
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"(where) => ({COLUMN})(where)[3] === 'zapped'", arg=roles, timeout=5000)
    panes = page.locator(".jp-OutputArea").last.locator(".bk-Figure")
    assert [round(pane.bounding_box()["height"]) for pane in panes.all()] == [400]

    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    colour = "() => window.devmemkit.panes.pane.roots()[0].title.text_color"
    page.wait_for_function(f"() => ({colour})() === {ROLES['ink'].dark!r}", timeout=5000)

    # The kernel goes on in a new page: the loader's model comes back, and with it BokehJS.
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").wait_for(state="detached")
    page.reload()
    page.wait_for_function("() => window.devmemkit?.panes?.pane", timeout=60_000)
    page.wait_for_function(LIVE)
    assert page.evaluate(COLUMN, roles) == ["zapped"] * 4
    watched.check()
    page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_jupyterlab_shows_images_where_nothing_has_run(browser, lab, width):
    watched = Watched(browser, viewport={"width": width, "height": 1000})
    page = watched.page
    page.goto(f"{lab}/workspaces/at-{width}/tree/executed.ipynb")
    images = page.locator(".jp-OutputArea img")
    images.nth(1).wait_for(timeout=60_000)
    for image in images.all():
        assert image.bounding_box()["width"] >= 350
        assert image.bounding_box()["height"] in (300, 220)
        assert image.evaluate("(image) => image.naturalWidth") > 0
    assert page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts() == ["", ""]
    assert page.evaluate("window.Bokeh") is None
    watched.check()
    page.close()
