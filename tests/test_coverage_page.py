"""The page of uncovered lines: each is in the sources, has its reason, and no reason is idle."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LISTED = re.compile(r"- `(?P<module>\S+) (?P<function>[\w.]*): (?P<text>.*)`")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = ROOT / "benchmarks" / "coverage_by_evidence.py"
    spec = importlib.util.spec_from_file_location("coverage_by_evidence", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # its dataclasses look there
    spec.loader.exec_module(made)
    return made


def sections() -> dict[str, list[str]]:
    """The lines of the page's lists, by the heading above them."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "docs" / "coverage.md").read_text().splitlines():
        if line.startswith("## "):
            found[line[3:]] = []
        elif line.startswith("- "):
            list(found.values())[-1].append(line)
    return found


def test_each_reason_has_its_section_and_each_entry_its_lines(benchmark: ModuleType) -> None:
    told = sections()
    for reason in benchmark.reasons():
        lines = told.pop(f"{'Excluded' if reason.excluded else 'Uncovered'}: {reason.says}")
        found = [match for match in map(LISTED.match, lines) if match]
        listed = [benchmark.Line(**match.groupdict()) for match in found]
        wide = [line for line in lines if not LISTED.match(line)]
        assert wide == [f"- all of `{entry}`" for entry in reason.lines if " " not in entry]
        entries = {reason.entry_of(line) for line in listed}
        assert entries == {entry for entry in reason.lines if " " in entry}
    assert not told


def test_no_listed_line_is_stale(benchmark: ModuleType) -> None:
    there: dict[str, set[object]] = {}
    for path in sorted(benchmark.MODEL.rglob("*.py")):
        module = path.relative_to(benchmark.MODEL).as_posix()
        count = len(path.read_text().splitlines())
        there[module] = {benchmark.line_at(module, number) for number in range(1, count + 1)}
    listed = [match for lines in sections().values() for match in map(LISTED.match, lines) if match]
    assert listed
    for match in listed:
        line = benchmark.Line(**match.groupdict())
        assert line in there[line.module], f"docs/coverage.md lists what is no more: {line}"


def test_the_figure_of_the_page_is_the_sum_of_its_table() -> None:
    text = (ROOT / "docs" / "coverage.md").read_text()
    rows = re.findall(r"^\| (\S+) \| [\d.]* \| (\d+)/(\d+) \|", text, re.M)
    (whole,) = [(int(a), int(b)) for name, a, b in rows if name == "all"]
    parts = [(int(a), int(b)) for name, a, b in rows if name != "all"]
    assert (sum(a for a, _ in parts), sum(b for _, b in parts)) == whole
    said = re.search(r"([\d.]+) % of the statements and branches .* \((\d+) of (\d+);", text)
    assert said is not None
    assert (int(said[2]), int(said[3])) == whole
    assert said[1] == f"{100 * whole[0] / whole[1]:.1f}"


def test_a_line_of_a_function_is_told_by_its_text(benchmark: ModuleType) -> None:
    reason = benchmark.Reason("r", "", False, ("a.py f | if x", "b.py", "c/"))
    for module, function, text, entry in (
        ("a.py", "f", "if x:", "a.py f | if x"),
        ("a.py", "g", "if x:", None),
        ("a.py", "f", "x = 1", None),
        ("b.py", "g", "x = 1", "b.py"),
        ("c/d.py", "", "x = 1", "c/"),
        ("d.py", "", "x = 1", None),
    ):
        assert reason.entry_of(benchmark.Line(module, function, text)) == entry
