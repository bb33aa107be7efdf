"""The explorers as the page has them: the notebooks' own classes on the stand-in for ipywidgets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devmemkit.site import prepare
from devmemkit.site.live.catalogue import EXPLORERS

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
OF_NOTEBOOKS = ("test_pane.py", "test_explorer.py")
"""Tests of what only ipywidgets has: Bokeh's pane, and messages of the notebook's page."""


def python(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python as the page's, without ipywidgets."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=code,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
def test_the_explorers_pass_their_tests_on_the_stand_in() -> None:
    left = [f"--ignore=tests/widgets/{name}" for name in OF_NOTEBOOKS]
    plugins = ["-p", "tests.site.as_page", "-p", "no:cacheprovider"]
    done = python("-m", "pytest", "-q", "-n0", "-m", "", *plugins, "tests/widgets", *left)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "skipped" not in done.stdout


CODE = """
import json, sys
sys.modules["ipywidgets"] = None
from devmemkit.site.live import explorers
told = {name: explorers.explorer(name) for name in explorers.MAKERS}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the page gets of each explorer."""
    done = python("-", code=CODE)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_notebook_with_an_explorer_has_it_here(told: dict[str, Any]) -> None:
    shown = {}
    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                plain = "".join(output.get("data", {}).get("text/plain", ""))
                if "Explorer(" in plain:
                    shown[path.name] = plain
    assert shown.keys() == {offer.notebook for offer in EXPLORERS.values()}
    for name, offer in EXPLORERS.items():
        assert shown[offer.notebook].endswith(f"Explorer({told[name]['summary']})")


HEARD = """
import sys
sys.modules["ipywidgets"] = None
import json
from devmemkit.explore.search import WATCHERS
from devmemkit.site.live.dispatch import handle
heard = []
def tell(**message):
    heard.clear()
    handle(json.dumps(message), heard.append)
    print(json.dumps(heard))
tell(do="ask", paste="fe000000-fe00ffff : x\\n", address="0xfe000000", via="devmem", op="mmap")
tell(do="explorer", name="orders")
tell(do="change", name="orders", number=2, field="index", value=0)
tell(do="explorer", name="no such")
"""


def test_the_page_hears_what_python_does() -> None:
    done = python("-", code=HEARD)
    asked, opened, changed = map(json.loads, done.stdout.splitlines())
    assert asked == ["reading 2 lines", "asking the model", "drawing the map"]
    assert "KeyError: 'no such'" in done.stderr
    for heard in (opened, changed):
        counts = [int(re.fullmatch(r"searching: ([\d,]+) states", one)[1]) for one in heard]
        assert len(counts) > 5
        assert max(counts) > 20  # a search that learns something begins anew


def test_no_markup_of_an_explorer_has_a_style(told: dict[str, Any]) -> None:
    pieces = [one for made in told.values() for one in prepare._below(made["tree"])]
    markup = [one["state"]["value"] for one in pieces if one["kind"] == "HTML"]
    assert any("<td" in one for one in markup)
    assert not [one for one in markup if "style=" in one]
