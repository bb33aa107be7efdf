"""The claims: each verdict turns when its evidence does, and none stands without evidence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from devmemkit import cli
from devmemkit.artifact import answers, claims, ledger
from devmemkit.artifact.answers import KINDS, Missing, Sources
from devmemkit.artifact.ledger import Ledger, entries
from devmemkit.explore.policies import REPAIRED
from devmemkit.lab.recordings.recording import Recording, RecordingError, path_of, read
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.claim_races import claim_vs_release
from devmemkit.scenarios.concurrent import Concurrent
from devmemkit.scenarios.orders import ORDERS

ENTRIES = {entry["id"]: entry for entry in entries()}

OTHERWISE: dict[tuple[str, str], dict[str, Any]] = {
    ("survived-before-5.8", "model"): {"kernel": "5.8"},
    ("sigbus-at-next-touch", "model"): {"kernel": "4.5"},
    ("bars-since-5.12", "model"): {"kernel": "5.10"},
    ("both-ends-exact", "order"): {"scenario": "own-release"},
    ("self-contained", "3"): {"kernel": "6.12"},
    ("pages-vanish", "cell"): {"policy": "RefuseClaim"},
    ("attributes-race", "found"): {"kernel": "7.2"},
    ("attributes-race", "not-found"): {"kernel": "7.1"},
    ("cannot-be-static", "no null pointer is followed: no"): {"at_open": True},
    ("cannot-be-static", "no null pointer is followed: yes"): {"at_open": False},
    ("early-claim-harmless", "order"): {"scenario": "mmap-vs-claim"},
    ("claim-should-fail", "cell"): {"policy": REPAIRED},
    ("nothing-before", "cell"): {"policy": "DenyIdle"},
    ("claim-ends-access", "order"): {"repair": "recheck"},
    ("check-again-repairs", "order"): {"repair": ""},
    ("rmap-lock-repairs", "order"): {"repair": "recheck"},
    ("muxed-wakes", "found"): {"kernel": "6.12"},
    ("muxed-wakes", "not-found"): {"kernel": "6.1"},
    ("nd-pmem-never-idle", "order"): {"policy": "DenyIdle"},
}
"""What to ask instead, by the claim and the kind or what is expected: another kernel or policy."""


def edited(recording: Recording, story: str, act: str) -> Recording:
    """The recording, in which that act failed if it went well, and went well if it failed."""
    content = copy.deepcopy(recording.content)
    (acts,) = (one["acts"] for one in content["stories"] if one["name"] == story)
    (entry,) = (one for one in acts if one["key"] == act)
    entry["outcome"] = {"errno": 5} if "value" in entry["outcome"] else {"value": 0}
    return Recording(recording.scenario, recording.about, content)


def nothing_survived(recording: Recording) -> Recording:
    """The recording of a race in which no mapping survived the claim."""
    content = copy.deepcopy(recording.content)
    for trial in content["race"]["trials"]:
        if trial["outcome"] == "survived":
            trial["outcome"] = "killed"
    return Recording(recording.scenario, recording.about, content)


def ask_otherwise(evidence: dict[str, Any], id: str) -> dict[str, Any]:
    """The evidence with the kind "spoiled" registered to ask it of something else."""
    kind = evidence["kind"]
    rests_on, ask = KINDS[kind]

    def recorded(_: Sources, version: str, **arguments: Any) -> str:
        whole = answers._read(arguments["scenario"], version)
        spoiled = edited(whole, arguments["story"], arguments["act"])
        given = Sources({(arguments["scenario"], version): spoiled})
        return ask(given, version, **arguments)

    def raced(_: Sources, version: str, **arguments: Any) -> str:
        name = "mmap-vs-claim"
        given = {(name, version): nothing_survived(answers._read(name, version))}
        return ask(Sources(given), version, **arguments)

    def run(_: Sources, version: str, **arguments: Any) -> str:
        whole = answers._read("reproducers", version)
        content = copy.deepcopy(whole.content)
        for program in content["reproducers"]:
            for one in program["runs"]:
                if not one["control"]:
                    one["status"] = 1 - one["status"]
        given = {("reproducers", version): Recording("reproducers", whole.about, content)}
        return ask(Sources(given), version, **arguments)

    def another(sources: Sources, version: str, **arguments: Any) -> str:
        told = OTHERWISE.get((id, evidence["expect"]), OTHERWISE.get((id, kind), {}))
        changed = dict(told or {"kernel": "4.5" if version != "4.5" else "6.12"})
        return ask(sources, changed.pop("kernel", version), **arguments | changed)

    name = f"spoiled {len(KINDS)}"
    KINDS[name] = (
        rests_on,
        {"recorded": recorded, "race": raced, "reproducer": run}.get(kind, another),
    )
    return evidence | {"kind": name}


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kinds of evidence that are gone after the test; one scenario more, without its cause."""

    def own(kernel: KernelProfile, via: str, tasks: int) -> Concurrent:
        return claim_vs_release(kernel, via=via, drivers=tasks, rogue=False)

    monkeypatch.setitem(ORDERS, "own-release", own)
    before = dict(KINDS)
    yield
    KINDS.clear()
    KINDS.update(before)


SIDES = [(id, side) for id, e in ENTRIES.items() for side in {o["then"] for o in e["evidence"]}]


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("id", "side"), sorted(SIDES))
def test_the_verdict_turns_with_the_evidence(id: str, side: str) -> None:
    entry = copy.deepcopy(ENTRIES[id])
    mine = [one for one in entry["evidence"] if one["then"] == side]
    found = Ledger().weigh(entry)
    assert found.reproduced
    kernels = {version for one in mine for version in one["kernels"]}
    asked = [ask_otherwise(one, id) if one in mine else one for one in entry["evidence"]]
    weighed = Ledger().weigh(entry | {"evidence": asked})
    assert {v for v in kernels if weighed.on(v) == found.on(v)} == set()
    assert not weighed.reproduced


@pytest.mark.parametrize("id", [i for i, e in ENTRIES.items() if "recorded" in str(e["evidence"])])
def test_without_its_recording_a_claim_is_not_evaluated(
    id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(scenario: str, version: str) -> Recording:
        raise Missing

    monkeypatch.setattr(answers, "_read", missing)
    weighed = Ledger().weigh(ENTRIES[id])
    recorded = [one for one in weighed.evidence if one.rests_on == "recorded"]
    for version in {version for one in recorded for version in one.answers}:
        assert weighed.on(version) == "not evaluated"
    assert weighed.verdict == "not evaluated"
    assert not weighed.reproduced


def test_what_is_said_of_kernels_that_were_not_run_rests_on_the_model_alone() -> None:
    for entry in ENTRIES.values():
        for one in Ledger().weigh(entry).evidence:
            older = {v for v in one.answers if v in ("4.4", "4.5", "5.8")}
            assert not older or one.rests_on.startswith("model") or "model only" in one.rests_on, (
                entry["id"]
            )


def test_a_recording_edited_by_hand_is_noticed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path_of("takeover", "6.1").read_text("utf-8")
    path = tmp_path / "6.1.json"
    path.write_text(text.replace('"value": 0}', '"value": 1}', 1))
    with pytest.raises(RecordingError, match=r"6\.1\.json"):
        read(path)

    def altered(scenario: str, version: str) -> Recording:
        return read(path)

    monkeypatch.setattr(answers, "_read", altered)
    assert cli.main(["claims"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("devmemkit claims: ")
    assert "6.1.json" in told
    assert told.count("\n") == 1


def test_the_command_tells_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims"]) == 0
    told = capsys.readouterr().out
    assert told.endswith(
        f"\n{len(ENTRIES)} of {len(ENTRIES)} claims reproduced: every verdict as expected\n"
    )
    for id, entry in ENTRIES.items():
        assert f"\n{id}: {entry['says']}\n" in told
    assert cli.main(["claims", "--json"]) == 0
    parsed = json.loads(capsys.readouterr().out)
    assert [claim["id"] for claim in parsed] == list(ENTRIES)
    assert all(claim["verdicts"] == claim["expected"] for claim in parsed)


def test_a_verdict_other_than_expected_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ENTRIES["segmentation-violation"] | {"expected": {"holds": ["5.10", "6.1"]}}
    monkeypatch.setattr(ledger, "entries", lambda: [entry])
    assert cli.main(["claims"]) == 1
    told = capsys.readouterr().out
    assert "(EXPECTED holds on 5.10, 6.1)" in told
    assert told.endswith("0 of 1 claims reproduced: every verdict as expected\n")


def test_a_live_kernel_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", "--live", "2.4"]) == 2
    assert capsys.readouterr().err.startswith("devmemkit claims: --live: ")


def test_kernels_with_one_verdict_stand_together() -> None:
    told = {"6.1": "holds", "6.12": "refuted", "7.3": "holds"}
    assert claims.by_verdict(told) == "holds on 6.1, 7.3; refuted on 6.12"
