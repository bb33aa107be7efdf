"""Notebook 01 in JupyterLab, offline: run, then moved; the page shows the model's state."""

import shutil
from pathlib import Path

import pytest
from pages import (
    PAINTED,
    PATIENCE,
    Watched,
    run_all,
    scroll_to_explorer,
    serve_lab,
    wait_for_columns,
)

from devmemkit.figures.address_map import address_map
from devmemkit.figures.timeline import timeline
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.stories.takeover import Takeover

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-driver-takeover.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a copy of the notebook beside the data."""
    pytest.importorskip("jupyterlab", reason="the notebooks extra is not installed")
    root = tmp_path_factory.mktemp("lab")
    shutil.copy(NOTEBOOK, root)
    (root / "data").symlink_to(data_dir())
    with serve_lab(root) as address:
        yield address


def wait_until_shown(page, story, now):
    """Wait until map and timeline in the page hold what the model says; fail if they never do."""
    machine = story.played.moments[now].machine
    drawn = address_map(machine, story.node, story.pages, columns=7)
    for picture in (drawn, timeline(story.played, now)):
        wait_for_columns(page, picture)


def test_before_it_runs_every_picture_is_there_and_no_widget_is_missed(browser, lab):
    watched = Watched(browser, viewport={"width": 400, "height": 900})
    page = watched.page
    page.goto(f"{lab}/doc/workspaces/still/tree/{NOTEBOOK.name}")
    page.locator(".jp-OutputArea img").first.wait_for(timeout=PATIENCE)
    assert page.evaluate("window.Bokeh") is None
    assert "Error displaying widget" not in page.locator("body").inner_text()
    watched.check()
    page.close()


def test_it_runs_and_follows_the_widget(browser, lab):
    watched = Watched(browser, viewport={"width": 1280, "height": 1000})
    page = watched.page
    run_all(page, lab, NOTEBOOK.stem)
    scroll_to_explorer(page, "timeline")
    story = Takeover()
    now = story.played.moments_of("claim")[-1]
    wait_until_shown(page, story, now)

    step = page.locator(".jp-OutputArea .noUi-handle").last
    step.focus()
    for key, move in (("ArrowRight", 1), ("ArrowRight", 1), ("ArrowLeft", -3)):
        for _ in range(abs(move)):
            page.keyboard.press(key)
        now += move
        wait_until_shown(page, story, now)
    page.locator(".jp-OutputArea button[title='one step back']").click()
    wait_until_shown(page, story, now - 1)

    page.locator(".jp-OutputArea select").first.select_option("4.5")
    story = story.on("4.5")
    act = story.played.acts[Takeover().played.moments[now - 1].act].key
    wait_until_shown(page, story, story.played.moments_of(act)[-1])
    page.locator(".jp-OutputArea select").nth(1).select_option("RefuseClaim")
    story = story.on("4.5", "RefuseClaim")
    wait_until_shown(page, story, story.played.moments_of(act)[-1])

    output = page.locator(".jp-OutputArea:has(select)").last
    assert page.evaluate(PAINTED, output.element_handle()) > 5000
    watched.check()
    page.close()
