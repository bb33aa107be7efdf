"""A recording that was cut or rewritten and signed anew is still no recording of its scenario."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from devmemkit.lab.recordings.complete import complete
from devmemkit.lab.recordings.recording import Recording, RecordingError, path_of, read
from devmemkit.lab.recordings.replay import replay


def act(content: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = content["stories"][0]["acts"][number]
    return found


def only(content: dict[str, Any], end: str) -> None:
    for boot in content["explain"]["boots"]:
        boot["tried"] = [row for row in boot["tried"] if row["got"] == end]


def without(content: dict[str, Any], via: str) -> None:
    trials = content["race"]["trials"]
    trials[:] = [one for one in trials if one["via"] != via or one["claim"] != "whole"]


ACT = "pmem: expected the act .* as the scenario has it"
CUT: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "an act's value is not compared": ("takeover", lambda c: act(c).update(live=True), ACT),
    "an act is another": ("takeover", lambda c: act(c, 1).update(operation="munmap"), ACT),
    "an act has other arguments": (
        "takeover", lambda c: act(c)["arguments"].update(dsync=False), ACT),
    "acts in another order": ("takeover", lambda c: c["stories"][0]["acts"].reverse(), ACT),
    "an act gone": (
        "takeover", lambda c: c["stories"][0]["acts"].pop(),
        "pmem: expected the act .*, found none"),
    "an act twice": (
        "takeover", lambda c: c["stories"][0]["acts"].append(act(c)),
        "pmem: expected each act once, got .* twice"),
    "a story gone": (
        "takeover", lambda c: c["stories"].pop(), "expected the story .*, found none"),
    "a story twice": (
        "takeover", lambda c: c["stories"].append(c["stories"][0]),
        "expected each story once, got pmem twice"),
    "a story of another scenario": (
        "takeover", lambda c: c["stories"].append(c["stories"][0] | {"name": "x"}), "got 'x'"),
    "another command line": (
        "lockdown", lambda c: [one.update(cmdline="") for one in c["stories"]],
        "expected the command line"),
    "another cause": (
        "takeover", lambda c: c["stories"][0].update(cause=""), "expected the cause"),
    "an act whose outcome is gone": (
        "takeover", lambda c: act(c, -1).pop("outcome"),
        "pmem: expected an outcome of .*, found none"),
    "a program gone": (
        "reproducers", lambda c: c["reproducers"].pop(),
        "expected the program held-write, found none"),
    "a program twice": (
        "reproducers", lambda c: c["reproducers"].append(c["reproducers"][0]),
        "expected each program once"),
    "a boot of accesses gone": (
        "explain", lambda c: c["explain"]["boots"].pop(), "expected the boots"),
    "accesses left out": ("explain", lambda c: only(c, "ok"), "expected at least 200 accesses"),
    "a way to race gone": (
        "mmap-vs-claim", lambda c: without(c, "devmem"),
        "expected 40 trials of devmem, whole; got 0"),
    "a control gone": (
        "mmap-vs-claim", lambda c: c["race"]["trials"].pop(0),
        "expected 3 trials of .*none.*; got 2"),
    "a race of another kernel": (
        "mmap-vs-claim", lambda c: c["race"].update(version="7.3"),
        "expected Linux 6.12.*; got 7.3"),
    "an outcome that was not measured": (
        "mmap-vs-claim", lambda c: [one.update(outcome="killed") for one in c["race"]["trials"]],
        "expected the outcome .*, got killed"),
    "a repair in the place of another": (
        "mmap-vs-claim-recheck", lambda c: c["race"].update(repair="pass"),
        "expected the repair 'recheck', got 'pass'"),
    "a repair where there was none": (
        "mmap-vs-claim", lambda c: c["race"].update(repair="fault"),
        "expected the repair '', got 'fault'"),
    "a touch gone": (
        "mmap-vs-claim-fault", lambda c: c["race"]["touches"].pop(),
        "touches: expected 40 trials of .*sysfs.*, got 39"),
    "touches of an order that populates at once": (
        "mmap-vs-claim-pass",
        lambda c: c["race"].update(
            touches=[{**c["race"]["trials"][0], "window": 0, "outcome": "alive"}]
        ),
        "touches: expected 0 trials of .*, got 1"),
    "a touch that was not measured": (
        "mmap-vs-claim-fault-unlocked",
        lambda c: [one.update(outcome="killed") for one in c["race"]["touches"]],
        "touches: expected the outcome .*, got killed"),
    "a cost gone": (
        "mmap-vs-claim-pass", lambda c: c["race"]["costs"].pop(),
        "costs: expected each way and length once"),
    "a boot of another kernel": (
        "boot", lambda c: c["timeline"].update(version="7.3"), "expected Linux 6.12.*; got 7.3"),
    "a boot without its calls": (
        "boot", lambda c: c["timeline"].update(calls=[], initcalls=[]),
        "expected [0-9]+ PCI devices to get files"),
    "a boot whose files another call made": (
        "boot", lambda c: c["timeline"]["devices"][2].update(made_us=1),
        "expected who made the files of .* as the calls say"),
    "a boot without a device": (
        "boot", lambda c: c["timeline"]["devices"].pop(),
        "expected [0-9]+ PCI devices to get files"),
    "a boot whose moments are gone": (
        "boot", lambda c: c["timeline"].update(moments=[]),
        "expected the moments that its initcalls say"),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_what_was_cut_or_rewritten_is_one_sentence(name: str) -> None:
    scenario, cut, sentence = CUT[name]
    whole = read(path_of(scenario, "6.12"))
    complete(whole.scenario, whole.about, whole.content)
    content = copy.deepcopy(whole.content)
    cut(content)
    with pytest.raises(RecordingError, match=rf"^{scenario}/6\.12\.json: .*{sentence}"):
        complete(scenario, whole.about, content)


def test_what_decided_nothing_is_told_by_name_and_is_no_success() -> None:
    whole = read(path_of("takeover", "6.12"))
    content = copy.deepcopy(whole.content)
    del act(content)["outcome"]
    act(content)["cannot"] = "busy"
    said: list[str] = []
    assert not replay([Recording("takeover", whole.about, content)], said.append)
    assert "6.12 takeover pmem: UNDECIDED: " in said[0]
    assert said[-1].endswith(" 0 divergences")
