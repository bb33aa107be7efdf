"""`devmemkit explore`: the verdict first, JSON by its keys, mistakes in one sentence."""

from __future__ import annotations

import json

import pytest

from devmemkit import cli
from devmemkit.cli.explore import format_result
from devmemkit.explore.check import Result, explore
from devmemkit.explore.interleavings import Orders
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS
from devmemkit.scenarios.races.catalogue import ORDERS
from devmemkit.scenarios.races.claims import mmap_vs_claim

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
    assert "claim-vs-release on Linux 6.12, RevokeAll: violated; " in said
    assert "\nC0:insert R0:release C0:both_ends\n" in said


@pytest.mark.parametrize(
    ("name", "repair"),
    [
        ("mmap-vs-claim", ""),
        ("early-claim", ", repaired: recheck"),
        ("nd-pmem", ", repaired: fault"),
    ],
)
def test_a_result_says_which_kernel_was_searched(
    name: str, repair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explore", name, "--kernel", "7.3"]) == 0
    assert capsys.readouterr().out.startswith(f"{name} on Linux 7.3, RevokeAll{repair}: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["policies", "--repair", "recheck"], "--repair: expected a single race"),
        (["policies", "--tasks", "3"], "--tasks: expected a single race"),
        (["policies", "--graph", "x.json"], "--graph: expected a single race"),
        (["coffee"], "race: expected one of mmap-vs-claim, claim-vs-release, early-claim"),
        (["mmap-vs-claim", "--kernel", "1.0"], "kernel: expected one of"),
        (["mmap-vs-claim", "--policy", "Prayer"], "policy: expected one of NoProtection, "),
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


@pytest.mark.parametrize("name", ["mmap-vs-claim", "policies"])
def test_where_policies_come_from_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explore", name, "--policy", "Mine"]) == 2
    added = "(a package adds its own: entry points devmemkit.policies); got 'Mine'\n"
    assert capsys.readouterr().err.endswith(added)
    assert cli.main(["explore", "--help"]) == 0
    help = " ".join(capsys.readouterr().out.split())
    for what in ("effect of a claim on mappings", "order of the steps of an mmap or of a copy"):
        assert f"{what}, one of those above" in help
    assert f"POLICY is {', '.join(POLICIES)}. A package adds its own by an entry point" in help
    for repair, what in (*REPAIRS.items(), *COPY_REPAIRS.items()):
        assert f"{repair} ({what})" in help


def test_a_result_in_words() -> None:
    """The shortest way counts from 1; a bound, a proof and what held nowhere are told apart."""
    kernel = KernelProfile("6.12")
    found = explore(mmap_vs_claim(kernel))
    lines = format_result("mmap-vs-claim", kernel, found, None).splitlines()
    example = found.counterexample
    assert example is not None
    assert lines[1:3] == [f"violated: {example.broken}", example.line()]
    assert lines[3] == "   1 U0: mmap_devmem do_mmap"
    assert len(lines) == 3 + len(example.steps)
    ended = {step.step: line for step, line in zip(example.steps, lines[3:], strict=True)}
    assert ended["mmap_end"].endswith(" mmap_end = 0x7f0000000000")
    plain = Result("not-found", 7, 9, 0.5, None, reductions=("symmetry",))
    assert format_result("a", kernel, plain, Orders(1234, 5)).splitlines() == [
        "a on Linux 6.12, RevokeAll: holds on all 7 states; 9 transitions, 0.500 s (symmetry)",
        "1,234 orders of all steps; 5 differ in more than the order of independent steps",
    ]
    idle = Result("not-found", 7, 9, 0.5, None, ("it is mapped",))
    assert format_result("a", kernel, idle, None).splitlines() == [
        "a on Linux 6.12, RevokeAll: never put to the test: no state in which it is mapped; "
        "7 states, 9 transitions, 0.500 s",
        "vacuous: in no state does it hold that it is mapped",
    ]
    bounded = Result("bounded", 7, 9, 0.5, None, bound="7 states")
    assert format_result("a", kernel, bounded, None).splitlines() == [
        "a on Linux 6.12, RevokeAll: undecided: not violated in the 7 states that were searched; "
        "9 transitions, 0.500 s",
        "the search stopped at a bound of 7 states: states beyond are unknown",
    ]
    assert (bounded.ends, bounded.vacuous, bounded.reductions) == (0, (), ())
