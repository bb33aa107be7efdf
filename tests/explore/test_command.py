"""`devmemkit explore`: the verdict first, JSON by its keys, mistakes in one sentence."""

from __future__ import annotations

import json

import pytest

from devmemkit import cli
from devmemkit.scenarios.orders import ORDERS

KEYS = {"verdict", "states", "transitions", "seconds", "counterexample"}


@pytest.mark.parametrize("name", ORDERS)
def test_every_scenario_is_searched(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explore", name, "--kernel", "7.3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.keys() >= KEYS
    assert result["verdict"] in ("found", "not-found")
    assert result["vacuous"] == []
    example = result["counterexample"]
    assert (example is not None) == (result["verdict"] == "found")
    steps = example["steps"] if example else []
    line = example["line"].split() if example else []
    assert line == [f"{step['task']}:{step['step']}" for step in steps]


def test_the_counterexample_is_told_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explore", "claim-vs-release", "--tasks", "2"]) == 0
    said = capsys.readouterr().out
    assert "claim-vs-release on Linux 6.12, RevokeAll: found; " in said
    assert "\nC0:insert R0:release C0:both_ends\n" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["coffee"], "scenario: expected one of mmap-vs-claim, claim-vs-release, early-claim"),
        (["mmap-vs-claim", "--kernel", "1.0"], "kernel: expected one of"),
        (["mmap-vs-claim", "--policy", "Prayer"], "policy: expected one of"),
        (["mmap-vs-claim", "--via", "tea"], "via: expected one of devmem, sysfs"),
        (["early-claim", "--via", "tea"], "via: expected one of devmem, sysfs"),
        (["policies", "--via", "tea"], "via: expected one of devmem, sysfs"),
        (["mmap-vs-claim", "--tasks", "0"], "tasks: expected 1 to 9, got 0"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explore", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"devmemkit explore: {sentence}")
    assert said.count("\n") == 1
