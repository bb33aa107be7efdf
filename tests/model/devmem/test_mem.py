"""/dev/mem: every check in the kernel's order and the check-then-map race."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.model import flags as fl
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import VM, Task
from devmemkit.model.step import finished, run, take_step
from tests.model.machines import (
    ALL,
    BAR0,
    BDF,
    HIGH,
    PAGE,
    PMEM,
    RAM,
    begin,
    blocked,
    claim_,
    do,
    finish,
    interleavings,
    iomem,
    live,
    machine,
    mapped,
    node,
    ok,
    step_to,
)

NONE = Config(strict_devmem=False, io_strict_devmem=False)
U64 = (1 << 64) - 1


def opened(version: str = "6.12", /, **more: Any) -> Machine:
    """A machine whose process has /dev/mem open as descriptor 0."""
    dsync = more.pop("dsync", True)
    return ok(machine(version, **more), "open_devmem", dsync=dsync)[0]


def error(m: Machine, name: str, /, **arguments: Any) -> str | None:
    return do(m, name, fd=0, **arguments)[1].errno


@pytest.mark.parametrize(("version", "errno"), [("4.4", None), ("4.5", None), ("5.10", "EINVAL")])
def test_mmap_has_no_limit_of_addresses_on_x86_before_4_15(version: str, errno: str) -> None:
    """be62a3204406; ce56a86e2ade, in a release candidate of 4.14, was reverted."""
    m = opened(version)
    beyond = 1 << m.phys_bits
    assert error(m, "mmap_devmem", offset=beyond - PAGE, length=PAGE) is None
    assert error(m, "mmap_devmem", offset=beyond, length=PAGE) == errno


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("more", "errno"),
    [
        ({}, None),
        ({"config": Config(devmem=False, strict_devmem=False, io_strict_devmem=False)}, "ENOENT"),
        ({"task": Task(root=False, capabilities=frozenset({"SYS_RAWIO"}))}, "EACCES"),
        ({"task": Task(capabilities=frozenset({"SYS_ADMIN"}))}, "EPERM"),
        ({"task": Task(capabilities=frozenset({"SYS_RAWIO"}))}, None),
        ({"cmdline": "lockdown=integrity"}, "EPERM"),
        ({"cmdline": "lockdown=confidentiality"}, "EPERM"),
        ({"cmdline": "lockdown=none"}, None),
        ({"task": Task(root=False, capabilities=frozenset())}, "EACCES"),
    ],
)
def test_open(version: str, more: dict[str, Any], errno: str | None) -> None:
    """CAP_SYS_RAWIO and no lockdown; the file's mode before the driver's own."""
    assert do(machine(version, **more), "open_devmem")[1].errno == errno


def test_descriptors() -> None:
    m = machine()
    for number in range(3):
        m, fd = ok(m, "open_devmem")
        assert fd == number
    m, _ = ok(m, "close", fd=1)
    assert error(m.with_({("files", "p"): ()}), "read_devmem", count=1, offset=0) == "EBADF"
    assert ok(m, "open_devmem")[1] == 1  # the lowest free one
    assert do(m, "close", fd=7)[1].errno == "EBADF"
    assert do(m, "close", fd=1)[1].errno == "EBADF"


@pytest.mark.parametrize("version", ALL)
def test_lockdown_is_asked_at_open_only(version: str) -> None:
    """A descriptor opened before lockdown keeps working."""
    m = opened(version)
    locked = Machine(
        replace(m.kernel, cmdline="lockdown=integrity"), m.components, high_memory=HIGH
    )
    ok(locked, "mmap_devmem", fd=0, offset=PMEM, length=PAGE)
    ok(locked, "read_devmem", fd=0, offset=PMEM, count=8)
    assert do(locked, "open_devmem")[1].errno == "EPERM"


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("offset", "whence", "result"),
    [
        (0x1000, "SET", 0x1000),
        (-4, "SET", "EOVERFLOW"),  # M
        (U64 - 4095 + 1, "SET", "EOVERFLOW"),  # the lowest of the top 4095 values
        (U64 - 4095, "SET", U64 - 4095),
        (1 << 63, "SET", 1 << 63),
        (8, "CUR", 0x108),
        (-0x100, "CUR", 0),
        (-0x101, "CUR", "EOVERFLOW"),
        (0, "END", "EINVAL"),
        (0, "DATA", "EINVAL"),
    ],
)
def test_llseek(version: str, offset: int, whence: str, result: int | str) -> None:
    m, _ = ok(opened(version), "lseek_devmem", fd=0, offset=0x100)
    m, outcome = do(m, "lseek_devmem", fd=0, offset=offset, whence=whence)
    assert result == (outcome.errno or outcome.value)
    assert m["files", "p"][0].pos == (0x100 if outcome.errno else result)


def filled(m: Machine, *pfns: int) -> Machine:
    """The machine with each of these pages full of its own number."""
    return m.with_({("page", pfn): bytes([pfn & 0xFF]) * PAGE for pfn in pfns})


@pytest.mark.parametrize("version", ALL)
def test_read_and_write(version: str) -> None:
    """Zeroes from RAM below 1 MiB, writes there dropped; RAM above is EPERM."""
    m = filled(opened(version), 1, 0xF0, PMEM >> 12)
    assert ok(m, "read_devmem", fd=0, offset=0x1000, count=4)[1] == bytes(4)
    after, count = ok(m, "write_devmem", fd=0, offset=0x1000, data=b"abcd")
    assert (count, after["page", 1]) == (4, m["page", 1])
    assert ok(m, "read_devmem", fd=0, offset=0xF0000, count=4)[1] == b"\xf0" * 4
    assert error(m, "read_devmem", offset=0x20_0000, count=4) == "EPERM"
    assert error(m, "write_devmem", offset=0x20_0000, data=b"x") == "EPERM"
    after, count = ok(m, "write_devmem", fd=0, offset=PMEM + PAGE - 2, data=b"abcd")
    assert count == 4
    data = ok(after, "read_devmem", fd=0, offset=PMEM + PAGE - 3, count=6)[1]
    assert data == b"\x00abcd\x00"


@pytest.mark.parametrize("version", ALL)
def test_refused_page_after_others_is_eperm(version: str) -> None:
    """Partial progress is lost from the return value, not from memory."""
    m = claim_(opened(version), PMEM + PAGE, PAGE)
    assert error(m, "read_devmem", offset=PMEM, count=2 * PAGE) == "EPERM"
    after, outcome = do(m, "write_devmem", fd=0, offset=PMEM + PAGE - 1, data=b"ab")
    assert outcome.errno == "EPERM"
    assert after["page", PMEM >> 12][-1:] == b"a"
    assert ok(m, "read_devmem", fd=0, offset=PMEM, count=PAGE)[1] == bytes(PAGE)
    assert ok(m, "read_devmem", fd=0, offset=PMEM + 2 * PAGE, count=8)[1] == bytes(8)


def test_a_coarse_machine_copies_the_pages_of_one_answer_in_one_step() -> None:
    m = filled(opened(), 0xFF, PMEM >> 12, (PMEM >> 12) + 1)
    fine = Machine(m.kernel, m.components, high_memory=HIGH, phys_bits=40, fine=True)
    data = b"".join(bytes([n]) * PAGE for n in range(1, 4))[:-5]
    for start in (PMEM + 3, 0xF_F007):  # the second crosses from ROM, below 1 MiB, into RAM
        seen = []
        for one in (m, fine):
            after, outcome, events = run(
                one, "p", "write_devmem", pid="p", fd=0, offset=start, data=data
            )
            read = run(after, "p", "read_devmem", pid="p", fd=0, offset=start, count=len(data))
            pages = {k: v for k, v in after.components.items() if k[0] == "page"}
            seen.append((outcome, read[1], pages))
            pages_a_step = [e.step for e in events].count("check_page")
            assert pages_a_step == (2 if start < PMEM else 1 if one is m else 3)
        assert seen[0] == seen[1]
    assert seen[0][0].errno == "EPERM"  # though the first page was written
    assert seen[0][2]["page", 0xFF][7:] == data[: PAGE - 7]


def test_what_is_longer_than_the_kernel_transfers_is_cut() -> None:
    ram = node(1 << 32, (6 << 30) - 1, "System RAM", RAM)
    config = Config(strict_devmem=False, io_strict_devmem=False)
    m = ok(machine(tree=iomem(ram), config=config), "open_devmem")[0]
    m = Machine(m.kernel, m.components, high_memory=6 << 30)
    long = 3 << 30
    assert ok(m, "read_devmem", fd=0, offset=0, count=long, keep=False)[1] == 0x7FFF_F000
    after, count = ok(m, "write_devmem", fd=0, offset=0, data=long)
    assert count == 0x7FFF_F000
    assert not [key for key in after.components if key[0] == "page"]  # a count writes nothing
    assert error(m, "read_devmem", offset=0, count=7 << 30, keep=False) is None  # cut before EFAULT
    end = (6 << 30) - PAGE
    assert error(m, "read_devmem", offset=end, count=2 * PAGE, keep=False) == "EFAULT"


@pytest.mark.parametrize("version", ALL)
def test_high_memory_comes_before_permission(version: str) -> None:
    """EFAULT beyond high_memory, idle or claimed; high_memory - 1 is valid."""
    m = opened(version)
    for state in (m, claim_(m, BAR0, PAGE)):
        assert error(state, "read_devmem", offset=BAR0, count=4) == "EFAULT"
        assert error(state, "write_devmem", offset=BAR0, data=b"x") == "EFAULT"
    assert error(m, "read_devmem", offset=HIGH - 4, count=4) == "EPERM"  # RAM
    assert error(m, "read_devmem", offset=HIGH - 4, count=5) == "EFAULT"
    assert ok(m, "read_devmem", fd=0, offset=HIGH, count=0)[1] == b""
    loose = opened(version, config=NONE)
    assert len(ok(loose, "read_devmem", fd=0, offset=HIGH - 4, count=4)[1]) == 4
    assert error(loose, "read_devmem", offset=1 << 62, count=2) == "EFAULT"


def test_negative_offsets() -> None:
    """pread64 refuses them before it looks at the descriptor; read(2) at one must not wrap."""
    m = ok(machine(), "open_devmem")[0]
    for offset in (1 << 63, U64 - 2):
        assert error(m, "read_devmem", offset=offset, count=4) == "EINVAL"
        assert do(m, "read_devmem", fd=7, offset=offset, count=4)[1].errno == "EINVAL"
        assert error(m, "write_devmem", offset=offset, data=b"x") == "EINVAL"
    m, _ = ok(m, "lseek_devmem", fd=0, offset=U64 - 5000)
    assert error(m, "read_devmem", count=5001) == "EOVERFLOW"
    assert error(m, "read_devmem", count=5000) == "EFAULT"


def test_open_mode_and_position() -> None:
    """EBADF against the open mode; read(2) and write(2) advance the position, pread(2) does not."""
    m = filled(ok(machine(), "open_devmem", mode="r")[0], PMEM >> 12)
    assert error(m, "write_devmem", offset=PMEM, data=b"x") == "EBADF"
    m, _ = ok(m, "lseek_devmem", fd=0, offset=PMEM)
    m, data = ok(m, "read_devmem", fd=0, count=3)
    assert (data, m["files", "p"][0].pos) == (b"\0\0\0", PMEM + 3)
    m, _ = ok(m, "read_devmem", fd=0, count=5, offset=PMEM)
    assert m["files", "p"][0].pos == PMEM + 3
    wo = ok(machine(), "open_devmem", mode="w")[0]
    assert error(wo, "read_devmem", offset=PMEM, count=1) == "EBADF"
    wo, _ = ok(wo, "lseek_devmem", fd=0, offset=PMEM)
    wo, count = ok(wo, "write_devmem", fd=0, data=b"ab")
    assert (count, wo["files", "p"][0].pos) == (2, PMEM + 2)
    wo = claim_(wo, PMEM, PAGE)
    wo, outcome = do(wo, "write_devmem", fd=0, data=b"ab")
    assert (outcome.errno, wo["files", "p"][0].pos) == ("EPERM", PMEM + 2)


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("offset", "length", "more", "errno"),
    [
        (PMEM, PAGE, {}, None),
        (PMEM, 1, {}, None),
        (PMEM + 1, PAGE, {}, "EINVAL"),
        (PMEM, 0, {}, "EINVAL"),
        (PMEM + 1, PAGE, {"fd": 5}, "EINVAL"),  # the offset is tested before the descriptor
        (PMEM, 0, {"fd": 5}, "EBADF"),
        (U64 - PAGE + 1, 2 * PAGE, {}, "EOVERFLOW"),  # file_mmap_ok, before the driver
        ((1 << 40) - PAGE, 2 * PAGE, {}, "EINVAL"),  # step 3
        (1 << 40, PAGE, {}, "EINVAL"),
        ((1 << 40) - PAGE, PAGE, {}, None),
        (0x10_0000, PAGE, {}, "EPERM"),  # step 5, System RAM
        (0x1000, PAGE, {}, None),  # RAM below 1 MiB: 2 counts as allowed
        (0xF0000, PAGE, {}, None),
        (PMEM, 2 * PAGE, {"prot": "rx"}, None),
        (PMEM, 2 * PAGE, {"prot": ""}, None),
        (PMEM, 2 * PAGE, {"shared": False}, None),
    ],
)
def test_mmap_errnos(
    version: str, offset: int, length: int, more: dict[str, Any], errno: str | None
) -> None:
    m = opened(version)
    arguments = {"fd": 0, "offset": offset, "length": length, **more}
    after, outcome = do(m, "mmap_devmem", **arguments)
    assert outcome.errno == errno
    assert len(after["vmas", "p"]) == (errno is None)
    if errno:
        assert after["pagetable", "p"].value() == m["pagetable", "p"].value()
        assert after.get(("i_mmap", "iomem")) is None


@pytest.mark.parametrize("version", ALL)
def test_mmap_order_of_errnos(version: str) -> None:
    """Range before permission before memtype."""
    m, _ = mapped(opened(version, dsync=False), PMEM, 1, dsync=False)
    m = claim_(m, (1 << 40) - PAGE, PAGE)
    span = {"offset": (1 << 40) - PAGE, "length": 2 * PAGE}
    assert error(m, "mmap_devmem", **span) == "EINVAL"  # not EPERM
    m, fd = ok(m, "open_devmem", dsync=True)
    again = do(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)[1]
    assert again.errno == "EAGAIN"  # step 7: UC- where WB is mapped
    busy = claim_(m, PMEM + PAGE, PAGE)
    both = do(busy, "mmap_devmem", fd=fd, offset=PMEM, length=2 * PAGE)[1]
    assert both.errno == "EPERM"  # not EAGAIN


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("page", [0, 5, 9])
def test_one_denied_page_denies_all(version: str, page: int) -> None:
    """Every page is checked; nothing is mapped."""
    m = claim_(opened(version), PMEM + page * PAGE + 0x10, 4)
    after, outcome = do(m, "mmap_devmem", fd=0, offset=PMEM, length=10 * PAGE)
    assert (outcome.errno, after["vmas", "p"]) == ("EPERM", ())
    if page:
        ok(m, "mmap_devmem", fd=0, offset=PMEM, length=page * PAGE)
    ok(m, "mmap_devmem", fd=0, offset=PMEM + (page + 1) * PAGE, length=10 * PAGE)


def test_mmap_needs_the_open_mode() -> None:
    """EACCES: reading always, writing for a shared writable mapping."""
    ro = ok(machine(), "open_devmem", mode="r")[0]
    wo = ok(machine(), "open_devmem", mode="w")[0]
    span = {"offset": PMEM, "length": PAGE}
    assert error(ro, "mmap_devmem", **span) == "EACCES"
    assert error(ro, "mmap_devmem", **span, shared=False) is None
    assert error(ro, "mmap_devmem", **span, prot="r") is None
    assert error(wo, "mmap_devmem", **span) == "EACCES"
    assert error(wo, "mmap_devmem", **span, shared=False) == "EACCES"


@pytest.mark.parametrize("version", ALL)
def test_the_new_vma(version: str) -> None:
    """VM_IO, PFNMAP, DONTEXPAND, DONTDUMP; pgoff is the pfn; O_SYNC means UC-."""
    m, address = mapped(machine(version), PMEM, 3)
    (vma,) = m["vmas", "p"]
    assert (vma.start, vma.pages, vma.pgoff) == (address, 3, PMEM >> 12)
    assert [r.type for r in m["memtype"]] == ["UC-"]
    assert VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP in vma.flags
    m, other = mapped(m, PMEM + 3 * PAGE, 2, dsync=False)
    assert [r.type for r in m["memtype"]] == ["UC-", "WB"]
    assert len(m["vmas", "p"]) == 2  # never merged
    assert other != address


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "6.19", "7.1", "7.2", "7.3"])
@pytest.mark.parametrize("cmdline", ["", "nopat"])
def test_pat_check_without_strict_devmem(version: str, cmdline: str) -> None:
    """Up to 6.15 PAT refuses RAM with EINVAL when STRICT_DEVMEM=n; later ones do not."""
    m = opened(version, config=NONE, cmdline=cmdline)
    filters = version in ("5.10", "6.1", "6.12") and not cmdline
    expected = "EINVAL" if filters else None
    assert error(m, "mmap_devmem", offset=0x10_0000, length=PAGE) == expected
    assert error(m, "mmap_devmem", offset=PMEM, length=PAGE) is None
    assert error(m, "mmap_devmem", offset=0x1000, length=PAGE) is None  # 2 counts as allowed


@pytest.mark.parametrize("version", ["5.10", "6.12", "7.3"])
def test_pat_check_sees_iomem_strict(version: str) -> None:
    """With STRICT_DEVMEM=n, iomem=strict and an EXCLUSIVE claim, PAT up to 6.12
    refuses; without iomem=strict it does not."""
    for cmdline in ("", "iomem=strict"):
        m = opened(version, config=NONE, cmdline=cmdline)
        m = claim_(m, PMEM, PAGE, flags=fl.IORESOURCE_EXCLUSIVE)
        expected = "EINVAL" if cmdline and version != "7.3" else None
        assert error(m, "mmap_devmem", offset=PMEM, length=PAGE) == expected


# The race of section 4. The mapper P maps PAGES pages; the driver claims some of them.

PAGES = 4


def mapping(version: str, *, fine: bool = True, **more: Any) -> Machine:
    m = opened(version, fine=fine, **more)
    return begin(m, "P", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=PAGES * PAGE)


def claiming(m: Machine, page: int = 0, pages: int = PAGES) -> Machine:
    return begin(m, "K", "request_mem_region", start=PMEM + page * PAGE, size=pages * PAGE)


def outcome_of(m: Machine) -> str:
    """How it ends for P: an errno, or L and d for each page."""
    m, outcome = finish(m, "P")
    if outcome.errno:
        return outcome.errno
    assert m["outcome", "K"].ok
    return "".join("L" if page else "d" for page in live(m, outcome.value, PAGES))


def after_each_step(version: str, page: int, pages: int, **more: Any) -> list[tuple[str, str]]:
    """A whole claim between each two steps of P: the step before it, and how P ends."""
    m = mapping(version, **more)
    ends = list[tuple[str, str]]()
    while True:
        m, event = take_step(m, "P")
        if finished(m, "P"):
            return ends
        claimed, outcome = finish(claiming(m, page, pages), "K")
        assert outcome.ok
        ends.append((event.step, outcome_of(claimed)))


CHECK, PAT, P = "range_is_allowed", "phys_mem_access_prot_allowed", "remap_pfn_range_complete"


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12"])
def test_whole_claims_inside_an_old_mmap(version: str) -> None:
    """EPERM while pages are unchecked, then a full survivor, dead after L."""
    assert after_each_step(version, 0, PAGES) == [
        ("do_mmap", "EPERM"),
        ("valid_mmap_phys_addr_range", "EPERM"),
        *[(CHECK, "EPERM")] * (PAGES - 1),  # the last page is tested last (4.3)
        (CHECK, "LLLL"),
        (PAT, "LLLL"),
        ("mmap_mem", "LLLL"),
        ("remap_pfn_range", "LLLL"),
        ("vma_link_file", "dddd"),
    ]


def test_two_passes_before_the_old_order() -> None:
    """Measured on 6.18: the second pass refuses with EINVAL; then all survives, or all dies."""
    assert after_each_step("6.18", 0, PAGES) == [
        ("do_mmap", "EPERM"),
        ("valid_mmap_phys_addr_range", "EPERM"),
        *[(CHECK, "EPERM")] * (PAGES - 1),
        (CHECK, "EINVAL"),
        *[(PAT, "EINVAL")] * (PAGES - 1),
        (PAT, "LLLL"),
        ("mmap_mem", "LLLL"),
        ("remap_pfn_range", "LLLL"),
        ("vma_link_file", "dddd"),
    ]


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "6.18"])
def test_a_low_claim_has_the_longest_window(version: str) -> None:
    """A claim of page 0 escapes from the moment page 0 was checked (the last time)."""
    passes = ["EINVAL"] * PAGES + ["LLLL"] * PAGES if version == "6.18" else ["LLLL"] * (PAGES + 1)
    ends = [end for _, end in after_each_step(version, 0, 1)]
    assert ends == ["EPERM", "EPERM", *passes, "LLLL", "LLLL", "dLLL"]


@pytest.mark.parametrize("version", ["6.19", "7.1", "7.2", "7.3"])
def test_whole_claims_inside_a_new_mmap(version: str) -> None:
    """EPERM in the first pass, EINVAL in the second, then page by page."""
    assert after_each_step(version, 0, PAGES) == [
        ("do_mmap", "EPERM"),
        ("valid_mmap_phys_addr_range", "EPERM"),
        *[(CHECK, "EPERM")] * (PAGES - 1),
        *[(CHECK, "EINVAL")],
        *[(PAT, "EINVAL")] * (PAGES - 1),
        (PAT, "LLLL"),
        ("mmap_mem", "LLLL"),
        ("vma_link_file", "LLLL"),
        (P, "dLLL"),  # torn: possible in principle (4.4)
        (P, "ddLL"),
        (P, "dddL"),
        (P, "dddd"),
    ]


@pytest.mark.parametrize("version", ["7.2", "7.3"])
def test_a_small_claim_survives_on_7_3(version: str) -> None:
    """A claim of page 0 escapes between its second check and its own PTE."""
    ends = after_each_step(version, 0, 1)
    assert [end for _, end in ends] == [
        *["EPERM"] * 2,
        *["EINVAL"] * PAGES,
        *["LLLL"] * PAGES,
        *["LLLL"] * 2,
        *["dLLL"] * PAGES,
    ]


@pytest.mark.parametrize("version", ALL)
def test_without_strict_pages_there_is_no_survivor_to_speak_of(version: str) -> None:
    """On a relaxed kernel every claim leaves the mapping alive, race or not."""
    ends = after_each_step(version, 0, PAGES, cmdline="iomem=relaxed")
    assert {end for _, end in ends} == {"LLLL"}


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12"])
def test_all_or_nothing_before_6_19(version: str) -> None:
    """Whatever the interleaving of T, E, Z with C, P, L: all pages live or all dead."""
    assert interleaved(version) == {"EPERM", "LLLL", "dddd"}


def test_per_page_on_7_3() -> None:
    """Both errnos and torn outcomes; a zap that trails the populator kills all."""
    found = interleaved("7.3")
    assert {"EPERM", "EINVAL", "LLLL", "dddd", "dLLL", "ddLL", "dddL"} <= found
    assert all(e in ("EPERM", "EINVAL") or len(e) == PAGES for e in found)


def interleaved(version: str) -> set[str]:
    """All outcomes for P over every interleaving with a claim of the whole mapping."""
    return {outcome_of(m) for m in interleavings(claiming(mapping(version)), "P", "K")}


@pytest.mark.parametrize("version", ALL)
def test_link_waits_for_a_zap_walk(version: str) -> None:
    """L needs the rmap lock that Z holds; the survivor comes right after."""
    last = "mmap_mem" if version == "7.3" else "remap_pfn_range"
    m = step_to(claiming(step_to(mapping(version), "P", last)), "K", "zap_begin")
    assert blocked(m, "P") == "i_mmap iomem"
    m, _ = finish(m, "K")
    assert blocked(m, "P") is None
    assert outcome_of(m) == "LLLL"


def test_populate_needs_no_rmap_lock_on_7_3() -> None:
    """The rmap lock is not held in P, so Z and P run side by side."""
    m = step_to(claiming(step_to(mapping("7.3"), "P", "vma_link_file")), "K", "zap_begin")
    assert blocked(m, "P") is None
    m = step_to(step_to(m, "P", P), "P", P)
    m = step_to(m, "K", "zap")  # page 0
    assert outcome_of(finish(finish(m, "P")[0], "K")[0]) == "dddd"  # the zap trails P


@pytest.mark.parametrize("version", ALL)
def test_other_threads_wait_for_the_mmap(version: str) -> None:
    """mmap_lock is held throughout: a fault or another mmap waits."""
    m = step_to(mapping(version), "P", "mmap_mem")
    address = dict(m["stack", "P"][0])["vma"].start
    m = begin(m, "t", "load", pid="p", address=address)
    assert blocked(m, "t") == "mmap p"
    m = begin(m, "u", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=PAGE)
    assert blocked(m, "u") == "mmap p"
    m, _ = finish(m, "P")
    assert finish(m, "t")[1].ok
    assert finish(m, "u")[1].ok


def test_physical_pages_are_shared() -> None:
    """Two mappings of one page see one memory; /dev/mem reads what the mapping wrote."""
    m, one = mapped(machine("6.12", "p", "q"), PMEM, 1)
    m, two = mapped(m, PMEM, 1, "q")
    m, _ = ok(m, "store", address=one + 8, value=0x1234)
    assert ok(m, "load", "q", address=two + 8)[1] == 0x1234
    assert ok(m, "read_devmem", fd=0, offset=PMEM + 8, count=2)[1] == b"\x34\x12"


@pytest.mark.parametrize(
    ("operation", "where"),
    [("open_devmem", {}), ("open_ioport", {}), ("open_resource", {"bdf": BDF, "bar": 0})],
)
def test_an_unknown_mode_is_a_mistake_of_ours(operation: str, where: dict[str, Any]) -> None:
    for mode in ("", "rwx", "a"):
        with pytest.raises(ValueError, match=rf"^mode: expected one of r, w, rw; got '{mode}'$"):
            do(machine(), operation, mode=mode, **where)


@pytest.mark.parametrize("name", ["read_devmem", "write_devmem"])
def test_the_page_that_was_refused_is_named(name: str) -> None:
    """The second of two, with the first copied."""
    m, fd = ok(claim_(machine(), PMEM + PAGE, PAGE), "open_devmem")
    more: dict[str, object] = {"count": 16} if name == "read_devmem" else {"data": bytes(16)}
    outcome = do(m, name, fd=fd, offset=PMEM + PAGE - 8, **more)[1]
    assert (outcome.errno, outcome.page) == ("EPERM", (PMEM >> 12) + 1)
    assert outcome.why == "page 0x40001 is not allowed"


@pytest.mark.parametrize(("version", "crashes"), [("4.5", False), ("5.8", True), ("7.3", True)])
def test_an_open_before_there_is_the_inode(version: str, crashes: bool) -> None:
    outcome = do(machine(version, inode=False), "open_devmem")[1]
    assert (outcome.bug is not None) == crashes


@pytest.mark.parametrize("version", ALL)
def test_there_are_only_so_many_addresses(version: str) -> None:
    """ENOMEM comes before what a driver would say of the range (EINVAL)."""
    m, fd = ok(machine(version), "open_devmem")
    for length, errno in ((1 << 47, "ENOMEM"), (1 << 39, "EINVAL")):
        got = do(m, "mmap_devmem", fd=fd, offset=1 << 39, length=length + PAGE)[1].errno
        assert got == errno, hex(length)
