"""The table of policies: the discussion's statements about each, confirmed or refuted."""

from __future__ import annotations

import json

import pytest

from devmemkit import cli
from devmemkit.explore import policy_matrix
from devmemkit.explore.check import Result
from devmemkit.explore.policy_matrix import QUESTIONS, REPAIRED, Cell, matrix, table_rows
from devmemkit.explore.progress import Progress
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES, REPAIRS, ClaimStep, RevokeAll

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
    "claim depends on": "resource_lock",
}
"""The answers that are wanted: a driver has its region to itself, a process has the rest."""


def who(cells: dict[tuple[str, str], Cell], question: str, answer: str = "yes") -> set[str]:
    return {row for row in table_rows() if cells[row, question].answer == answer}


def test_every_cell_is_a_search(cells: dict[tuple[str, str], Cell]) -> None:
    assert cells.keys() == {(row, question) for row in table_rows() for question in QUESTIONS}
    assert all(cell.states > 2 for cell in cells.values())
    for cell in cells.values():
        comes_up = cell.question.startswith("driver comes up")
        found = cell.answer == "yes" and not comes_up
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
