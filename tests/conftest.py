"""Fixtures shared by every test."""

import fcntl
import gc
import hashlib
import json
import os
import shutil
import signal
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from devmemkit.lab.processes import cores
from devmemkit.site import prepare

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
    """Mark as slow what needs a browser, a guest, a Debian archive or a report of its own.

    The longest files come first: each goes to one worker whole, and the last one is waited for.
    """
    slow = {"chromium_path", "kernel", "booted", "arm_kernel", "world", "report"}
    for item in items:
        if slow & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: rank(item.path))


@pytest.hookimpl(optionalhook=True)  # benchmarks/mutants.py runs the tests without xdist
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: many tests wait for a process of their own."""
    return cores() + 1


def pytest_collection_finish() -> None:
    """Collect garbage between files only, and spare the collector seven thousand tests."""
    gc.collect()
    gc.freeze()
    gc.disable()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()  # what a file leaves is kept by caches


@cache
def rank(file: Path) -> int:
    """The place of a file in LONGEST, whose end is that of all other files."""
    found = (place for place, end in enumerate(LONGEST) if file.as_posix().endswith(end))
    return next(found, len(LONGEST))


@pytest.fixture(scope="session")
def of_the_run(tmp_path_factory):
    """The folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def made_once(of_the_run):
    """Makes a folder by its name in one worker, for all of them to read."""

    def made(name, make):
        whole, part = of_the_run / name, of_the_run / f"{name}.part"
        with (of_the_run / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(part, ignore_errors=True)  # of a worker that failed
                make(part)
                part.rename(whole)
        return whole

    return made


@pytest.fixture(scope="session", autouse=True)
def states_once(of_the_run):
    """The states of an explorer, which take seconds, are computed by one worker for all."""

    def answers(package, messages):
        if any(one["do"] != "states" for one in messages):
            return computed(package, messages)
        return [states(package, one) for one in messages]

    def states(package, message):
        name = hashlib.sha256(package + json.dumps(message).encode()).hexdigest()
        with (of_the_run / f"states-{name}.json").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            if not text:
                text = json.dumps(computed(package, [message])[0])
                file.write(text)
        return json.loads(text)

    computed, prepare.answers = prepare.answers, answers
    yield
    prepare.answers = computed


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
