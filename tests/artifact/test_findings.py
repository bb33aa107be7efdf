"""The findings: each verdict turns when its evidence does, and none stands without evidence."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devmemkit import cli
from devmemkit.artifact import answers, ledger
from devmemkit.artifact.answers import KINDS, Answer, Kind, Sources
from devmemkit.artifact.ledger import Finding, Ledger, entries
from devmemkit.artifact.scope import ORDER
from devmemkit.cli.findings import lines
from devmemkit.cli.screen import status
from devmemkit.explore import policy_matrix
from devmemkit.explore.check import Result, explore
from devmemkit.explore.policy_matrix import REPAIRED
from devmemkit.lab.recordings import recording
from devmemkit.lab.recordings.manifest import RECORDED, kernels_of
from devmemkit.lab.recordings.manifest import REPAIRED as REPAIRED_KERNELS
from devmemkit.lab.recordings.recording import Recording, RecordingError, path_of, read
from devmemkit.lab.repair.sweep import LEAKS
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.races.catalogue import ORDERS
from devmemkit.scenarios.races.claims import claim_vs_release
from devmemkit.scenarios.races.properties import NO_BUG
from devmemkit.scenarios.races.scenario import Concurrent

ENTRIES = {entry["id"]: entry for entry in entries()}

OTHERWISE: dict[tuple[str, str], dict[str, Any]] = {
    ("both-ends-exact", "order"): {"scenario": "own-release"},
    ("self-contained", "edges"): {"older": "6.12", "newer": "4.5", "from": "5.8"},
    ("pages-vanish", "cell"): {"policy": "RefuseClaim"},
    ("attributes-race", "order"): {"older": "7.2", "newer": "7.1", "from": "7.2"},
    ("cannot-be-static", "boot"): {"older": "5.15", "newer": "5.12", "from": "5.15"},
    ("early-claim-harmless", "order"): {"scenario": "mmap-vs-claim"},
    ("claim-should-fail", "cell"): {"policy": REPAIRED},
    ("nothing-before", "cell"): {"policy": "DenyIdle"},
    ("claim-ends-access", "order"): {"repair": "recheck"},
    ("check-again-repairs", "order"): {"repair": ""},
    ("rmap-lock-repairs", "order"): {"repair": "recheck"},
    ("fault-check-repairs", "order"): {"policy": "RevokeAll"},
    ("fault-check-repairs", "cell"): {"policy": "RevokeAll"},
    ("substitute-spares", "cell"): {"policy": "RevokeAll"},
    ("signal-ends-access", "cell"): {"policy": "FaultRecheck"},
    ("claim-ends-dma", "cell"): {"policy": "DenyIdle"},
    ("link-first-repairs", "order"): {"repair": "recheck"},
    ("unlocked-fault-repairs", "order"): {"repair": "fault"},
    ("muxed-wakes", "order"): {"older": "6.12", "newer": "6.1", "from": "6.12"},
    ("nd-pmem-never-idle", "order"): {"policy": "DenyIdle"},
    ("claim-ends-writes", "order"): {"repair": "bounce-locked"},
    ("check-again-repairs-writes", "order"): {"repair": "bounce-locked"},
    ("locked-bounce-repairs-writes", "order"): {"repair": ""},
    ("claim-covers-device", "attempt"): {"name": "sealed"},
    ("claim-ends-dma", "attempt"): {"name": "sealed"},
    ("held-lock-waits", "order"): {"repair": "bounce-locked"},
}
"""What to ask instead, by the finding and the kind: other arguments, or a kernel on the other side
of the change, "from" which kernel on."""


Content = dict[str, Any]
SEGV = {"signal": "SIGSEGV", "si_code": "SEGV_MAPERR", "si_addr": 0}
"""How an act must end for the finding about this signal to turn."""


def turn_act(content: Content, id: str, story: str, act: str, **_: Any) -> None:
    """Leave the story alone; its act failed if it went well, and went well if it failed."""
    content["stories"] = [one for one in content["stories"] if one["name"] == story]
    (entry,) = (entry for entry in content["stories"][0]["acts"] if entry["key"] == act)
    turned = {"errno": 5} if "value" in entry["outcome"] else {"value": 0}
    entry["outcome"] = SEGV if id == "segmentation-violation" else turned


def turn_race(content: Content, **_: Any) -> None:
    """No mapping survived the claim."""
    for trial in content["race"]["trials"]:
        if trial["outcome"] == "survived":
            trial["outcome"] = "killed"


def turn_leak(content: Content, **_: Any) -> None:
    """With a repaired mmap, all leaked if nothing did, and else nothing."""
    race = content["race"]
    real = [t for t in (*race["trials"], *race.get("touches", ())) if not t["control"]]
    leaked = any(trial["outcome"] in LEAKS for trial in real)
    for trial in real:
        trial["outcome"] = "killed" if leaked else "survived"


def turn_programs(content: Content, **_: Any) -> None:
    """Each program but the controls said the opposite."""
    for program in content["reproducers"]:
        for one in program["runs"]:
            if not one["control"]:
                one["status"] = 1 - one["status"]


TURN: dict[str, tuple[str, Callable[..., None]]] = {
    "story": ("{scenario}", turn_act),
    "race": ("mmap-vs-claim", turn_race),
    "repaired": ("mmap-vs-claim-{repair}", turn_leak),
    "reproducer": ("reproducers", turn_programs),
}
"""By kind of evidence: the recording that answers it, and how its content turns."""


def spoiled(id: str, kind: str) -> Callable[..., Answer]:
    """Who answers that kind of evidence of the finding, of something else than it was asked."""
    ask = KINDS[kind].ask

    def turned(_: Sources, version: str, **arguments: Any) -> Answer:
        name, turn = TURN[kind]
        name = name.format(**arguments)
        whole = answers._read(name, version, arguments.get("lab", "2g"))
        content = copy.deepcopy(whole.content)
        turn(content, id=id, **arguments)
        given = {(name, version): Recording(name, whole.about, content)}
        return ask(Sources(given), version, **arguments)

    def another(sources: Sources, version: str, **arguments: Any) -> Answer:
        told = OTHERWISE[id, kind]
        if "from" not in told:
            return ask(sources, version, **arguments | told)
        newer = ORDER.index(version) >= ORDER.index(told["from"])
        return ask(sources, told["newer" if newer else "older"], **arguments)

    return turned if kind in TURN else another


@pytest.fixture(scope="module")
def asked() -> dict[str, Kind]:
    """The kinds of evidence, which ask a question about the files once: they stay as they are."""

    def once(ask: Callable[..., Answer]) -> Callable[..., Answer]:
        known: dict[str, Answer] = {}

        def answer(sources: Sources, version: str, **arguments: Any) -> Answer:
            question = repr((version, arguments))
            if sources.given:
                return ask(sources, version, **arguments)
            if question not in known:
                known[question] = ask(sources, version, **arguments)
            return known[question]

        return answer

    return {name: kind._replace(ask=once(kind.ask)) for name, kind in KINDS.items()}


@pytest.fixture
def own_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scenario more, without its cause."""

    def own(kernel: KernelProfile, via: str, tasks: int) -> Concurrent:
        return claim_vs_release(kernel, via=via, drivers=tasks, rogue=False)

    monkeypatch.setitem(ORDERS, "own-release", own)


ASKED = sorted({(id, one["kind"]) for id, e in ENTRIES.items() for one in e["evidence"]})


@pytest.mark.slow
@pytest.mark.usefixtures("own_release")
@pytest.mark.parametrize(("id", "kind"), ASKED)
def test_every_answer_turns_with_what_is_asked(
    id: str, kind: str, asked: dict[str, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, one in asked.items():
        monkeypatch.setitem(KINDS, name, one)
    # where a story is asked of the model, an edited recording shows nothing
    old = ("4.4", "4.5", "5.8", "5.12", "5.15", "7.1", "7.2")
    recorded = kind in ("story", "race", "reproducer")
    kernels = RECORDED if recorded else (*old, "6.1", "6.12", "7.3")
    for one in ENTRIES[id]["evidence"]:
        if kind == one["kind"] == "story":
            where = kernels_of(one["scenario"], one.get("lab", "2g"))
            kernels = tuple(version for version in kernels if version in where)
    ledger = Ledger(kernels=REPAIRED_KERNELS if kind == "repaired" else kernels)
    found = ledger.weigh(ENTRIES[id])
    if not found.kernels:
        assert id == "survived-before-5.8"
        return
    assert found.reproduced
    monkeypatch.setitem(KINDS, kind, KINDS[kind]._replace(ask=spoiled(id, kind)))
    weighed = ledger.weigh(ENTRIES[id])
    assert not weighed.reproduced
    for before, after in zip(found.evidence, weighed.evidence, strict=True):
        turned = [v for v in before.answers if before.speaks(v) != after.speaks(v)]
        assert turned == (list(before.answers) if before.kind == kind else [])


def test_a_story_turns_with_the_model_where_it_was_not_recorded() -> None:
    entry = ENTRIES["survived-before-5.8"]
    assert Ledger().weigh(entry).reproduced
    (one,) = entry["evidence"]
    ask = KINDS["story"].ask
    asked = {key: one[key] for key in ("scenario", "story", "act")}
    assert ask(Sources(), "5.8", **asked).text in one["against"]


def test_a_recording_that_is_gone_is_an_error_with_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recording, "path_of", lambda *_: data_dir() / "recordings/claims/6.99.json")
    answers._read.cache_clear()
    with pytest.raises(RecordingError, match=r"^data/recordings/claims/6\.99\.json: expected"):
        Ledger().weigh(ENTRIES["whole-claim-revoked"])


def test_kernels_that_answer_a_search_alike_are_searched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[str] = []

    def noting(made: Concurrent) -> Result:
        searched.append(made.machine.kernel.version)
        return explore(made)

    monkeypatch.setattr(answers, "explore", noting)
    ask, sources = KINDS["order"].ask, Sources()
    told = {v: ask(sources, v, scenario="mmap-vs-claim") for v in ("6.16", "6.17", "6.18", "6.19")}
    assert searched == ["6.16", "6.19"]  # mmap_mem_prepare: the search has asked for that
    assert told == {version: ask(Sources(), version, scenario="mmap-vs-claim") for version in told}


@pytest.mark.slow
def test_where_nothing_was_recorded_a_race_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Ledger().weigh(ENTRIES["claim-ends-access"])
    races = [one for one in finding.evidence if one.kind == "race"]
    assert all(one.not_asked.keys() == set(finding.kernels) - set(RECORDED) for one in races)
    said = "\n".join(lines(finding))
    assert "not asked on 5.8, 5.12, 5.15: not recorded there" in said


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"verdict": "bounded", "bound": "states"}, "undecided: bounded by states"),
        ({"verdict": "not-found", "vacuous": ("a page is mapped",)}, "vacuous: never a page is"),
    ],
)
@pytest.mark.parametrize("id", ["early-claim-harmless", "cannot-be-static", "nothing-before"])
def test_a_search_that_settles_nothing_decides_nothing(
    id: str, result: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Result("not-found", 1, 1, 0.0, None)

    def unsettled(*_: Any, **__: Any) -> Result:
        return replace(whole, **result)

    monkeypatch.setattr(answers, "explore", unsettled)
    monkeypatch.setattr(policy_matrix, "explore", unsettled)
    monkeypatch.setattr(answers, "explore_each", lambda _: {NO_BUG: unsettled()})
    finding = Ledger().weigh(ENTRIES[id])
    assert not finding.reproduced
    for one in finding.evidence:
        if one.kind != "story":
            assert set(map(one.speaks, one.answers)) == {None}
            assert id == "nothing-before" or text in str(one.answers)
    assert set(finding.verdicts.values()) == {"undecided"}


def test_what_comes_after_an_act_that_could_not_be_carried_out_is_no_answer() -> None:
    whole = recording.load("takeover", "6.12")
    content = copy.deepcopy(whole.content)
    (story,) = (one for one in content["stories"] if one["name"] == "bar")
    (claim,) = (act for act in story["acts"] if act["key"] == "claim")
    del claim["outcome"]
    claim["cannot"] = "the module did not load"
    given = {("takeover", "6.12"): Recording("takeover", whole.about, content)}
    found = Ledger(Sources(given), ("6.12",)).weigh(ENTRIES["mapping-anew-denied"])
    (one,) = found.evidence
    assert one.answers["6.12"].text == "EPERM"
    assert one.speaks("6.12") is None
    assert found.verdicts == {"6.12": "undecided"}
    assert not found.reproduced


def test_a_recording_edited_by_hand_is_noticed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path_of("takeover", "6.1").read_text("utf-8")
    path = tmp_path / "6.1.json"
    path.write_text(text.replace('"value": 0}', '"value": 1}', 1))
    with pytest.raises(RecordingError, match=r"6\.1\.json"):
        read(path)

    def altered(*_: str) -> Recording:
        return read(path)

    monkeypatch.setattr(answers, "_read", altered)
    assert cli.main(["findings"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("devmemkit findings: ")
    assert "6.1.json" in told
    assert told.count("\n") == 1


def test_the_command_tells_findings_and_whether_they_are_reproduced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [ENTRIES["attributes-race"], ENTRIES["one-inode"]]
    monkeypatch.setattr(ledger, "entries", lambda _: few)
    assert cli.main(["findings"]) == 0
    told = capsys.readouterr().out
    assert told.endswith("\n2 of 2 findings reproduced: every verdict as expected\n")
    for entry in few:
        assert f"\n{entry['id']}: {entry['says']}\n" in told
    assert cli.main(["claims", "--json"]) == 0
    parsed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in parsed] == [entry["id"] for entry in few]
    assert all(one["verdicts"] == one["expected"] for one in parsed)
    assert "\n  => holds on 4.4 to 7.1; refuted on 7.2, 7.3 (as expected)\n" in told


def test_a_verdict_other_than_expected_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ENTRIES["segmentation-violation"] | {"expected": {"holds": ["5.8 to 7.3"]}}
    monkeypatch.setattr(ledger, "entries", lambda _: [entry])
    assert cli.main(["findings"]) == 1
    told = capsys.readouterr().out
    assert "(EXPECTED holds on 5.8 to 7.3)" in told
    assert told.endswith("0 of 1 findings reproduced: every verdict as expected\n")


def test_the_status_names_the_finding_that_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    few, seen, weigh = [ENTRIES["self-contained"], ENTRIES["one-inode"]], [], Ledger.weigh

    def seeing(self: Ledger, entry: dict[str, Any]) -> Finding:
        seen.append(status.doing)
        return weigh(self, entry)

    monkeypatch.setattr(ledger, "entries", lambda _: few)
    monkeypatch.setattr(Ledger, "weigh", seeing)
    assert cli.main(["findings", "--json"]) == 0
    assert seen == ["1 of 2: self-contained", "2 of 2: one-inode"]


def test_a_live_kernel_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for name, sentence in (("2.4", "kernel: expected one of"), ("5.15", "expected a kernel that")):
        assert cli.main(["findings", "--live", name]) == 2
        assert capsys.readouterr().err.startswith(f"devmemkit findings: --live: {sentence}")
