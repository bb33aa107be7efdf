"""Who may touch a page: devmem_is_allowed and what decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devmemkit.model import flags as fl
from devmemkit.model.errors import KernelError
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine, View
from devmemkit.model.resource.region import request_region
from devmemkit.model.resource.strict import (
    ALLOW,
    DENY,
    ZERO,
    devmem_is_allowed,
    iomem_is_exclusive,
    page_is_allowed,
    same_answer_until,
)
from tests.model.machines import ALL, BAR0, BUSY, MEM, PAGE, PMEM, claim_, iomem, machine, node

LOOSE = Config(io_strict_devmem=False)
NONE = Config(strict_devmem=False, io_strict_devmem=False)
EXCLUSIVE = fl.IORESOURCE_EXCLUSIVE


def allowed(m: Machine, address: int) -> int:
    return page_is_allowed(View(m), address >> fl.PAGE_SHIFT)


@pytest.mark.parametrize("version", ALL)
def test_answers_of_x86(version: str) -> None:
    """(a) RAM: 2 below 1 MiB, 0 above; (b) exclusive: 1 below, 0 above; (c) 1."""
    m = machine(version)
    assert (DENY, ALLOW, ZERO) == (0, 1, 2)
    assert allowed(m, 0x1000) == ZERO
    assert allowed(m, 0x0) == ALLOW  # a hole
    assert allowed(m, 0xF_0000) == ALLOW  # busy, but below 1 MiB
    assert allowed(m, 0x10_0000) == DENY  # RAM, the first page at 1 MiB
    assert allowed(m, 0x100_0000) == DENY  # kernel code inside RAM
    assert allowed(m, PMEM) == ALLOW  # idle
    assert allowed(m, BAR0) == ALLOW
    assert allowed(m, 1 << 39) == ALLOW  # nobody's


def test_answers_without_x86() -> None:
    """lib/devmem_is_allowed.c: exclusive 0, RAM 0, else 1; nothing is special below 1 MiB."""
    m = machine("6.12")
    m = m.with_kernel(replace(m.kernel, arch="other"))
    low = {address: allowed(m, address) for address in (0x0, 0x1000, 0xF_0000)}
    assert low == {0x0: ALLOW, 0x1000: DENY, 0xF_0000: DENY}
    assert allowed(m, 0x10_0000) == DENY
    assert allowed(m, PMEM) == ALLOW


def test_a_page_that_ram_only_touches() -> None:
    """Not DISJOINT is enough."""
    tree = iomem(node(1 << 33, (1 << 33) + 0x10, "sliver", fl.IORESOURCE_SYSTEM_RAM))
    m = machine(tree=tree)
    assert allowed(m, 1 << 33) == DENY
    assert allowed(m, (1 << 33) + PAGE) == ALLOW


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("config", "cmdline", "flags", "answer"),
    [
        (Config(), "", 0, DENY),
        (Config(), "iomem=relaxed", 0, ALLOW),
        (Config(), "iomem=relaxed", EXCLUSIVE, ALLOW),
        (Config(), "iomem=relaxed iomem=strict", 0, DENY),
        (LOOSE, "", 0, ALLOW),
        (LOOSE, "", EXCLUSIVE, DENY),
        (LOOSE, "iomem=strict", 0, ALLOW),
        (LOOSE, "iomem=relaxed", EXCLUSIVE, ALLOW),
        (NONE, "", EXCLUSIVE, ALLOW),
        (NONE, "iomem=strict", EXCLUSIVE, ALLOW),  # /dev/mem no longer asks
    ],
)
def test_claimed_range(version: str, config: Config, cmdline: str, flags: int, answer: int) -> None:
    """A BUSY range by configuration, command line and exclusivity."""
    m = claim_(machine(version, config=config, cmdline=cmdline), PMEM, PAGE, flags=flags)
    assert allowed(m, PMEM) == answer
    assert allowed(m, PMEM + PAGE) == ALLOW


@pytest.mark.parametrize("version", ALL)
def test_strict_devmem_off_allows_ram(version: str) -> None:
    """page_is_allowed is always 1 with STRICT_DEVMEM=n."""
    m = machine(version, config=NONE)
    assert allowed(m, 0x10_0000) == allowed(m, 0x1000) == ALLOW
    assert devmem_is_allowed(View(m), 0x100) == DENY


@pytest.mark.parametrize(("version", "denied"), [("4.4", False), ("4.5", True), ("5.8", True)])
def test_busy_ranges_are_excluded_from_4_5(version: str, denied: bool) -> None:
    """90a545e98126 (v4.5). An EXCLUSIVE claim was refused before that, too."""
    assert (allowed(claim_(machine(version), PMEM, PAGE), PMEM) == DENY) == denied
    assert allowed(claim_(machine(version), PMEM, PAGE, flags=EXCLUSIVE), PMEM) == DENY


@pytest.mark.parametrize(("version", "rule"), [("5.10", 0), ("5.15", 0), ("6.1", 1), ("7.3", 1)])
@pytest.mark.parametrize("cmdline", ["", "iomem=relaxed"])
def test_idle_exclusive_system_ram(version: str, rule: int, cmdline: str) -> None:
    """System RAM (a9e7b8d4f663, v5.16): even when idle and even with iomem=relaxed."""
    flags = fl.IORESOURCE_SYSTEM_RAM | EXCLUSIVE
    region = node(1 << 33, (1 << 33) + 0xFFFF, "virtio0", flags)
    m = machine(version, tree=iomem(region), cmdline=cmdline)
    owner = iomem_is_exclusive(View(m), 1 << 21)
    assert (owner is not None and owner.name == "virtio0") == bool(rule)
    assert iomem_is_exclusive(View(m), (1 << 21) + 16) is None


@pytest.mark.parametrize("version", ALL)
def test_one_busy_byte_takes_its_pages(version: str) -> None:
    """Page-granular, both pages of an unaligned claim are busy."""
    m = claim_(machine(version), PMEM + 0x1800, 0x1000)
    answers = [allowed(m, PMEM + page * PAGE) for page in range(4)]
    assert answers == [ALLOW, DENY, DENY, ALLOW]
    m = claim_(machine(version), PMEM + 0x2FFF, 1)
    assert [allowed(m, PMEM + page * PAGE) for page in range(4)] == [ALLOW, ALLOW, DENY, ALLOW]


def test_claims_below_one_mebibyte_stay_accessible() -> None:
    m = claim_(machine(), 0xA_0000, PAGE)
    assert allowed(m, 0xA_0000) == ALLOW
    assert iomem_is_exclusive(View(m), 0xA0) is not None


def test_deny_idle() -> None:
    """DenyIdle refuses idle and claimed pages from 1 MiB on; without STRICT_DEVMEM nobody asks."""
    m = claim_(machine(policy="DenyIdle"), PMEM, PAGE)
    assert [allowed(m, at) for at in (PMEM, PMEM + PAGE, BAR0, 0xF_0000, 0x1000)] == [
        DENY,
        DENY,
        DENY,
        ALLOW,
        ZERO,
    ]
    assert allowed(machine(policy="DenyIdle", config=NONE), PMEM) == ALLOW


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 24)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(SPANS, st.integers(-3, 20), st.integers(0, 20), st.booleans())
@example([(10, 20)], 6, 5, True)  # a busy node across 1 MiB
def test_same_answer_until_is_right_and_stops_at_edges(
    spans: list[tuple[int, int]], first: int, more: int, low: bool
) -> None:
    """All pages that one coarse step answers have one answer; a fine machine takes one."""
    base = 0x10_0000 - 8 * PAGE if low else 1 << 33
    top = node(0, (1 << 40) - 1, "PCI mem", MEM, node(1 << 35, (1 << 36) - 1, "RAM", BUSY))
    for start, length in spans:
        try:
            request_region(top, base + start * PAGE // 2, length * PAGE // 2 - 3, "busy")
        except KernelError:
            continue
    m = View(machine(tree=top))
    pfn = (base >> fl.PAGE_SHIFT) + first
    until = same_answer_until(m, pfn, pfn + more)
    assert pfn <= until <= pfn + more
    assert len({devmem_is_allowed(m, page) for page in range(pfn, until + 1)}) == 1
    fine = View(machine(tree=top, fine=True))
    assert same_answer_until(fine, pfn, pfn + more) == pfn
    if not spans and not low:
        assert until == pfn + more
