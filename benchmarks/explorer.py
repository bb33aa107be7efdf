"""How fast the notebooks' explorers answer: from the move of a control to the data of its figures.

    python benchmarks/explorer.py [--browser]

Without --browser: the Python side alone (story, search or simulation, pictures, columns). With it:
JupyterLab in the system's Chromium, from the choice in a list until a figure in the page holds
other data, and until that is painted. Milliseconds; minimum, median, 95th percentile, maximum. The
budget is 100 ms for the 95th percentile.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from devmemkit.model.boot import LEVELS
from devmemkit.model.features import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import REPAIRS
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.defences import DEFENCES
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.widgets.boot import BootExplorer
from devmemkit.widgets.gap import GapExplorer
from devmemkit.widgets.orders import OrderExplorer
from devmemkit.widgets.overview import OverviewExplorer
from devmemkit.widgets.story import CLAIMS, BarExplorer, TakeoverExplorer

ROOT = Path(__file__).resolve().parents[1]

# By notebook: the place of a list among those of its explorer, two choices, a figure that differs.
PAGES = {
    "00-overview": (0, ("RefuseClaim", "as released"), ("actors", "line", "x0")),
    "01-driver-takeover": (0, ("4.5", "6.12"), ("address-map", "rect", "role")),
    "02-pci-bars": (0, ("4.5", "6.12"), ("address-map", "rect", "role")),
    "03-init-ordering": (1, ("static", "dynamic"), ("lanes", "text", "text")),
    "04-preload-gap": (1, ("lockdown", "nothing more"), ("exposure", "marker", "y")),
    "05-policies": (2, ("recheck", "none"), ("lanes", "text", "text")),
}

# Makes each choice in turn; seconds until the figure holds other data, and until that is painted.
CHOOSE = """async ([place, values, [name, layer, column]]) => {
  const panes = document.querySelectorAll(`[data-pane="${name}"]`);
  const source = () => [...panes].at(-1).bokeh.get_model_by_name(layer);
  const select = document.querySelectorAll(".jp-OutputArea select")[place];
  const moves = [];
  for (const value of values) {
    const before = JSON.stringify([...source().data[column]]);
    const held = new Promise((go, fail) => {
      const seen = () => {
        if (JSON.stringify([...source().data[column]]) !== before) go(performance.now());
      };
      source().properties.data.change.connect(seen);
      setTimeout(() => fail(new Error("no answer within 5 s: " + value)), 5000);
    });
    const began = performance.now();
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    const data = await held;
    await new Promise((go) => requestAnimationFrame(() => setTimeout(go, 0)));
    moves.push([(data - began) / 1000, (performance.now() - began) / 1000]);
    await new Promise((go) => setTimeout(go, 300));
  }
  return moves;
}"""


def report(what: str, seconds: list[float]) -> None:
    late = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    found = (min(seconds), statistics.median(seconds), late, max(seconds))
    print(f"{what:28}" + "".join(f"{f * 1e3:9.1f}" for f in found) + f"   ({len(seconds)} moves)")


def timed(control: Any, values: Iterable[object]) -> list[float]:
    found = []
    for value in values:
        began = time.perf_counter()
        control.value = value
        found.append(time.perf_counter() - began)
    return found


def in_python() -> None:
    explorers: dict[str, Callable[[], Any]] = {
        "00": lambda: OverviewExplorer("6.12"),
        "01": lambda: TakeoverExplorer(Takeover()),
        "02": lambda: BarExplorer(BarStory()),
        "03": lambda: BootExplorer("6.12"),
        "04": lambda: GapExplorer("6.12"),
        "05": lambda: OrderExplorer("6.12"),
    }
    edges = [(edge, edge + 0x2000) for edge in range(0, 0xE000, 0x800)]
    moves: list[tuple[str, str, Callable[[Any], Any], Iterable[object]]] = [
        ("00", "kernel", lambda e: e.kernel, VERSIONS),
        ("01", "step", lambda e: e.step, range(60)),
        ("01", "kernel", lambda e: e.kernel, VERSIONS),
        ("01", "claim", lambda e: e.claim, edges),
        ("02", "step", lambda e: e.step, range(40)),
        ("02", "BAR", lambda e: e.bar, list(explorers["02"]().bars) * 4),
        ("02", "claim", lambda e: e.claim, [*CLAIMS] * 4),
        ("03", "kernel", lambda e: e.kernel, VERSIONS),
        ("03", "level", lambda e: e.levels["iomem_init_inode"], LEVELS),
        ("04", "delay", lambda e: e.delay, [0.1 * 1.3**n for n in range(30)]),
        ("04", "defence", lambda e: e.defence, [*DEFENCES] * 3),
        ("05", "kernel", lambda e: e.kernel, VERSIONS),
        ("05", "policy", lambda e: e.policy, POLICIES),
        ("05", "repair", lambda e: e.repair, REPAIRS),
    ]
    for notebook, name, control, values in moves:
        report(f"Python, {notebook} {name}", timed(control(explorers[notebook]()), values))


def in_browser() -> None:
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from pages import ARGS, run_all, scroll_to_explorer, serve_lab
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if found is None:
        sys.exit("expected chromium or google-chrome on PATH, got neither")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        root = Path(folder)
        for name in PAGES:
            shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", root)
        (root / "data").symlink_to(data_dir())
        browser = driver.chromium.launch(executable_path=found, args=ARGS)
        with serve_lab(root) as address:
            for name, (place, values, figure) in PAGES.items():
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                run_all(page, address, name)
                scroll_to_explorer(page, figure[0])
                page.wait_for_timeout(2000)  # the last cell
                moves = page.evaluate(CHOOSE, [place, [*values] * 25, figure])
                report(f"page, {name}, data", [data for data, _ in moves])
                report(f"page, {name}, picture", [picture for _, picture in moves])
                page.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--browser", action="store_true", help="measure in JupyterLab, too")
    arguments = parser.parse_args()
    print(f"{'milliseconds':28}{'min':>9}{'median':>9}{'95 %':>9}{'max':>9}")
    in_python()
    if arguments.browser:
        in_browser()


if __name__ == "__main__":
    main()
