"""Which lines and branches of the model what real kernels did passes through, and why not the rest.

    python benchmarks/coverage_by_evidence.py [--chunks N] [--page docs/coverage.md]

Needs coverage (extra bench). Everything that `devmemkit conform` compares is played on the model
under branch coverage, and nothing else. benchmarks/uncovered.toml says of every line that stays
uncovered why; what it calls excluded counts in no figure. Ends with 1 for a line without a reason,
and for a reason whose lines are all covered. With --page it writes the page that lists them.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "devmemkit" / "model"
REASONS = ROOT / "benchmarks" / "uncovered.toml"


class Line(NamedTuple):
    """A line of a module, by what does not change when others do."""

    module: str
    function: str
    text: str

    def __str__(self) -> str:
        return f"{self.module} {self.function}: {self.text}"


@dataclass(frozen=True)
class Reason:
    """Why lines stay uncovered; `lines` are "MODULE/", "MODULE", "MODULE FUNCTION", or with the
    beginning of a line "MODULE FUNCTION | TEXT"."""

    name: str
    says: str
    excluded: bool
    lines: tuple[str, ...]

    def entry_of(self, line: Line) -> str | None:
        for entry in self.lines:
            where, _, text = entry.partition(" | ")
            module, _, function = where.partition(" ")
            is_there = module == line.module or (module[-1] == "/" and module in line.module)
            if is_there and function in ("", line.function) and line.text.startswith(text):
                return entry
        return None


def reasons() -> list[Reason]:
    """What benchmarks/uncovered.toml says, in its order: the first that fits a line counts."""
    told = tomllib.loads(REASONS.read_text())
    return [
        Reason(name, one["says"], one.get("excluded", False), tuple(one["lines"]))
        for name, one in told.items()
    ]


@cache
def functions(module: str) -> dict[int, str]:
    """The qualified name of the innermost function or class of each line, "" outside of any."""
    found: dict[int, str] = {}

    def name(node: ast.AST, around: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = around
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{around}.{child.name}".lstrip(".")
                found.update(dict.fromkeys(range(child.lineno, child.end_lineno + 1), inner))
            name(child, inner)

    name(ast.parse((MODEL / module).read_text()), "")
    return found


@cache
def line_at(module: str, number: int) -> Line:
    text = (MODEL / module).read_text().splitlines()[number - 1].strip()
    return Line(module, functions(module).get(number, ""), text)


@dataclass
class Figure:
    """Statements and branches: how many, how many were passed, and those that are excluded."""

    total: int = 0
    passed: int = 0
    excluded: int = 0

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.total + other.total, self.passed + other.passed, self.excluded + other.excluded
        )

    @property
    def percent(self) -> float:
        return 100 * self.passed / (self.total or 1)


def play_all(chunks: int) -> dict[str, Any]:
    """The files of coverage's JSON report, after all evidence was played."""
    import coverage

    measured = coverage.Coverage(branch=True, source_pkgs=["devmemkit.model"], data_file=None,
                                 config_file=False)  # fmt: skip
    measured.start()
    import evidence

    for parts in (evidence.stories(), evidence.random_runs(chunks)):
        for part in parts:
            if part.differences:
                raise SystemExit(f"{part.name}: {part.differences[0]}")
    measured.stop()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(path))
        files: dict[str, Any] = json.loads(path.read_text())["files"]
    return files


def missing(module: str, found: dict[str, Any]) -> Iterator[tuple[Line, ...]]:
    """The lines that each statement and branch that was not passed is told by, the best first.

    A branch is told by the line that it leads to where that was not passed, else by its own.
    """
    for number in found["missing_lines"]:
        yield (line_at(module, number),)
    for source, target in found["missing_branches"]:
        to = (target,) if target in found["missing_lines"] else ()
        yield tuple(line_at(module, number) for number in (*to, source))


def judge(files: dict[str, Any]) -> tuple[dict[str, Figure], dict[str, dict[Line, None]], set[str]]:
    """Figures by module, uncovered lines by reason ("": none), and the entries that are in use."""
    known = reasons()
    figures: dict[str, Figure] = {}
    left: dict[str, dict[Line, None]] = {one.name: {} for one in known} | {"": {}}
    used: set[str] = set()
    for path, found in sorted(files.items()):
        module = Path(path).resolve().relative_to(MODEL).as_posix()
        summary = found["summary"]
        total = summary["num_statements"] + summary["num_branches"]
        passed = summary["covered_lines"] + summary["covered_branches"]
        dropped = 0
        for lines in missing(module, found):
            fits = ((one, line, one.entry_of(line)) for line in lines for one in known)
            reason, line, entry = next((f for f in fits if f[2]), (None, lines[0], None))
            left[reason.name if reason else ""][line] = None
            used |= {entry} if entry else set()
            dropped += bool(reason and reason.excluded)
        if any(one.excluded and module_wide(one, module) for one in known):
            total, passed, dropped = 0, 0, total
        figures[module] = Figure(total - (dropped if total else 0), passed, dropped)
    return figures, left, used


def module_wide(reason: Reason, module: str) -> bool:
    """Whether a reason speaks of the whole module."""
    return reason.entry_of(Line(module, "*", "*")) is not None


def table(figures: dict[str, Figure]) -> Iterator[tuple[str, str, str, str]]:
    """Module, per cent, what was passed of what counts, and what is excluded."""
    whole = sum(figures.values(), Figure())
    for module, one in [*figures.items(), ("all", whole)]:
        percent = f"{one.percent:.1f}" if one.total else ""
        yield module, percent, f"{one.passed}/{one.total}", str(one.excluded or "")


def page(figures: dict[str, Figure], left: dict[str, dict[Line, None]], today: str) -> str:
    """The page that lists every uncovered line with its reason."""
    whole = sum(figures.values(), Figure())
    said = [
        "# Which lines of the model real kernels bear out\n",
        "Made by `benchmarks/coverage_by_evidence.py` "
        f"on {today}; do not edit. What `devmemkit conform` compares passes "
        f"{whole.percent:.1f} % of the statements and branches of `devmemkit/model` "
        f"({whole.passed} of {whole.total}; {whole.excluded} more are excluded).\n",
        "| module | % | passed | excluded |\n|---|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in table(figures)),
    ]
    for reason in reasons():
        wide = [entry for entry in reason.lines if " " not in entry]
        kind = "Excluded" if reason.excluded else "Uncovered"
        said.append(f"\n## {kind}: {reason.says}\n")
        said += [f"- all of `{entry}`" for entry in wide]
        shown = [one for one in left[reason.name] if not module_wide(reason, one.module)]
        said += [f"- `{one}`" for one in shown]
    return "\n".join(said) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    what = "of the random runs, for each kernel; all of them if none is named"
    parser.add_argument("--chunks", type=int, default=0, metavar="N", help=what)
    parser.add_argument("--page", type=Path, metavar="FILE")
    options = parser.parse_args()
    figures, left, used = judge(play_all(options.chunks))
    for row in table(figures):
        print(f"{row[0]:20}{row[1]:>6}{row[2]:>12}{row[3]:>6}")
    stale = [e for one in reasons() for e in one.lines if e not in used]
    for line in left[""]:
        print(f"no reason: {line}")
    for entry in stale:
        print(f"covered, or not there: {entry}")
    if options.page:
        options.page.write_text(page(figures, left, date.today().isoformat()))
    return 1 if stale or left[""] else 0


if __name__ == "__main__":
    sys.exit(main())
