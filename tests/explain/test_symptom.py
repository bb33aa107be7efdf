"""From a symptom to its causes: the right one comes first, and no cause is without effect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from devmemkit.explain.access import OPS, Access, access_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.hypotheses import HYPOTHESES, Hypothesis
from devmemkit.explain.symptom import SYMPTOMS, causes
from devmemkit.explain.verdict import end_of, verdict
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.play import play
from tests.explain.known import E1000, E1000_BAR, IVSHMEM, IVSHMEM_BAR, ask, known


@pytest.mark.parametrize(
    ("state", "got", "asked", "says"),
    [
        ("bound", "EPERM", {"address": E1000_BAR}, "page 0xfebc0 is not allowed"),
        ("bound", "EINVAL", {"bdf": E1000, "bar": 0}, "the first page of BAR 0 is taken"),
        ("idle", "EINVAL", {"bdf": E1000, "bar": 0}, "a driver had claimed the region"),
        ("idle", "EFAULT", {"address": IVSHMEM_BAR, "op": "read"}, "is above high_memory"),
        ("idle", "SIGBUS", {"address": IVSHMEM_BAR, "op": "load"}, "a driver claimed the region"),
        ("bound", "SIGBUS", {"address": E1000_BAR, "op": "load"}, "a driver claimed the region"),
        ("bound", "SIGBUS", {"bdf": E1000, "bar": 0, "op": "load"}, "a driver claimed the region"),
        ("bound", "SIGSEGV", {"address": E1000_BAR, "op": "load"}, "behind the mapping's end"),
        ("idle", "zeros", {"address": 0x2000, "op": "read"}, ""),
        ("idle", "ones", {"bdf": IVSHMEM, "bar": 2, "op": "load"}, "is gone, asleep or hangs"),
        ("idle", "EAGAIN", {"address": 0x4100_0000, "sync": True}, "has another cache type"),
        ("idle", "ENXIO", {"address": IVSHMEM_BAR}, "made the node although"),
        ("idle", "EACCES", {"address": IVSHMEM_BAR}, "does not run as root"),
        ("idle", "EROFS", {"bdf": IVSHMEM, "bar": 2}, "mount is read-only"),
        ("idle", "ENOENT", {"bdf": E1000, "bar": 0, "wc": True}, "BAR 0 is not prefetchable"),
        ("idle", "EIO", {"bdf": IVSHMEM, "bar": 2}, "read(2) was used"),
    ],
)
def test_the_likeliest_cause(state: str, got: str, asked: dict[str, Any], says: str) -> None:
    first = causes(*ask(known(state), **asked), got)[0]
    assert says in first.what
    assert first.tell


@pytest.mark.parametrize(
    ("got", "asked", "says"),
    [
        ("EPERM", {"address": IVSHMEM_BAR, "exec": True}, "asks for PROT_EXEC"),
        ("EPERM", {"address": IVSHMEM_BAR}, "lets an ordinary user open it"),
        ("EACCES", {"address": IVSHMEM_BAR}, "is mounted nodev"),
    ],
)
def test_a_cause_by_the_files_mode_or_mount(got: str, asked: dict[str, Any], says: str) -> None:
    assert any(says in cause.what for cause in causes(*ask(known("idle"), **asked), got))


def test_a_symptom_that_no_kernel_gives_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^--got: expected one of EPERM, .*; got ENOSPC$"):
        causes(*ask(known(), address=0), "ENOSPC")


def some_accesses() -> Iterator[tuple[Machines, Access]]:
    """Accesses of each kind to two places of the machine."""
    machines = {state: Machines(known(state)) for state in ("idle", "bound")}
    places: list[dict[str, Any]] = [
        {"bdf": IVSHMEM, "bar": 2, "via": "sysfs"},
        {"bdf": IVSHMEM, "bar": 2, "via": "proc"},
        {"address": IVSHMEM_BAR, "length": 2 * PAGE_SIZE},
    ]
    for one, place, op in product(machines.values(), places, OPS):
        if place.get("via") != "proc" or op not in ("read", "write"):
            yield one, access_of(one.known, **place, op=op)


@pytest.mark.parametrize("hypothesis", HYPOTHESES, ids=lambda hypothesis: hypothesis.name)
def test_every_hypothesis_changes_an_outcome(hypothesis: Hypothesis) -> None:
    for machines, access in some_accesses():
        machine = machines.machine(next(machines.cases())[1])
        changed = hypothesis.apply(machines.known, machine, access)
        if changed is None:
            continue
        played = play(*changed)
        end = end_of(played.acts, played.outcomes)
        assert end == "ok" or end in SYMPTOMS
        if end != verdict(machine, access).outcome:
            return
    if hypothesis.name != "io_strict":  # the recorded machine is strict already
        pytest.fail("expected some access to end in another way")


def test_the_stricter_kernel_matters_where_the_other_is_not() -> None:
    lax = {"CONFIG_DEVMEM": "y", "CONFIG_STRICT_DEVMEM": "y", "CONFIG_IO_STRICT_DEVMEM": "n"}
    found = causes(*ask(known(config=lax), address=E1000_BAR), "EPERM")
    assert any("IO_STRICT_DEVMEM=y" in cause.what for cause in found)
