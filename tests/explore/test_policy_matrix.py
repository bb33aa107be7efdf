"""The table of policies: the discussion's statements about each, confirmed or refuted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devmemkit import cli
from devmemkit.explore import policy_matrix
from devmemkit.explore.check import Result, explore
from devmemkit.explore.policy_matrix import QUESTIONS, REPAIRED, Cell, matrix, table_rows
from devmemkit.explore.progress import Progress
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES, ClaimStep, RevokeAll
from devmemkit.model.repairs import REPAIRS
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.scenario import Program
from tests.explore.toys import scenario

MAPS = (
    "map a device without driver",
    "map it when its driver has let go",
    "map it beside its driver",
)


@pytest.fixture(scope="module", params=["devmem", "sysfs"])
def cells(request: pytest.FixtureRequest) -> dict[tuple[str, str], Cell]:
    return {(cell.policy, cell.question): cell for cell in matrix("6.12", request.param)}


WANTED = {
    "touch after the claim": "no",
    "corrupt before the claim": "no",
    "driver comes up, process unmaps": "yes",
    "driver comes up, process keeps": "yes",
    "driver comes up, process comes back": "yes",
    "page lost without notice": "no",
    "map a device without driver": "yes",
    "map it when its driver has let go": "yes",
    "map it beside its driver": "yes",
    "process learns of the claim": "at the claim",
    "unmodified program is killed": "no",
    "mapping works after the release": "yes",
    "DMA after the claim": "no",
    "rmap lock held for n pages": "0",
    "claim depends on": "resource_lock",
}
"""The answers that are wanted: a driver has its region to itself, a process has the rest."""


WORKS = "mapping works after the release"


def who(cells: dict[tuple[str, str], Cell], question: str, answer: str = "yes") -> set[str]:
    return {row for row in table_rows() if cells[row, question].answer == answer}


def test_every_cell_is_a_search(cells: dict[tuple[str, str], Cell]) -> None:
    assert cells.keys() == {(row, question) for row in table_rows() for question in QUESTIONS}
    assert all(cell.states > 2 for cell in cells.values())
    for cell in cells.values():
        by_story = cell.question.startswith("driver comes up") or cell.question == WORKS
        found = cell.answer == "yes" and not by_story
        assert bool(cell.example) == (found or cell.answer.startswith("no: "))


def test_an_answer_is_good_when_it_is_the_wanted_one(cells: dict[tuple[str, str], Cell]) -> None:
    assert list(WANTED) == list(QUESTIONS)
    for cell in cells.values():
        assert cell.wanted == WANTED[cell.question]
        assert cell.good == (cell.answer.partition(";")[0] == WANTED[cell.question]), cell


def test_only_a_check_behind_the_insertion_or_no_idle_mapping_closes_the_race(
    cells: dict[tuple[str, str], Cell],
) -> None:
    assert who(cells, "touch after the claim", "no") == {"FaultRecheck", REPAIRED}
    never = "no; never: a page is mapped"
    assert who(cells, "touch after the claim", never) == {"DenyIdle"}
    assert who(cells, "page lost without notice", never) == {"DenyIdle"}
    refused = cells["RefuseClaim", "touch after the claim"].example
    assert "C0:refuse_if_mapped U0:vma_link_file" in refused


def test_no_hole_punch_prevents_corruption_before_the_claim(
    cells: dict[tuple[str, str], Cell],
) -> None:
    assert who(cells, "corrupt before the claim", "no") == {"DenyIdle"}
    for question in MAPS[:2]:
        assert who(cells, question, "no") == {"DenyIdle"}
    assert who(cells, MAPS[2]) == {"NoProtection"}


def test_refusing_the_claim_lets_a_process_block_a_driver(
    cells: dict[tuple[str, str], Cell],
) -> None:
    assert who(cells, "driver comes up, process unmaps") == set(table_rows())
    for process in ("keeps", "comes back"):
        question = f"driver comes up, process {process}"
        assert who(cells, question, "no: for ever") == {"RefuseClaim"}


def test_which_policies_take_pages_without_notice(cells: dict[tuple[str, str], Cell]) -> None:
    told = cells["RevokeAfterGrace", "page lost without notice"]
    late = "C0:notify C0:wait_for_unmap" in told.example  # mapped behind the notice
    assert (told.answer, late) == ("yes", True)
    silent = who(cells, "page lost without notice", "no")
    assert silent >= {"NoProtection", "ExcludeNew", "RefuseClaim"}


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
@pytest.mark.parametrize("via", ["devmem", "sysfs"])
def test_fault_recheck_is_revocation_with_the_repaired_fault(version: str, via: str) -> None:
    """One fault handler for both; control: another repair has another number of states."""
    policy = KernelProfile(version, policy_name="FaultRecheck")
    repaired = KernelProfile(version, policy_name="RevokeAll", repair="fault")
    other = KernelProfile(version, policy_name="RevokeAll", repair="recheck")
    found = [explore(mmap_vs_claim(k, via=via, users=2)) for k in (policy, repaired, other)]
    sizes = [(one.verdict, one.states, one.transitions) for one in found]
    assert sizes[0] == sizes[1] != sizes[2]
    assert sizes[0][0] == "not-found"


def test_who_learns_of_a_claim_and_who_survives_it(cells: dict[tuple[str, str], Cell]) -> None:
    """A policy that tells at once kills all the same; the one that kills nobody tells nobody."""
    learns = "process learns of the claim"
    assert who(cells, learns, "at the claim") == {"RevokeAfterGrace", "SignalNow"}
    assert who(cells, learns, "at the next touch") - {"RevokeDevmem"} == {
        "RevokeAll", "FaultRecheck", REPAIRED
    }  # fmt: skip
    assert who(cells, learns, "no claim") == {"RefuseClaim"}
    assert who(cells, learns, "no mapping") == {"DenyIdle"}
    spared = who(cells, "unmodified program is killed", "no") - {"RevokeDevmem"}
    assert spared == {"NoProtection", "ExcludeNew", "RefuseClaim", "SubstitutePage"}
    vacuous = cells["DenyIdle", "unmodified program is killed"]
    assert vacuous.answer == "no; never: a page is touched"
    early = cells["SignalNow", "unmodified program is killed"].example
    assert early.endswith("C0:insert C0:both_ends C0:signal_mappers")


def test_what_comes_back_when_the_driver_lets_go(cells: dict[tuple[str, str], Cell]) -> None:
    """Where the device was never taken away, and by fault; a grace that is over ends in a zap."""
    never_lost = {"NoProtection", "ExcludeNew", "RefuseClaim", "SignalNow"}
    assert who(cells, WORKS) - {"RevokeDevmem"} == {*never_lost, "FaultRecheck"}
    assert {"RevokeAll", "RevokeAfterGrace", "SubstitutePage"} <= who(cells, WORKS, "no")


def test_no_policy_reaches_a_device_s_dma(cells: dict[tuple[str, str], Cell]) -> None:
    assert who(cells, "DMA after the claim") == set(table_rows()) - {"DenyIdle"}
    vacuous = cells["DenyIdle", "DMA after the claim"]
    assert (vacuous.answer, vacuous.decides) == ("no; never: a page is mapped for DMA", False)


def test_how_long_a_claim_holds_the_rmap_lock(cells: dict[tuple[str, str], Cell]) -> None:
    """A zap holds it for every page; without a mapping for its own two steps."""
    held = "rmap lock held for n pages"
    free = {"NoProtection", "ExcludeNew", "RefuseClaim", "SignalNow"}
    assert who(cells, held, "0") == free
    assert who(cells, held, "1") - {"RevokeDevmem"} == {"DenyIdle"}
    assert who(cells, held, "n") - {"RevokeDevmem"} == set(table_rows()) - free - {
        "DenyIdle", "RevokeDevmem"
    }  # fmt: skip


def test_what_a_claim_depends_on(cells: dict[tuple[str, str], Cell]) -> None:
    alone = who(cells, "claim depends on", "resource_lock")
    assert alone == {"NoProtection", "ExcludeNew"}
    revoking = cells["RevokeAll", "claim depends on"].answer.split(", ")
    assert {"resource_lock", "iomem_inode", "i_mmap_rwsem", "page table lock"} <= set(revoking)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explore", "policies", "--policy", "RefuseClaim", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], len(told["cells"])) == ("found", len(QUESTIONS))
    shown = [cell["example"] for cell in told["cells"] if cell["example"] and not cell["good"]]
    assert len(set(shown)) > 1
    assert told["counterexample"] == {"line": shown[0]}
    assert cli.main(["explore", "policies", "--policy", "RevokeAll"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "policy     question                             states  wanted         answer\n"
    )
    assert "\nRevokeAll  touch after the claim                " in said
    assert f"\nRevokeAll: {POLICIES['RevokeAll'].what}\n" in said
    assert cli.main(["explore", "policies", "--policy", REPAIRED]) == 0
    assert f"; {REPAIRS['recheck']}\n" in capsys.readouterr().out
    assert cli.main(["explore", "policies", "--policy", "Prayer"]) == 2
    assert "policy: expected one of NoProtection" in capsys.readouterr().err
    assert cli.main(["explore", "policies", "--via", "tea"]) == 2
    assert "via: expected one of devmem, sysfs" in capsys.readouterr().err


def test_a_bounded_search_answers_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = Result("bounded", 7, 9, 0.0, None, bound="states")
    monkeypatch.setattr(policy_matrix, "explore", lambda *_: bounded)
    monkeypatch.setattr(policy_matrix, "must_come", lambda *_: Progress(None, 7))
    for question in ("touch after the claim", "driver comes up, process keeps"):
        answer = QUESTIONS[question](KernelProfile("6.12"), "devmem")
        assert (answer.answer, answer.good, answer.decides) == ("undecided", False, False)
        assert (answer.states, answer.transitions) == (7, 9 if question[0] == "t" else 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wait", "answer"),
    [((), "no: for ever"), (("wait_for_unmap",), "undecided")],  # the clock of a wait has no end
)
def test_a_policy_whose_claim_tells_and_is_refused_has_an_answer(
    wait: tuple[ClaimStep, ...], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver tries for ever; telling the process twice is telling it once."""

    class Ask(RevokeAll):
        after_insert = ("both_ends", "notify", *wait, "refuse_if_mapped", "refused")

    monkeypatch.setitem(POLICIES.known, "Ask", Ask())
    cells = {cell.question: cell for cell in matrix("7.3", rows=("Ask",))}
    assert cells["driver comes up, process keeps"].answer == answer
    assert cells["driver comes up, process keeps"].decides == (answer != "undecided")
    assert cells["driver comes up, process unmaps"].answer in ("yes", answer)


def test_a_vacuous_no_decides_nothing() -> None:
    kernel = KernelProfile("6.12", policy_name="DenyIdle")
    answer = QUESTIONS["touch after the claim"](kernel, "devmem")
    assert answer.answer.startswith("no; never: ")
    assert not answer.decides


@pytest.mark.slow
def test_a_deadlock_leaves_a_question_open() -> None:
    made = scenario("toy_locks", "toy_locks", first="a", second="b", alike=False)
    swapped = Program((Act("act", "T1", "toy_locks", {"first": "b", "second": "a"}),))
    made = replace(made, programs=made.programs | {"T1": swapped})
    cell = policy_matrix._by_search(lambda *_: made, wanted="yes")(KernelProfile("6.12"), "devmem")
    assert (cell.answer, cell.good, cell.decides) == ("deadlock", False, False)
    assert sorted(cell.example.split()) == ["T0:take_first", "T1:take_first"]
