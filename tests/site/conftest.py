"""A site with Python, built once, and the address of a server that shows it."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from devmemkit.artifact import reading
from devmemkit.host.files import SourceError
from devmemkit.site import build, runtime

ROOT = Path(__file__).parents[2]
READ = ("01-driver-takeover.ipynb", "05-policies.ipynb")
"""The notebooks that the built site has to read."""
PATIENCE = 300_000
"""Milliseconds to wait at most, on however slow a machine."""
GIVEN = "DEVMEMKIT_PYODIDE"
"""The variable that names a folder with Pyodide's files; without it npm fetches them."""
BUILT = "DEVMEMKIT_SITE"
"""The variable that names a built site to test; without it the tests build a smaller one."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server as `python3 -m http.server` is one, without its log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    made_once: Callable[[str, Callable[[Path], object]], Path],
) -> Path:
    """A built site with Python; skips where Pyodide cannot be had, unless a browser is required."""
    if BUILT in os.environ:
        return Path(os.environ[BUILT])

    def make(out: Path) -> None:
        folder = os.environ.get(GIVEN)
        pyodide = runtime.pyodide(Path(folder) if folder else None)
        checkout = tmp_path_factory.mktemp("checkout")
        (checkout / "notebooks").mkdir()
        for name in READ:
            shutil.copy(ROOT / "notebooks" / name, checkout / "notebooks")
        build.build(out, 40 * "d", pyodide, reading.notebooks(checkout))

    try:
        return made_once("site", make)
    except SourceError as error:
        if os.environ.get("DEVMEMKIT_REQUIRE_BROWSER") == "1":
            raise
        pytest.skip(f"no Pyodide: {error}")


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The address of a local server that shows the site."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; what its console complains about, and dialogs, fail the test."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    bad: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            bad.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("dialog", lambda dialog: (bad.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert bad == []
