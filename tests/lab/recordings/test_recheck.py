"""Random runs judged anew: a right model agrees, a wrong one is told where; no process is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from devmemkit import cli
from devmemkit.lab.compare import Finding, Verdict
from devmemkit.lab.fuzz import generate
from devmemkit.lab.fuzz.places import PLACES
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings import recheck
from devmemkit.lab.recordings.manifest import ON_16K, RECORDED
from devmemkit.lab.recordings.recheck import judge_part, judge_run, parts
from devmemkit.lab.recordings.recording import Recording, RecordingError, path_of, read
from devmemkit.lab.recordings.replay import SHOWN, replay
from devmemkit.model.resource import revoke
from tests.lab.family import alive, family, until
from tests.lab.recordings.small import MADE, PERFORMED, ends, small

ROOT = Path(__file__).parents[3]


def quiet(_: str) -> None:
    pass


def test_a_right_kernel_agrees_and_every_outcome_is_compared() -> None:
    found = judge_run(small(), quiet, 1)
    assert (found.verdict, found.differences) == (Verdict.PASSED, ())
    assert found.compared == sum(len(one.outcomes) for one in PERFORMED) > 500


def test_what_was_recorded_is_replayed_and_never_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    def generated(*_: object) -> NoReturn:
        raise AssertionError("generated")

    for module in (generate, runs):
        monkeypatch.setattr(module, "sequence", generated)
    assert replay([small()], quiet)


@pytest.mark.slow
def test_several_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "CHUNK", 1)
    kept = ends()
    kept[2][0] = {"outcome": {"errno": "EPERM"}}
    false = small(kept=kept)
    assert len(parts(false)) == 3
    assert judge_run(false, quiet, 1) == judge_run(false, quiet, 2)
    assert judge_run(false, quiet, 2).differences


def test_a_wrong_model_is_told_with_kernel_sequence_act_and_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revoke, "zapped_pages", lambda *_: (1, 0))
    said: list[str] = []
    assert not replay([small()], said.append)
    first = said[0]
    assert first.startswith("6.12 conform random operations: sequence ")
    assert ": the model says " in first
    assert ", the kernel SIGBUS (BUS_ADRERR) at 0x" in first
    assert said[-1].endswith(" divergences")
    assert not said[-1].endswith(" 0 divergences")


def test_a_false_outcome_is_told() -> None:
    kept = ends()
    ended = {"outcome": {"value": 0}}
    pairs = enumerate(zip(MADE[1].acts, kept[1], strict=True))
    at = next(n for n, (act, end) in pairs if act.operation == "munmap" and end == ended)
    kept[1][at] = {"outcome": {"errno": "ENOMEM"}}
    said: list[str] = []
    assert not replay([small(kept=kept)], said.append)
    assert said[0].startswith(f"6.12 conform random operations: sequence 1: a{at} (munmap: ")
    assert said[0].endswith("): the model says 0x0, the kernel ENOMEM")
    assert said[-1].endswith(" outcomes compared, 1 divergences")


def test_what_first_differs_in_each_sequence_comes_first_and_all_are_counted() -> None:
    wrong = [[{"outcome": {"errno": "EXDEV"}} for _ in one] for one in ends()]
    said: list[str] = []
    assert not replay([small(kept=wrong)], said.append)
    assert [line.split(": ")[1] for line in said[:4]] == [
        *("sequence 0", "sequence 1", "sequence 2", "sequence 0")
    ]
    more = sum(map(len, wrong)) - SHOWN
    assert said[SHOWN] == f"6.12 conform random operations: {more} more"
    assert said[-1].endswith(f" {more + SHOWN} divergences")


def rows(kept: list[list[dict[str, Any]]]) -> Finding:
    run = small(kept=kept)
    return judge_run(run, quiet, 1)


def test_what_the_guest_could_not_do_decides_nothing() -> None:
    kept = ends()
    at = 20
    compared = sum("outcome" in end for one in kept for end in one)
    kept[0][at] = {"cannot": "the module did not load"}
    behind = sum("outcome" in end for end in kept[0][at + 1 :])
    run = small(kept=kept)
    left = compared - behind - ("outcome" in ends()[0][at])
    run.content["conform"]["ops"] = left
    found = judge_run(run, quiet, 1)
    assert (found.compared, found.differences) == (left, ())


def test_what_a_device_said_is_not_compared_but_that_it_said_something() -> None:
    kept = ends()
    at = next(
        n
        for n, act in enumerate(MADE[2].acts)
        if act.live and act.operation == "load" and "value" in kept[2][n].get("outcome", {})
    )
    kept[2][at] = {"outcome": {"value": 0x1234}}
    assert rows(kept).differences == ()
    kept[2][at] = {"outcome": {"errno": "EIO"}}
    assert len(rows(kept).differences) == 1


def test_an_act_that_only_one_of_them_played_differs() -> None:
    kept = ends()
    at = next(n for n, end in enumerate(kept[1]) if "outcome" not in end)
    kept[1][at] = {"outcome": {"value": 0}}
    (difference,) = rows(kept).differences
    assert difference == (
        f"sequence 1: a{at} (not played): the model says not played, the kernel 0x0"
    )


def test_a_run_that_was_cut_is_no_smaller_run() -> None:
    cut = small(kept=ends()[:2])
    cut.content["conform"]["ops"] = small().content["conform"]["ops"]
    with pytest.raises(RecordingError, match=r"^conform/6\.12\.json: expected \d+ outcomes to"):
        judge_run(cut, quiet, 1)
    longer = small(kept=[*ends(), *ends()])
    with pytest.raises(RecordingError, match=r"expected ends of 1 to 3 sequences, got 6"):
        judge_run(longer, quiet, 1)
    with pytest.raises(RecordingError, match=r"expected ends of 1 to 3 sequences, got 0"):
        judge_run(small(kept=[]), quiet, 1)


@pytest.mark.slow
def test_damage_that_a_process_finds_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "CHUNK", 1)
    kept = ends()
    kept[2] = kept[2][:-1]
    with pytest.raises(RecordingError, match=r"^conform/6\.12\.json: outcomes of sequence 2: exp"):
        judge_run(small(kept=kept), quiet, 2)


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "CHUNK", 1)
    monkeypatch.setattr(recheck, "EVERY", 0.0)
    said: list[str] = []
    found = judge_run(small(), said.append, 1)
    assert len(said) == 3
    assert said[-1] == (
        f"Linux 6.12, random operations: 3 of 3 sequences, {found.compared} outcomes compared"
    )


@pytest.mark.slow  # `devmemkit conform` compares all of them
@pytest.mark.parametrize(
    ("version", "lab"),
    [*((version, "2g") for version in RECORDED), *((version, "arm64-16k") for version in ON_16K)],
)
def test_the_checkout_has_random_runs_that_the_model_agrees_with(version: str, lab: str) -> None:
    recording = read(path_of("conform", version, lab))
    found = parts(recording)
    summary = recording.content["conform"]
    assert len(found) == summary["sequences"]
    assert summary["ops"] >= PLACES[lab].ops >= 20_000
    for part in found[::30]:
        judged = judge_part(part)
        assert judged.differences == ()
        assert judged.compared == decided(json.loads(part.ends)) > 0


def decided(ended: list[dict[str, Any]]) -> int:
    """Outcomes of a sequence up to the first act that could not be carried out."""
    return sum("outcome" in end for end in takewhile(lambda end: "cannot" not in end, ended))


def test_without_the_random_runs_the_last_line_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(*, lab: str) -> list[Recording]:
        assert lab == "*"
        return [read(path_of("takeover", "6.12")), small()]

    monkeypatch.setattr("devmemkit.lab.recordings.recording.recordings", known)
    assert cli.main(["conform", "--quick"]) == 0
    quickly = capsys.readouterr().out.splitlines()
    assert not any(" conform " in line for line in quickly)
    assert cli.main(["conform"]) == 0
    whole = capsys.readouterr().out.splitlines()
    row = next(line.split() for line in whole if line.split()[1] == "conform")
    assert row == ["6.12", "conform", "1", "0", "0", "0", "1", row[-1]]
    counts = [int(lines[-1].split()[0]) for lines in (quickly, whole)]
    assert counts[1] - counts[0] == int(row[-1]) == small().content["conform"]["ops"]
    assert quickly[-1] == (
        f"{counts[0]} outcomes compared, 0 divergences; the random runs were not compared"
    )


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
@pytest.mark.parametrize(
    "moment",
    [*(pytest.param(one, marks=pytest.mark.slow) for one in ("first child", "at work")),
     "all children"],
)  # fmt: skip
def test_whatever_ends_it_ends_its_processes(how: signal.Signals, moment: str) -> None:
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        if moment == "at work":
            assert "sequences" in process.stderr.readline()
        else:
            children = {"first child": 1, "all children": 3}[moment]  # and what tracks semaphores
            until(lambda: len(family(process.pid)) >= children, process)
        children = family(process.pid)
        if how is signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does
        else:
            process.kill()
        said = process.stderr.read().splitlines()
        status = process.wait()
    while any(map(alive, children)):
        time.sleep(0.01)
    if how is signal.SIGINT:
        assert status == 130
        assert [line for line in said if "random operations" not in line] == [
            "devmemkit conform: interrupted"
        ]


RUN = """
import sys
from devmemkit import cli
from devmemkit.lab.recordings import recheck, recording
if __name__ == "__main__":
    recheck.EVERY, recheck.cores = 0.0, lambda: 2
    every = recording.recordings
    recording.recordings = lambda lab: every("conform", "7.3")
    sys.exit(cli.main(["conform"]))
"""
