"""Fixtures shared by every test."""

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the system's Chromium; skips where there is none, unless a browser is required."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    reason = f"no browser on PATH: looked for {', '.join(BROWSERS)}"
    if os.environ.get("DEVMEMKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}; DEVMEMKIT_REQUIRE_BROWSER=1 does not allow a skip")
    pytest.skip(reason)
