"""The mutants of benchmarks/: each is a change that compiles, and drawn the same way every time."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DRAW = """
import json, sys
from dataclasses import asdict
sys.path.insert(0, "benchmarks")
from mutants import ROOT, candidates, sample
everything = [asdict(one) for package in ("model", "explore") for one in candidates(ROOT, package)]
drawn = [[one.name for one in sample(ROOT, "model", count, 1)] for count in (20, 40)]
other = [one.name for one in sample(ROOT, "model", 20, 2)]
print(json.dumps([everything, drawn, other]))
"""


@pytest.mark.slow
def test_mutants() -> None:
    said = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    everything, (few, more), other = json.loads(said)
    changed: dict[str, list[dict[str, Any]]] = {}
    for one in everything:
        changed.setdefault(one["module"], []).append(one)
    for module, mutants in changed.items():
        source = (ROOT / module).read_bytes()
        whole = ast.dump(ast.parse(source))
        for one in mutants[:: max(1, len(mutants) // 10)]:
            first, last = one["span"]
            assert source[first:last].decode() == one["old"]
            mutated = source[:first] + one["new"].encode() + source[last:]
            assert ast.dump(ast.parse(mutated)) != whole, one
    kinds = {one["kind"] for one in everything}
    assert {"comparison", "number", "order", "row", "loop", "statement", "return"} <= kinds
    swapped = [one["new"] for one in everything if one["kind"] == "order"]
    assert any("nd_pmem_remove', pmem_release, memunmap_pages" in text for text in swapped)
    assert more[:20] == few
    assert len(set(more)) == 40
    assert set(other) != set(few)


def test_a_mutant_that_is_not_decided_counts_on_neither_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    mutants = importlib.import_module("mutants")
    assert mutants.share(3, 0, 4) == "killed 3 of 4, 75.0 %"
    assert mutants.share(3, 1, 4) == "killed 3 of 4, 1 not decided yet: 75.0 to 100.0 %"


def test_the_tests_that_mutants_are_asked_start_without_plugins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    mutants = importlib.import_module("mutants")
    own = mutants.mirror(ROOT, "devmemkit/model/boot.py")
    listed = {one for names in mutants.OWN.values() for one in names}
    missing = [one for one in listed if not (ROOT / "tests" / f"{one}.py").is_file()]
    missing += [one for one in mutants.REST if not (ROOT / one).exists()]
    assert (own, missing) == (
        ["tests/model/test_step.py", "tests/explore/test_scenarios.py", "tests/model/test_boot.py"],
        [],
    )
    environment = {"PYTHONPATH": "benchmarks", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    started = subprocess.run(
        [sys.executable, *mutants.PYTEST, "--collect-only", own[0]],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert started.returncode == 0, started.stdout + started.stderr
