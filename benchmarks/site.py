"""How fast the site is in Chromium: first paint, until Python is there, answers, and changes.

    python benchmarks/site.py [--pyodide DIR]

Prints the median and the 95th percentile of what a visitor waits for, in ms, and the sizes.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from devmemkit.site import build, runtime

BUDGETS = {"first paint": 1000, "Python is there": 8000, "an answer": 300, "a change": 150}
"""In ms; the last two for the 95th percentile."""
ANSWERS = """async () => {
    const times = [];
    const paste = document.getElementById("ask-paste").value;
    for (let at = 0; at < 40; at++) {
        const address = `0x${(0xfeb00000 + at * 0x10000).toString(16)}`;
        const start = performance.now();
        await dk.python.ask({ do: "ask", paste, address });
        times.push(performance.now() - start);
    }
    return times;
}"""
CHANGES = """async (details) => {
    const times = [];
    const status = details.querySelector("[role=status]");
    for (const select of details.querySelectorAll("select"))
        for (let at = 0; at < Math.min(select.options.length, 6); at++) {
            if (select.selectedIndex === at) continue;
            const start = performance.now();
            const drawn = new Promise((resolve) => {
                const watch = new MutationObserver(() => { watch.disconnect(); resolve(); });
                watch.observe(status, { childList: true });
            });
            select.selectedIndex = at;
            select.dispatchEvent(new Event("change"));
            await drawn;
            await new Promise(requestAnimationFrame);
            times.push(performance.now() - start);
        }
    return times;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server as `python3 -m http.server` is one, without its log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measured(page: Page, address: str) -> dict[str, list[float]]:
    """The times of one visit, in ms."""
    page.goto(address)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.wait_for_function("() => document.getElementById('python').textContent.includes('live')")
    found = {"first paint": [paint], "Python is there": [page.evaluate("performance.now()")]}
    found["an answer"] = page.evaluate(ANSWERS)
    for one in page.locator("#explorers summary").all():
        one.click()
    page.wait_for_function("() => document.querySelectorAll('.explorer.live').length === 7")
    found["a change"] = []
    for one in page.locator("#explorers details").all():
        found["a change"] += one.evaluate(CHANGES)
    return found


def row(name: str, times: Sequence[float]) -> str:
    """One line of the table."""
    late = sorted(times)[int(len(times) * 0.95) - 1] if len(times) > 1 else times[0]
    said = f"{name:16} {statistics.median(times):8.0f} {late:8.0f} {BUDGETS[name]:8}"
    return f"{said}  {len(times)} times"


def main() -> None:
    """Build a site, visit it, print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pyodide", type=Path, metavar="DIR")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        sizes = build.build(Path(name), "benchmark", runtime.pyodide(options.pyodide))
        handler = functools.partial(Quiet, directory=name)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = playwright.chromium.launch(
                executable_path=options.browser, args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.set_default_timeout(300_000)
            found = measured(page, f"http://127.0.0.1:{server.server_port}/")
            browser.close()
            server.shutdown()
    print(f"{'ms':16} {'median':>8} {'95 %':>8} {'at most':>8}")
    print("\n".join(row(name, times) for name, times in found.items()))
    python = sum(size for name, size in sizes.items() if name.startswith("runtime/"))
    scripts = ("index.html", "style.css", *build.SCRIPTS)
    before = sum(sizes[name] for name in scripts)
    print(f"before Python {before / 1e3:.0f} kB, Python {python / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
