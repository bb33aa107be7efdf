"""Figures that are kept, not computed: each stands in one file, and prose repeats that."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from devmemkit.scenarios.machines import data_dir

ROOT = Path(__file__).parents[1]
PROSE = [
    ROOT / "README.md",
    ROOT / "benchmarks/RESULTS.md",
    *(one for one in sorted((ROOT / "docs").rglob("*.md")) if one.parent.name != "made"),
]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    return tomllib.loads((data_dir() / "measured.toml").read_text("utf-8"))


def told(pattern: str) -> set[tuple[str, ...]]:
    """What prose says where a pattern matches; thousands without their comma."""
    texts = (re.sub(r"(?<=\d),(?=\d{3})", "", one.read_text("utf-8")) for one in PROSE)
    return {match.groups() for text in texts for match in re.finditer(pattern, text)}


def share(killed: int, of: int) -> str:
    return f"{100 * killed / of:.1f}"


def test_the_coverage_that_prose_tells_is_the_one_measured(measured: dict[str, Any]) -> None:
    passed, of = measured["coverage"]["passed"], measured["coverage"]["of"]
    page = (ROOT / "docs/coverage.md").read_text("utf-8")
    assert f"| all | {share(passed, of)} | {passed}/{of} |" in page
    assert told(r"([\d.]+) % of the\s+statements") == {(share(passed, of),)}
    assert told(rf"(\d+) of {of}\b") == {(str(passed),)}
    assert told(rf"\b{passed} of (\d+)") == {(str(of),)}


def test_the_mutants_that_prose_tells_are_those_counted(measured: dict[str, Any]) -> None:
    alone, first = measured["mutants"]["recordings"], measured["mutants"]["first"]["model"]
    # The estimate comes first everywhere; what was recorded after a look is named as such.
    assert told(rf"(\d+)\s+of\s+(?:the )?{alone['of']}\b") == {(str(alone["stood"]),)}
    assert told(rf"of\s+{alone['of']}\s+\(([\d.]+)\s+%\),\s+and\s+(\d+)\s+once\s+a\s+story") == {
        (share(alone["stood"], alone["of"]), str(alone["killed"]))
    }
    fresh = measured["mutants"]["new"]["model"]
    assert told(rf"(\d+)\s+of\s+{fresh['of']}\s+\(([\d.]+)\s+%\)") == {
        (str(fresh["stood"]), share(fresh["stood"], fresh["of"]))
    }
    assert told(r"\(([\d.]+) %\)\s*\|\s*121\b") == {(share(alone["killed"], alone["of"]),)}
    assert told(r"Of (\d+)\s+small faults") <= {(str(first["of"]),)}
    groups = [alone, *measured["mutants"]["first"].values(), *measured["mutants"]["new"].values()]
    assert all(one.get("stood", 0) <= one["killed"] <= one["of"] for one in groups)


def test_each_report_that_explain_was_asked_has_one_verdict(measured: dict[str, Any]) -> None:
    reports = measured["explain"]["reports"]
    assert sum(reports[name] for name in ("first", "among", "wrong", "asks")) == reports["of"]
    assert reports["sure"] <= reports["wrong"]
    assert reports["fair"] <= reports["asks"]
