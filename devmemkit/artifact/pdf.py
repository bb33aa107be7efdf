"""A page as PDF, printed by the system's Chromium where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from devmemkit.host.child import ending_with_us
from devmemkit.host.scratch import scratch

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120


def print_pdf(page: Path, target: Path) -> bool:
    """Print an HTML file; False if there is no browser. RuntimeError if printing failed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return False
    with scratch() as profile:
        command = ending_with_us(
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", f"--user-data-dir={profile}"),
            *("--no-pdf-header-footer", "--virtual-time-budget=10000"),
            *(f"--print-to-pdf={target.resolve()}", page.resolve().as_uri()),
        )
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    if not target.is_file():
        last = done.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"{Path(browser).name} printed no PDF: {last}")
    return True
