"""What explain predicted and kernels did: at least 500 accesses on each, 30 of each outcome."""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from itertools import islice

import pytest

from devmemkit.explain.access import OPS, VIAS, Access
from devmemkit.lab.accesses import BOOTS, OF_FILE, PLAYABLE, Predictor, accesses, judge, packed
from devmemkit.lab.compare import Verdict
from devmemkit.lab.places import harmless
from devmemkit.lab.recordings.manifest import labels_of
from devmemkit.lab.recordings.recording import path_of, read
from devmemkit.scenarios.machines import PC, VIRT
from tests.slow import slow_where


@pytest.mark.parametrize("label", slow_where(lambda one: one != "7.3", labels_of("explain")))
def test_no_access_ended_otherwise_than_explain_says_today(label: str) -> None:
    version, _, lab = label.partition("-")
    content = read(path_of("explain", version, lab or "2g")).content["explain"]
    tried = [row for one in content["boots"] for row in one["tried"]]
    ends = Counter(row["got"] for row in tried)
    assert [(one["cmdline"], one["bound"]) for one in content["boots"]] == list(BOOTS)
    assert len(tried) >= 500
    assert min(ends.values()) >= 30
    assert len(ends) >= 14
    assert {row["access"]["via"] for row in tried} == set(VIAS)
    assert {row["access"]["op"] for row in tried} == {*OPS, "ioperm", "iopl"}
    assert {*OF_FILE, "no root"} <= {row["twist"] for row in tried}
    assert {"ok", "EINVAL", "ENOENT"} <= {row["got"] for row in tried if row["access"].get("wc")}
    for name, verdict, compared, differs in judge(content, version):
        assert (verdict, differs) == (Verdict.PASSED, ()), name
        assert compared


def test_an_outcome_that_differs_is_told() -> None:
    content = copy.deepcopy(read(path_of("explain", "6.12")).content["explain"])
    content["boots"] = content["boots"][:1]
    row = next(row for row in content["boots"][0]["tried"] if row["got"] == "EPERM")
    row["got"] = "ok"
    ((_, verdict, _, differs),) = judge(content, "6.12")
    assert verdict is Verdict.FAILED
    assert [line.rpartition(": ")[2] for line in differs] == ["explain says EPERM, the kernel ok"]


@cache
def predictor(lab: str = "2g") -> Predictor:
    boots = read(path_of("explain", "6.12", lab)).content["explain"]["boots"]
    return Predictor(boots[0]["files"], "6.12")


def test_they_are_the_same_from_a_seed() -> None:
    def some(seed: str) -> list[tuple[Access, str]]:
        made = accesses(predictor(), seed)
        return [next(made)[:2] for _ in range(40)]

    assert some("1") == some("1") != some("2")


def test_an_access_survives_packing() -> None:
    for access, *_ in islice(accesses(predictor(), "3"), 40):
        assert Access(**{"start": 0, "length": 0, **packed(access)}) == access


def is_harmless(
    op: str, start: int, end: str, lab: str = "2g", *, size: int = 4, hypothesis: str = ""
) -> bool:
    """Whether an access through /dev/mem may be tried if it is predicted to end so."""
    access = Access("devmem", op, start, size)
    changed = predictor(lab).changed(access, hypothesis)
    assert changed is not None
    return harmless(*changed, access, end, lab)


@pytest.mark.parametrize(
    ("start", "op", "end", "may"),
    [
        (PC.ivshmem_bar, "store", "ok", True),
        (0x2000, "store", "ok", False),
        (0x2000, "load", "ok", True),
        (0x10_0000, "store", "EPERM", True),
        (0x10_0000, "write", "ok", False),
        (0x9_F000, "load", "ok", True),
    ],
)
def test_only_what_is_nobodys_is_written(start: int, op: str, end: str, may: bool) -> None:
    assert is_harmless(op, start, end) == may


def test_no_claim_is_made_of_what_is_in_use() -> None:
    for start, may in ((PC.ivshmem_bar, True), (PC.e1000_bar, False)):
        assert is_harmless("load", start, "SIGBUS", hypothesis="claimed after") == may


def test_most_hypotheses_can_be_played() -> None:
    assert {"claimed before", "claimed after", "no root", "no capability"} <= PLAYABLE.keys()


@pytest.mark.slow
def test_on_arm64_loads_go_where_somebody_answers_and_no_port_is_read() -> None:
    ops = Counter[str]()
    for access, _, acts, _ in accesses(predictor("arm64"), "1", "arm64"):
        ops[access.op] += 1
        assert access.via != "port" or access.op in ("ioperm", "iopl")
        if any(act.operation in ("load", "store") for act in acts):
            assert access.start < 1 << 40
            assert access.start % 8 == 0
    assert ops.keys() == {*OPS, "ioperm", "iopl"}
    assert min(ops.values()) >= 10


@pytest.mark.parametrize(
    ("start", "may"),
    [
        *((0, True), (0x400_0000, True), (4, False)),
        *((0x1_0000_0000, False), ((1 << 48) - 4096, False)),
        *((VIRT.nvme_bar, True), (VIRT.nvme_bar + 0x2000, False), (VIRT.nvme_bar + 0x4000, True)),
    ],
)
def test_on_arm64_a_load_that_ends_with_an_external_abort_is_not_tried(
    start: int, may: bool
) -> None:
    assert is_harmless("load", start, "ok", "arm64") == may
    assert is_harmless("mmap", start & -4096, "ok", "arm64", size=4096)
