"""Figures in a real browser, offline: in a page and in JupyterLab, still and live, redrawn."""

import runpy
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")

from pages import (  # noqa: E402
    COLUMN,
    PAINTED,
    PANE,
    PATIENCE,
    Watched,
    load_bokehjs,
    mount,
    run_cells,
    serve_lab,
    wait_for_columns,
)

import devmemkit  # noqa: E402
from devmemkit.figures import address_map as story_map  # noqa: E402
from devmemkit.figures import timeline as story_timeline  # noqa: E402
from devmemkit.figures.marks import cleaned  # noqa: E402
from devmemkit.figures.matrix import matrix  # noqa: E402
from devmemkit.figures.show import stills  # noqa: E402
from devmemkit.figures.svg import Canvas, to_svg  # noqa: E402
from devmemkit.figures.theme import ROLES  # noqa: E402
from devmemkit.scenarios.stories.takeover import Takeover  # noqa: E402
from devmemkit.widgets.pane import Pane  # noqa: E402

PICTURES = Path(__file__).parents[1] / "figures" / "pictures.py"
made = runpy.run_path(str(PICTURES))
address_map, timeline, HOSTILE = made["address_map"], made["timeline"], made["HOSTILE"]

CELLS = [
    f"import runpy, sys\nsys.path.insert(0, {str(Path(devmemkit.__file__).parents[1])!r})\n"
    f"pictures = runpy.run_path({str(PICTURES)!r})\n"
    "address_map, timeline = pictures['address_map'], pictures['timeline']\n"
    "from devmemkit.figures.show import show",
    "show(address_map(2))",
    "show(timeline())",
    "import ipywidgets\nfrom devmemkit.widgets.pane import Pane\n"
    "pane = Pane(address_map(0, 'pane'))\n"
    "slider = ipywidgets.IntSlider(description='zapped pages', min=0, max=4)\n"
    "def follow(change):\n"
    "    pane.draw(address_map(change['new'], 'pane', height=400 if change['new'] == 4 else 300))\n"
    "slider.observe(follow, 'value')\n"
    "ipywidgets.VBox([slider, pane])",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """An HTML page with both figures, as an exported notebook has them."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    figures = stills([address_map(2), timeline()])["text/html"]
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{figures}")
    return path.as_uri()


@pytest.fixture
def page(browser, report):
    """A page with the report, BokehJS, and no complaint at the end."""
    watched = Watched(browser, viewport={"width": 1000, "height": 900})
    watched.page.goto(report)
    load_bokehjs(watched.page)
    yield watched.page
    watched.check()
    watched.page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_still_figures_need_no_script_and_their_tips_lie_over_their_marks(browser, report, width):
    watched = Watched(browser, viewport={"width": width, "height": 900}, java_script_enabled=False)
    page = watched.page
    page.goto(report)
    boxes = [image.bounding_box() for image in page.locator("img").all()]
    assert [box["height"] for box in boxes] == [300, 220]
    assert all(350 <= box["width"] <= width for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    canvas = Canvas(address_map(2))
    box = boxes[0]

    def tip_at(x, y):
        frame = box["width"] * canvas.percent / 100
        across = box["x"] + canvas.box.left + canvas.share(x) / 100 * frame
        at = [across, box["y"] + canvas.y(y)]
        return page.evaluate("([x, y]) => document.elementFromPoint(x, y).title", at)

    assert tip_at(62, 2.5) == "page 2: ok"
    assert tip_at(20, 4) == f"0000:00:04.0\n{cleaned(HOSTILE)}"
    assert tip_at(50, 2.5) == ""
    watched.check()
    page.close()


def test_still_figures_follow_the_readers_theme(browser, report):
    def paper(scheme, jupyterlab=""):
        """The paper in a page that opens with a theme; Chromium may keep an image it has drawn."""
        page = browser.new_page(color_scheme=scheme)
        theme = f"document.body.dataset.jpThemeLight = '{jupyterlab}'" if jupyterlab else ""
        page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {theme} }})")
        page.goto(report)
        box = page.locator("img").first.bounding_box()
        clip = {"x": box["x"] + 3, "y": box["y"] + 150, "width": 3, "height": 3}
        shot = page.screenshot(clip=clip)
        page.close()
        return shot

    light, dark = paper("light"), paper("dark")
    assert light != dark
    assert (paper("dark", "true"), paper("light", "false")) == (light, dark)


def test_a_figure_is_printed_light_whatever_the_theme(browser, report):
    page = browser.new_page(color_scheme="dark")
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.body.dataset.jpThemeLight = false })"
    )
    page.emulate_media(media="print")
    page.goto(report)
    scheme = "(image) => getComputedStyle(image).colorScheme"
    assert page.locator("img").first.evaluate(scheme) == "light"
    page.close()


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
    made = runpy.run_path(str(PICTURES.with_name("gallery.py")))
    pictures = [picture for kind in made["KINDS"] for _, picture in kind()]
    for picture in (*pictures, wide):
        page.set_content(
            f'<div style="min-width:{picture.min_width}px">{to_svg(picture, fluid=True)}</div>'
        )
        texts, marks = page.evaluate(PLACES)
        assert texts
        assert min(size for *_, size in texts) >= 11
        edge = max(width, picture.min_width + 8)
        assert [row for row in (*texts, *marks) if row[1] < 0 or row[3] > edge] == []
        ordered = sorted(texts, key=lambda row: row[2])
        for index, (one, left, top, right, bottom, _) in enumerate(ordered):
            for other, left2, top2, right2, *_ in ordered[index + 1 :]:
                if "offset" not in one + other and top2 < bottom - 3:  # lines may touch
                    assert left2 >= right or left >= right2, (one, other, top)
    page.close()


# Where a point of the axes is in the page.
PLACE = """([name, x, y]) => {
  const doc = window.panes[name].el.bokeh;
  const view = doc.views_manager.get(doc.roots()[0]);
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + view.frame.x_scale.compute(x), box.y + view.frame.y_scale.compute(y)];
}"""


def wait_until_painted(page, name):
    """Wait until the pane in the element of this name is painted."""
    page.wait_for_function(f"(id) => ({PAINTED})(window.panes[id].el) > 5000", arg=name)


def test_a_live_figure_shows_its_point_on_a_phone(page):
    page.set_viewport_size({"width": 400, "height": 900})
    pictures = story_pictures()
    for number, picture in enumerate(pictures):
        mount(page, f"p{number}", Pane(picture))
        wait_until_painted(page, f"p{number}")
    right = max(rect.right for rect in pictures[0].marks.rects if rect.role == "zapped")
    assert 200 < page.evaluate(PLACE, ["p0", right, 0])[0] <= 400
    ends = [
        page.evaluate(PLACE, ["p1", x, 0])[0] for x in (story_timeline.RESULT, story_timeline.TEXT)
    ]
    assert 0 < ends[0] < ends[1] <= 200  # the outcomes, even in a narrow pane
    fits = "[...document.querySelectorAll('[id] > div')].map((e) => e.scrollWidth <= e.clientWidth)"
    assert page.evaluate(fits) == [True, True]


def test_hovering_shows_a_hostile_name_as_text(page):
    mount(page, "map", Pane(address_map(2)))
    wait_until_painted(page, "map")
    page.locator("#map").scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(PLACE, ["map", 20, 3.5]))
    tip = page.locator(".bk-Tooltip")
    tip.wait_for()
    assert cleaned(HOSTILE) in tip.evaluate("(tip) => tip.shadowRoot.textContent")
    assert tip.locator("img").count() == 0


def test_a_live_figure_follows_the_readers_theme(page):
    page.emulate_media(color_scheme="dark")
    mount(page, "steps", Pane(timeline()))
    wait_until_painted(page, "steps")
    look = """() => {
      const { el } = window.panes.steps;
      const [figure] = el.bokeh.roots();
      const marks = figure.renderers.find(({ data_source }) => data_source.name === "rect");
      const { transform } = marks.glyph.line_color;
      return [transform.palette[transform.factors.indexOf("driver")],
              figure.below[0].major_label_text_color].join();
    }"""
    for theme, scheme in ((1, "dark"), (0, "light"), (1, "dark")):
        page.emulate_media(color_scheme=scheme)
        wanted = f"{ROLES['driver'][theme]},{ROLES['muted'][theme]}"
        page.wait_for_function(f"() => ({look})() === {wanted!r}")


def test_a_figure_out_of_the_page_is_drawn_when_it_comes_into_it(page):
    """JupyterLab renders a cell out of view before it puts the cell into the page."""
    mount(page, "away", Pane(address_map(1)), attach=False)
    mount(page, "here", Pane(timeline()))
    wait_until_painted(page, "here")  # by then, the first would have been drawn
    page.evaluate("() => document.body.append(window.panes.away.el)")
    wait_until_painted(page, "away")
    wait_for_columns(page, address_map(1))


def test_a_figure_that_leaves_the_page_while_it_is_drawn_is_drawn_when_it_is_back(page):
    page.evaluate("""() => {
      const { embed_item } = window.Bokeh.embed;
      const embed = {
        embed_item: (...args) => {
          window.panes.map.el.remove();
          embed.embed_item = embed_item;
          return embed_item(...args);
        },
      };
      window.devmemkit.bokeh = Promise.resolve({ embed });
    }""")
    mount(page, "map", Pane(address_map(1)))
    page.wait_for_function("() => !window.panes.map.el.isConnected")
    mount(page, "here", Pane(timeline()))
    wait_until_painted(page, "here")
    page.evaluate("() => document.body.append(window.panes.map.el)")
    wait_until_painted(page, "map")


def test_a_pane_without_bokeh_shows_the_picture_and_takes_clicks(page, monkeypatch):
    mount(page, "live", Pane(address_map(1)))
    wait_until_painted(page, "live")
    monkeypatch.setattr(Pane, "live", False)
    pane = Pane(address_map(1))
    mount(page, "still", pane)
    image = page.locator("#still img")
    image.scroll_into_view_if_needed()
    assert image.get_attribute("alt") == address_map(1).alt
    canvas = Canvas(address_map(1))
    width = image.bounding_box()["width"] * canvas.percent / 100
    at = {"x": canvas.box.left + canvas.share(78) / 100 * width, "y": canvas.y(2.5)}
    page.locator("#still").click(position=at)
    page.locator("#live").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(PLACE, ["live", 78, 2.5]))
    page.wait_for_function("() => window.panes.live.traits.tapped.length === 2")
    for name in ("still", "live"):
        tapped = page.evaluate("(name) => window.panes[name].traits.tapped", name)
        assert tapped == pytest.approx([78, 2.5], abs=1)
    pane.draw(timeline())
    page.evaluate("(still) => window.panes.still.set({ still })", pane.still)
    assert image.get_attribute("alt") == timeline().alt


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
    run_cells(page)
    pane = "() => document.querySelector('[data-pane=pane]')"
    page.wait_for_function(pane, timeout=PATIENCE)
    roles = ["pane", "rect", "role"]
    assert page.evaluate(COLUMN, roles)[3:] == ["ok"] * 4

    handle = page.get_by_role("slider", name="zapped pages")
    assert handle.bounding_box()["width"] == 24
    handle.focus()
    for zapped in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        wait_for_columns(page, address_map(zapped, "pane"))
    assert page.evaluate(PAINTED, page.locator(".jp-OutputArea").last.element_handle()) > 5000
    assert page.locator(".jp-OutputArea img:visible").count() == 3  # one is the pane's backdrop

    # Another height cannot be had in place: a new figure takes the old one's.
    page.keyboard.press("ArrowRight")
    wait_for_columns(page, address_map(4, "pane"))
    panes = page.locator(".jp-OutputArea").last.locator(".bk-Figure")
    assert [round(pane.bounding_box()["height"]) for pane in panes.all()] == [400]

    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    colour = f"() => ({PANE})('pane').roots()[0].left[0].axis_label_text_color"
    page.wait_for_function(f"() => ({colour})() === {ROLES['muted'].dark!r}")
    schemes = (
        "[...document.querySelectorAll('img.dk-still')].map((e) => getComputedStyle(e).colorScheme)"
    )
    assert page.evaluate(schemes) == ["dark", "dark", "dark"]

    # The kernel goes on in a new page: the loader's model comes back, and with it BokehJS.
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").wait_for(state="detached")
    page.reload()
    page.wait_for_function(pane, timeout=PATIENCE)
    assert page.evaluate(COLUMN, roles)[3:] == ["zapped"] * 4
    watched.check()
    page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_jupyterlab_shows_images_where_nothing_has_run(browser, lab, width):
    watched = Watched(browser, viewport={"width": width, "height": 1000})
    page = watched.page
    page.goto(f"{lab}/workspaces/at-{width}/tree/executed.ipynb")
    images = page.locator(".jp-OutputArea img")
    images.nth(1).wait_for(timeout=PATIENCE)
    for image in images.all():
        assert image.bounding_box()["width"] >= 350
        assert image.bounding_box()["height"] in (300, 220)
        assert image.evaluate("(image) => image.naturalWidth") > 0
    assert page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts() == ["", ""]
    assert page.evaluate("window.Bokeh") is None
    watched.check()
    page.close()
