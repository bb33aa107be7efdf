"""Fixtures shared by every test."""

import gc
import os
import shutil
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

from devmemkit.lab.processes import cores

# jsonschema would compile a grammar for URLs with it, for a second in each process.
sys.modules.setdefault("rfc3987_syntax", None)

# The first example of a run builds Unicode tables; how long that takes says nothing.
settings.register_profile(
    "devmemkit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,  # a change is judged by the same examples each time
)
settings.load_profile("devmemkit")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LONGEST = (
    *("test_notebooks.py", "test_explorers_live.py", "guest/test_boot.py", "test_conform.py"),
    *("test_faults.py", "test_gone.py", "test_reproduce.py", "test_findings.py"),
)


# In the background a shell has its commands ignore these, and our children would inherit it.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m does not ask for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a browser, a guest or a Debian archive of its own.

    The longest files come first: each goes to one worker whole, and the last one is waited for.
    """
    slow = {"chromium_path", "kernel", "booted", "arm_kernel", "world"}
    for item in items:
        if slow & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)  # benchmarks/mutants.py runs the tests without xdist
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: many tests wait for a process of their own."""
    return cores() + 1


def pytest_collection_finish() -> None:
    """Spare the garbage collector six thousand tests, which stay: it would visit them each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def rank(item: pytest.Item) -> int:
    """The place of a test's file in LONGEST, whose end is that of all other files."""
    found = (place for place, end in enumerate(LONGEST) if item.path.as_posix().endswith(end))
    return next(found, len(LONGEST))


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
