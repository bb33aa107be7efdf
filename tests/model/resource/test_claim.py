"""request_mem_region and release_mem_region as operations."""

from __future__ import annotations

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.machine import Machine
from devmemkit.model.resource.claim import node_at, path_to
from devmemkit.model.step import step_names, take_step
from tests.model.machines import (
    ALL,
    BAR0,
    BDF,
    BUSY,
    PAGE,
    PMEM,
    PORTS,
    begin,
    blocked,
    claim_,
    do,
    finish,
    interleavings,
    live,
    machine,
    mapped,
    ok,
    step_to,
)
from tests.model.machines import node_at as node_of

MUXED = fl.IORESOURCE_MUXED
AT = 1 << 33
"""Nobody's range."""


@pytest.mark.parametrize("version", [*ALL, "4.4"])
def test_claim_and_release(version: str) -> None:
    """Flags and desc of the container; exact range, tree as before."""
    m = machine(version)
    before = m["iomem"].value()
    m, value = ok(m, "request_mem_region", "driver", start=PMEM, size=PAGE, name="nd_pmem")
    held = node_of(m, PMEM, PAGE)
    assert (value, held.name, held.flags, held.desc) == (PMEM, "nd_pmem", BUSY, 5)
    assert held.parent is not None
    assert held.parent.name == "Persistent Memory (legacy)"
    for start, size in [(PMEM, 2 * PAGE), (PMEM, PAGE // 2), (BAR0, PAGE)]:
        same, value = ok(m, "release_mem_region", "anybody", start=start, size=size)
        assert (value, same["iomem"].value()) == (0, m["iomem"].value())
    m, value = ok(m, "release_mem_region", "anybody", start=PMEM, size=PAGE)
    assert (value, m["iomem"].value()) == (1, before)


def test_errors_name_the_conflict() -> None:
    """EBUSY with the conflicting resource; a partial overlap of an idle node is EBUSY as well."""
    m = claim_(machine(), PMEM, PAGE)
    for start, size, conflict in [
        (PMEM, PAGE, f"{PMEM:08x}-{PMEM + PAGE - 1:08x} : driver"),
        (BAR0 + 63 * PAGE, 2 * PAGE, f"{BAR0:08x}-{BAR0 + 64 * PAGE - 1:08x} : {BDF}"),
        (AT, 0, "00000000-ffffffffff : PCI mem"),
    ]:
        after, outcome = do(m, "request_mem_region", "other", start=start, size=size)
        assert (outcome.errno, outcome.conflict) == ("EBUSY", conflict)
        assert after["iomem"] is m["iomem"]


def test_paths() -> None:
    root = machine()["iomem"]
    bar = next(n for n in root.walk() if n.name == BDF)
    assert node_at(root, path_to(bar)) is bar
    assert (node_at(root, ()), path_to(root)) == (root, ())
    assert node_at(root, ((0, 1, "gone"),)) is None


def test_a_claim_below_a_given_parent() -> None:
    """The parent argument is where the search begins."""
    m = machine()
    bar = next(n for n in m["iomem"].walk() if n.name == BDF)
    child = claim_(m, BAR0, PAGE, parent=path_to(bar))
    assert node_of(child, BAR0, PAGE).parent.name == BDF  # type: ignore[union-attr]
    where = {"start": PMEM, "size": PAGE, "parent": path_to(bar)}
    outside = do(m, "request_mem_region", "driver", **where)[1]
    assert outcome_is(outside.errno, outside.conflict, "EBUSY", BDF)


def outcome_is(errno: str | None, conflict: str | None, wanted: str, name: str) -> bool:
    return errno == wanted and conflict is not None and conflict.endswith(f" : {name}")


@pytest.mark.parametrize("version", ALL)
def test_ports_never_revoke(version: str) -> None:
    """The ioport root; type IO is inherited; the claim is one step."""
    m = machine(version)
    after, value = ok(m, "request_region", "driver", start=PORTS, size=32, name="virtio")
    held = node_of(after, PORTS, 32, "ioport")
    assert (value, held.name, held.flags) == (
        PORTS,
        "virtio",
        fl.IORESOURCE_IO | fl.IORESOURCE_BUSY,
    )
    stopped = begin(m, "driver", "request_region", start=PORTS, size=32)
    assert take_step(stopped, "driver")[1].outcome is not None
    after, _ = ok(after, "release_region", "driver", start=PORTS, size=32)
    assert after["ioport"].value() == m["ioport"].value()


def muxed(m: Machine, actor: str, start: int = AT) -> Machine:
    return begin(m, actor, "request_mem_region", start=start, size=PAGE, name=actor, flags=MUXED)


@pytest.mark.parametrize("version", ALL)
def test_a_muxed_claim_waits_and_goes_on(version: str) -> None:
    """A claim sleeps, the release wakes it, it tries again and gets the region."""
    m, _ = finish(muxed(machine(version), "a"), "a")
    m = step_to(muxed(m, "b"), "b", "fall_asleep")
    assert blocked(m, "b") == "muxed_resource_wait"
    m, _ = ok(m, "release_mem_region", "a", start=AT, size=PAGE)
    m, outcome = finish(m, "b")
    assert outcome.ok
    assert node_of(m, AT, PAGE).name == "b"
    assert m.get("muxed_wait") is m.get(("sleeping", "b")) is None


@pytest.mark.parametrize(
    ("version", "lost"), [("5.10", True), ("6.1", True), ("6.12", False), ("7.3", False)]
)
def test_the_lost_wake_up(version: str, lost: bool) -> None:
    """Before 6.12 a release between the unlock and the sleep is missed; the next
    one is not."""
    m, _ = finish(muxed(machine(version), "a"), "a")
    m = step_to(muxed(m, "b"), "b", "insert")
    m, _ = ok(m, "release_mem_region", "a", start=AT, size=PAGE)
    m = step_to(m, "b", "fall_asleep")
    assert (blocked(m, "b") == "muxed_resource_wait") == lost
    if lost:
        m, _ = finish(muxed(m, "c", AT + PAGE), "c")
        m, _ = ok(m, "release_mem_region", "c", start=AT + PAGE, size=PAGE)
    m, outcome = finish(m, "b")
    assert outcome.ok
    assert node_of(m, AT, PAGE).name == "b"


@pytest.mark.parametrize("version", ALL)
def test_a_plain_release_wakes_nobody(version: str) -> None:
    """MUXED waiters are woken by the release of a MUXED node."""
    m, _ = finish(muxed(claim_(machine(version), PMEM, PAGE), "a"), "a")
    m = step_to(muxed(m, "b"), "b", "fall_asleep")
    m, _ = ok(m, "release_mem_region", "x", start=PMEM, size=PAGE)
    assert blocked(m, "b") == "muxed_resource_wait"


def test_two_waiters_and_one_region() -> None:
    """Both wake, one gets it, the other waits again."""
    m, _ = finish(muxed(machine(), "a"), "a")
    for actor in ("b", "c"):
        m = step_to(muxed(m, actor), actor, "fall_asleep")
    m, _ = ok(m, "release_mem_region", "a", start=AT, size=PAGE)
    m, outcome = finish(m, "c")
    assert outcome.ok
    m = step_to(m, "b", "fall_asleep")
    assert blocked(m, "b") == "muxed_resource_wait"
    assert m["muxed_wait"] == ("b",)
    m, _ = ok(m, "release_mem_region", "c", start=AT, size=PAGE)
    assert finish(m, "b")[1].ok


def test_the_retry_goes_on_from_the_descended_parent() -> None:
    """An idle node put over the range meanwhile is not seen by the retry."""
    m, _ = finish(muxed(machine(), "a", BAR0), "a")
    m = step_to(muxed(m, "b", BAR0), "b", "fall_asleep")
    frame = dict(m["stack", "b"][0])
    assert [name for _, _, name in frame["parent"]] == ["PCI Bus 0000:00", BDF]
    m, _ = ok(m, "release_mem_region", "a", start=BAR0, size=PAGE)
    m, _ = finish(m, "b")
    assert path_to(node_of(m, BAR0, PAGE))[:2] == frame["parent"]


@pytest.mark.parametrize("version", ALL)
def test_one_of_two_claims_wins(version: str) -> None:
    """The insertion is atomic; no interleaving lets both in or neither."""
    m, address = mapped(machine(version), PMEM, 2)
    m = begin(m, "a", "request_mem_region", start=PMEM, size=PAGE, name="a")
    m = begin(m, "b", "request_mem_region", start=PMEM, size=2 * PAGE, name="b")
    ends = interleavings(m, "a", "b")
    assert {(e["outcome", "a"].ok, e["outcome", "b"].ok) for e in ends} == {
        (True, False),
        (False, True),
    }
    for end in ends:
        assert live(end, address, 2) == [False, end["outcome", "a"].ok]


@pytest.mark.parametrize(("version", "steps"), [("4.4", 1), ("4.5", 1), ("5.8", 4), ("7.3", 4)])
def test_steps_of_a_claim(version: str, steps: int) -> None:
    """A claim is T, E, Z from v5.8, and T alone before."""
    names = step_names(machine(version).kernel, "request_mem_region")
    assert names[:steps] == ("insert", "both_ends", "zap_begin", "zap")[:steps]
    assert names[steps:] == ("fall_asleep", "schedule")


def test_a_muxed_parent_that_goes_is_a_bug_of_the_kernel() -> None:
    """The retry goes on from a node that was freed meanwhile: a finding, not a traceback."""
    flags = fl.IORESOURCE_MUXED
    m = claim_(machine(), BAR0, PAGE, flags=flags)
    m = begin(m, "w", "request_mem_region", start=BAR0, size=PAGE, flags=flags)
    m = step_to(step_to(m, "w", "insert"), "w", "fall_asleep")
    m, _ = ok(m, "release_mem_region", "driver", start=BAR0, size=PAGE)
    m, _ = ok(m, "remove", "root", bdf=BDF)
    _, outcome = finish(m, "w")
    assert not outcome.ok
    assert outcome.bug is not None
    assert "use after free" in outcome.bug
