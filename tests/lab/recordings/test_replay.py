"""Judging without QEMU: no recording differs from the model, and a false one is told."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devmemkit import cli
from devmemkit.lab.compare import Finding, Verdict
from devmemkit.lab.recordings import replay as module
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.recording import Recording, RecordingError, path_of, read, recordings
from devmemkit.lab.recordings.replay import Say, findings, replay
from devmemkit.model.mm import access


@pytest.fixture
def takeover() -> Recording:
    return read(path_of("takeover", "6.12"))


def act_of(recording: Recording, key: str) -> dict[str, Any]:
    acts = recording.content["stories"][0]["acts"]
    return next(act for act in acts if act["key"] == key)


def edited(recording: Recording) -> Recording:
    return replace(recording, content=copy.deepcopy(recording.content))


@pytest.mark.slow
def test_every_part_was_decided_and_no_recording_diverges(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decided(recording: Recording, progress: Say) -> Iterator[Finding]:
        for part in findings(recording, progress):
            where = f"{recording.label} {recording.scenario} {part.name}"
            assert part.verdict is Verdict.PASSED, where
            assert part.compared or "race" in recording.content, where
            yield part

    every = recordings("*", "7.3", lab="*")  # the paper replays those of all kernels
    monkeypatch.setattr("devmemkit.lab.recordings.recording.recordings", lambda lab: every)
    monkeypatch.setattr(module, "findings", decided)
    assert cli.main(["conform", "--quick"]) == 0
    said = capsys.readouterr().out
    last = said.splitlines()[-1]
    assert last.endswith(" compared, 0 divergences; the random runs were not compared")
    told = {tuple(line.split()[:2]) for line in said.splitlines()}
    assert told >= {(one.label, one.scenario) for one in every if "conform" not in one.content}


def test_another_outcome_is_told_with_its_rule(takeover: Recording) -> None:
    false = edited(takeover)
    act_of(false, "load_at_once")["outcome"] = {"value": 5}
    said: list[str] = []
    assert not replay([false], said.append)
    assert said[0] == (
        "6.12 takeover pmem: load_at_once (load: load_step): the model says SIGBUS (BUS_ADRERR) at "
        f"{act_of(takeover, 'load_at_once')['outcome']['si_addr']:#x}, the kernel 0x5"
    )
    assert said[-1].endswith(" 1 divergences")


def test_a_step_that_breaks_is_told_with_its_act_and_place(
    takeover: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("broken")

    monkeypatch.setattr(access, "fault", broken)
    said: list[str] = []
    assert not replay([takeover], said.append)
    parts = len(takeover.content["stories"])
    assert re.match(
        r"6\.12 takeover pmem: store \(store\): the model cannot play it: "
        r"TypeError: broken at test_replay\.py:\d+$",
        said[0],
    )
    assert said[-1] == f"0 outcomes compared, {parts} divergences"


def test_a_story_that_nobody_played_is_skipped(takeover: Recording) -> None:
    nothing = edited(takeover)
    (story,) = [s for s in nothing.content["stories"] if s["name"] == "pmem-control"]
    for act in story["acts"]:
        act.pop("outcome", None)
    story["acts"] = [{**act, "needs": act["key"]} for act in story["acts"]]
    nothing.content["stories"] = [story]
    assert next(judge(nothing)).verdict is Verdict.SKIPPED


def test_a_damaged_recording_is_one_sentence(
    takeover: Recording, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("devmemkit.lab.recordings.recording.recordings", lambda lab: [])
    assert cli.main(["conform"]) == 2
    assert capsys.readouterr().err == (
        "devmemkit conform: data/recordings: expected recordings, found none\n"
    )


@pytest.mark.parametrize(
    ("scenario", "spoil"),
    [
        ("mmap-vs-claim", lambda c: c["race"]["trials"][-1].update(outcome="torn")),
        ("boot", lambda c: c["timeline"]["devices"][2]["made_by"].__setitem__(2, "acpi_init")),
    ],
)
def test_a_spoilt_measurement_fails(scenario: str, spoil: Callable[[dict[str, Any]], None]) -> None:
    false = edited(read(path_of(scenario, "6.12")))
    spoil(false.content)
    assert not replay([false], lambda said: None)


def test_outside_a_checkout_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere() -> Path:
        raise FileNotFoundError("data/machines: expected in a checkout of devmemkit, found none")

    monkeypatch.setattr("devmemkit.lab.recordings.recording.data_dir", nowhere)
    assert cli.main(["conform"]) == 2
    assert capsys.readouterr().err == (
        "devmemkit conform: data/machines: expected in a checkout of devmemkit, found none\n"
    )


def test_without_fastjsonschema_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastjsonschema", None)
    monkeypatch.setattr("devmemkit.lab.recordings.recording._valid", set())  # read once already
    with pytest.raises(RecordingError, match=r"^fastjsonschema: not found; install devmem"):
        read(path_of("boot", "6.12"))
