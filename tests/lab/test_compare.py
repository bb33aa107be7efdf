"""Comparing the model with a kernel: verdicts, and a story played live by both."""

from __future__ import annotations

import pytest

from devmemkit.lab.compare import Verdict, compare
from devmemkit.lab.guest.boot import Guest
from devmemkit.lab.guest.perform import Performed, perform, requests
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.step import Event
from devmemkit.scenarios.play import SETTLE, Act, Moment, Played, Ref
from devmemkit.scenarios.stories.takeover import Takeover

BEFORE = Machine(KernelProfile("6.12"), {})
ACTS = (
    Act("open", "P", "open_devmem", {"pid": "P"}),
    Act("map", "P", "mmap_devmem", {"pid": "P", "fd": Ref("open"), "length": 0x2000}),
    Act("claim", "D", "request_mem_region", {"start": 0x1000, "size": 0x1000}),
    Act("wait", "D", SETTLE),
    Act("load", "P", "load", {"pid": "P", "address": Ref("map", 0x1000)}),
)
MODEL = {
    "open": Outcome(0),
    "map": Outcome(0x10000),
    "claim": Outcome(0x1000),
    "load": Outcome(None, None, "SIGBUS", "BUS_ADRERR", 0x11000),
}
PLAYED = Played(
    ACTS,
    BEFORE,
    tuple(
        Moment(at, Event(act.actor, act.operation, f"last_of_{act.key}", None), BEFORE)
        for at, act in enumerate(ACTS)
        if act.key in MODEL
    ),
    MODEL,
)
KERNEL = {
    "open": Outcome(3),
    "map": Outcome(0x70000),
    "claim": Outcome(0x1000),
    "load": Outcome(None, None, "SIGBUS", "BUS_ADRERR", 0x71000),
}


def verdicts(outcomes: dict[str, Outcome], cannot: dict[str, str] | None = None) -> dict[str, str]:
    kept = {key: outcome for key, outcome in outcomes.items() if key not in (cannot or {})}
    compared = compare(PLAYED, Performed(kept, cannot or {}, {}))
    return {row.act.key: row.verdict.name for row in compared.rows}


def test_handles_and_places_are_each_sides_own() -> None:
    assert verdicts(KERNEL) == dict.fromkeys(MODEL, "PASSED")


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("open", Outcome(None, "EPERM")),
        ("claim", Outcome(0x2000)),
        ("load", Outcome(0)),
        ("load", Outcome(None, None, "SIGSEGV", "BUS_ADRERR", 0x71000)),
        ("load", Outcome(None, None, "SIGBUS", "3", 0x71000)),
        ("load", Outcome(None, None, "SIGBUS", "BUS_ADRERR", 0x71008)),
    ],
)
def test_a_difference_fails(key: str, outcome: Outcome) -> None:
    compared = compare(PLAYED, Performed({**KERNEL, key: outcome}, {}, {}))
    (row,) = compared.divergences
    assert row.act.key == key
    assert row.rule == f"{row.act.operation}: last_of_{key}"
    assert "FAILED" in str(compared)


def test_an_act_that_only_one_played_fails() -> None:
    without = {key: outcome for key, outcome in KERNEL.items() if key != "load"}
    assert verdicts(without)["load"] == "FAILED"


def test_after_an_act_that_could_not_be_carried_out_nothing_is_decided() -> None:
    found = verdicts(KERNEL, {"claim": "ramoops holds another"})
    assert found == {"open": "PASSED", "map": "PASSED", "claim": "SKIPPED", "load": "UNDECIDED"}


def test_the_count_has_every_verdict() -> None:
    compared = compare(PLAYED, Performed(KERNEL, {}, {}))
    assert compared.count() == {**dict.fromkeys(Verdict, 0), Verdict.PASSED: 4}


def test_requests_have_defaults_and_references_by_index() -> None:
    acts = [act for act in ACTS if act.operation != SETTLE]
    made = requests(acts, after=1)
    assert made[1]["fd"] == {"ref": 1, "plus": 0}
    assert made[1]["shared"] is True
    assert made[3]["size"] == 8
    assert "tree" not in made[2]


def test_what_no_guest_can_do_is_refused() -> None:
    act = Act("claim", "D", "request_mem_region", {"start": 0, "size": 1, "flags": 0x8000000})
    with pytest.raises(ValueError, match="claim: expected flags=0, got"):
        requests([act])
    with pytest.raises(ValueError, match=r"load\.address: expected a number"):
        requests([Act("load", "P", "load", {"pid": "P", "address": 1.5})])


def takeover(kernel: Kernel, **parameters: int | str) -> Takeover:
    machine = f"qemu-{kernel.version}"
    return Takeover(kernel=kernel.version, machine=machine, region="0xf8000000", **parameters)


@pytest.mark.parametrize(("offset", "size"), [(0x4000, 0x4000), (0x1800, 0x1000), (0x4010, 0x20)])
def test_takeover_is_the_same_on_the_kernel(
    guest: Guest, kernel: Kernel, offset: int, size: int
) -> None:
    story = takeover(kernel, claim_offset=offset, claim_size=size)
    compared = compare(story.played, perform(guest, story.acts))
    assert not compared.divergences, str(compared)
    assert compared.count()[Verdict.PASSED] == len(story.acts) - 1  # all but SETTLE


def test_a_wrong_model_is_noticed(guest: Guest, kernel: Kernel) -> None:
    story = takeover(kernel, policy="NoProtection")
    compared = compare(story.played, perform(guest, story.acts))
    keys = {row.act.key for row in compared.divergences}
    assert {"load_at_once", "load_after", "load_child", "load_private", "map_again"} <= keys
    assert "load_beyond" not in keys
