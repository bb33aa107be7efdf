"""How fast notebook 01's explorer answers: from the move of a control to the data of its figures.

    python benchmarks/explorer.py [--browser]

Without --browser: the Python side alone (story, pictures, columns). With it: JupyterLab in the
system's Chromium, from the choice of another kernel to the moment when the page's figure holds the
new data. Milliseconds; minimum, median and maximum. The budget is 100 ms.
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

from devmemkit.model.kernel import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.takeover import Takeover
from devmemkit.widgets.takeover import TakeoverExplorer

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "01-driver-takeover.ipynb"

# Chooses each kernel in turn; seconds until the map's pages are others than before.
CHANGE_KERNEL = """async (versions) => {
  const pages = () => JSON.stringify([...window.devmemkit.panes["address-map"]
    .get_model_by_name("pages").data.role]);
  const select = document.querySelector(".jp-OutputArea select");
  const moves = [];
  for (const version of versions) {
    const before = pages(), began = performance.now();
    select.value = version;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    while (pages() === before) {
      if (performance.now() - began > 5000) throw new Error("no answer within 5 s");
      await new Promise((go) => setTimeout(go, 1));
    }
    moves.push((performance.now() - began) / 1000);
    await new Promise((go) => setTimeout(go, 300));
  }
  return moves;
}"""


def report(what: str, seconds: list[float]) -> None:
    low, middle, high = (f(seconds) * 1e3 for f in (min, statistics.median, max))
    print(f"{what:28}{low:9.1f}{middle:9.1f}{high:9.1f}   ({len(seconds)} moves)")


def timed(move: Callable[[object], None], values: Iterable[object]) -> list[float]:
    found = []
    for value in values:
        began = time.perf_counter()
        move(value)
        found.append(time.perf_counter() - began)
    return found


def in_python() -> None:
    explorer = TakeoverExplorer(Takeover())
    steps = range(explorer.step.max)
    claims = [(edge, edge + 0x2000) for edge in range(0, 0xE000, 0x800)]
    for name, control, values in (
        ("step", explorer.step, steps),
        ("kernel", explorer.kernel, VERSIONS),
        ("policy", explorer.policy, POLICIES),
        ("claim", explorer.claim, claims),
    ):
        report(f"Python, {name}", timed(lambda v, c=control: setattr(c, "value", v), values))


def in_browser() -> None:
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from pages import ARGS, serve_lab
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if found is None:
        sys.exit("expected chromium or google-chrome on PATH, got neither")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        root = Path(folder)
        shutil.copy(ROOT / "notebooks" / NOTEBOOK, root)
        (root / "data").symlink_to(data_dir())
        browser = driver.chromium.launch(executable_path=found, args=ARGS)
        with serve_lab(root) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(f"{address}/lab/tree/{NOTEBOOK}")
            page.get_by_text("| Idle").wait_for(timeout=60_000)
            page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
            page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')").click()
            page.wait_for_function(
                """() => {
                  const panel = document.querySelector(".jp-WindowedPanel-outer");
                  panel.scrollTop = (panel.scrollTop + 400) % panel.scrollHeight;
                  return window.devmemkit?.panes?.timeline;
                }""",
                polling=500,
                timeout=60_000,
            )
            page.locator(".jp-OutputArea select").first.scroll_into_view_if_needed()
            moves = page.evaluate(CHANGE_KERNEL, ["4.5", "6.12"] * 15)
            report("page, kernel", moves)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--browser", action="store_true", help="measure in JupyterLab, too")
    print(f"{'milliseconds':28}{'min':>9}{'median':>9}{'max':>9}")
    arguments = parser.parse_args()
    in_python()
    if arguments.browser:
        in_browser()


if __name__ == "__main__":
    main()
