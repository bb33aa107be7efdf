"""Every other notebook in JupyterLab: run, its explorer moved; the page shows the model's state."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pages import (
    PATIENCE,
    Watched,
    run_all,
    scroll_to_explorer,
    serve_lab,
    wait_for_columns,
)

from devmemkit.explain.description import Description
from devmemkit.explain.machines import described, known_machines
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.widgets.boot import BootExplorer
from devmemkit.widgets.explorer import Explorer
from devmemkit.widgets.gap import GapExplorer
from devmemkit.widgets.machine import MachineExplorer
from devmemkit.widgets.orders import OrderExplorer
from devmemkit.widgets.overview import OverviewExplorer
from devmemkit.widgets.story import BarExplorer

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def machines() -> dict[str, Description]:
    """The machines of notebook 07, the one that it is about first."""
    return {"qemu-6.12": described("qemu-6.12"), **known_machines()}


Case = tuple[str, Callable[[], Explorer], list[tuple[str, Any, str]]]
CASES: list[Case] = [  # notebook, its explorer, moves: label of a control, value, its name here
    ("00-overview", lambda: OverviewExplorer("6.12"),
     [("policy", "RefuseClaim", "policy"), ("policy", "as released", "policy")]),
    ("02-pci-bars", lambda: BarExplorer(BarStory(claim_offset=0x3000, claim_size=0x2000)),
     [("kernel", "5.10", "kernel"), ("BAR", "0000:00:05.0 BAR 0, 256 B", "bar"),
      ("BAR", "0000:00:04.0 BAR 0, 16 KiB", "bar"), ("claim", "its second page", "claim"),
      ("mapped via", "devmem", "via"), ("policy", "ExcludeNew", "policy")]),
    ("03-init-ordering", lambda: BootExplorer("6.12"),
     [("files", "static", "files"), ("mapping", "at creation", "mapping"),
      ("kernel", "7.3", "kernel"), ("files", "as released", "files")]),
    ("04-preload-gap", lambda: GapExplorer("7.3"),
     [("defence", "lockdown", "defence"), ("defence", "DEVMEM=n", "defence"),
      ("a process", "a BAR through resource2", "way"), ("kernel", "5.10", "kernel")]),
    ("05-policies", lambda: OrderExplorer("6.12"),
     [("repair", "hold-rmap", "repair"), ("through", "sysfs", "via"),
      ("policy", "DenyIdle", "policy"), ("policy", "RevokeAfterGrace", "policy")]),
    ("07-your-machine", lambda: MachineExplorer(machines(), 0xFEBC0000, "devmem", "mmap"),
     [("operation", "load", "op"), ("machine", "qemu-7.3", "machine")]),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on copies of the notebooks beside the data."""
    pytest.importorskip("jupyterlab", reason="the notebooks extra is not installed")
    root = tmp_path_factory.mktemp("lab")
    for name in (*(case[0] for case in CASES), "06-real-kernels"):
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", root)
    (root / "data").symlink_to(data_dir())
    with serve_lab(root) as address:
        yield address


def wait_until_shown(page, explorer):
    """Wait until every pane in the page holds what the model says; fail if one never does."""
    for picture in explorer.pictures():
        wait_for_columns(page, picture)


def wait_until_at(page, handle, slider):
    """Wait until a slider's handle in the page stands where it should; fail if it never does."""
    page.wait_for_function(
        "([handle, ...wanted]) => ['now', 'max'].every("
        "(name, i) => Number(handle.getAttribute(`aria-value${name}`)) === wanted[i])",
        arg=[handle.element_handle(), slider.value, slider.max],
        timeout=PATIENCE,
    )


def click_on_the_map(page):
    """Click on another resource of the address map; fail if it is not chosen and asked about."""
    playwright = pytest.importorskip("playwright.sync_api")
    resource = page.locator(".jp-OutputArea").get_by_label("resource", exact=True).last
    was = resource.locator("option:checked").inner_text()
    assert was.endswith("e1000")
    other = "([box, was]) => box.selectedOptions[0].text !== was"
    for _ in range(PATIENCE // 5_000):  # a click may come before the map listens
        page.locator("[role=img]").last.click(position={"x": 150, "y": 118})
        with suppress(playwright.TimeoutError):
            page.wait_for_function(other, arg=[resource.element_handle(), was], timeout=5_000)
            break
    else:
        pytest.fail("no click on the map chose another resource")
    picked = resource.locator("option:checked").inner_text().split()[0].split("-")[0]
    page.get_by_text(f"at 0x{picked} through /dev/mem", exact=False).last.wait_for()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_it_runs_and_follows_its_explorer(browser, lab, case):
    name, make, moves = case
    explorer = make()
    watched = Watched(browser, viewport={"width": 1280, "height": 1000})
    page = watched.page
    run_all(page, lab, name)
    scroll_to_explorer(page, explorer.pictures()[0].name)
    wait_until_shown(page, explorer)
    for label, value, attribute in moves:
        page.locator(".jp-OutputArea").get_by_label(label, exact=True).last.select_option(value)
        getattr(explorer, attribute).value = value
        wait_until_shown(page, explorer)
    if hasattr(explorer, "step"):  # faster than the pictures come: the last move counts
        handle = page.locator(".jp-OutputArea .noUi-handle").last
        wait_until_at(page, handle, explorer.step)  # its ends come after the pictures
        handle.focus()
        for key, move in (("ArrowLeft", -1),) * 12 + (("ArrowRight", 1),) * 5:
            page.keyboard.press(key)
            bounded = min(max(explorer.step.value + move, 0), explorer.step.max)
            explorer.step.value = bounded
        wait_until_at(page, handle, explorer.step)
        wait_until_shown(page, explorer)
    if isinstance(explorer, MachineExplorer):
        click_on_the_map(page)
    assert page.locator(".jp-OutputArea .jp-RenderedText[data-mime-type*=stderr]").count() == 0
    watched.check()
    page.close()


def test_real_kernels_are_shown_without_a_complaint(browser, lab):
    watched = Watched(browser, viewport={"width": 1280, "height": 1000})
    page = watched.page
    run_all(page, lab, "06-real-kernels")
    page.locator(".jp-StatusBar-TextItem", has_text="| Busy").wait_for(timeout=PATIENCE)
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for(timeout=PATIENCE)
    page.locator(".jp-OutputArea img").first.wait_for(state="attached")  # some are behind a click
    watched.check()
    page.close()
