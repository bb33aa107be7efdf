"""Other architectures: told is what all share, open is what is x86's own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devmemkit.explain.access import AccessError, access_of
from devmemkit.explain.answer import as_json, as_text
from devmemkit.explain.description import Description, with_lspci, with_resource
from devmemkit.explain.machines import known_machines
from devmemkit.explain.symptom import causes
from devmemkit.scenarios.machines import data_dir
from devmemkit.text.iomem import parse
from devmemkit.text.system_files import parse_config
from tests.explain.known import CONFIG, E1000, E1000_BAR, IVSHMEM_BAR, answer, ask, known

GIB = 1 << 30


def ends(described: Description, **asked: Any) -> set[str]:
    found = answer(described, **asked)
    return {branch.verdict.outcome for branch in found.branches} or {found.outcome}


def test_what_all_architectures_share_is_told() -> None:
    described = known(arch="riscv64")
    for where in ({"address": E1000_BAR}, {"bdf": E1000, "bar": 0}):
        found = answer(described, **where)
        assert found.outcome == answer(known(), **where).outcome != "ok"
        text = as_text(found)
        assert "6.12.0-amd64 on riscv:\n" in text
        assert "if riscv has no rules of its own here" in text
        assert "arch/x86" not in text
        assert not as_json(found)["certain"]
    later = answer(replace(known("idle"), arch="riscv64"), address=E1000_BAR).later
    assert later is not None
    assert later.then == "SIGBUS"
    assert answer(known(arch="riscv64", lockdown="integrity"), address=0).outcome == "EPERM"


def test_what_is_x86s_own_is_open() -> None:
    described = known("idle", arch="riscv64")
    assert ends(described, address=0x2000) == {"ok", "EPERM"}
    assert described.iomem is not None
    text = "10000000-10000fff : mips\n40000000-7fffffff : System RAM\n"
    mips = replace(described, arch="mips", iomem=parse(text), devices={})
    for op in ("read", "write"):
        assert ends(described, address=IVSHMEM_BAR, op=op) == {"EFAULT"}  # above its RAM
        assert ends(mips, address=0x2000_0000, op=op) == {"ok", "EFAULT"}
        where = [one.conditions for one in answer(mips, address=0x2000_0000, op=op).branches]
        assert where == [
            (f"the kernel has RAM alone mapped for {op}(2)",),
            (f"the kernel has devices, too, mapped for {op}(2)",),
        ]
    for via in ("proc", "port"):
        with pytest.raises(AccessError, match="--via: expected devmem or sysfs on riscv"):
            access_of(
                described, address=IVSHMEM_BAR, via=via, op="load" if via == "proc" else "read"
            )


@pytest.mark.parametrize("op", ["read", "write"])
@pytest.mark.parametrize(
    ("address", "strict", "outcome", "why"),
    [
        (0x2000_0000, "y", "EFAULT", "the kernel has no mapping of 0x20000000: it is no RAM"),
        (0x1000_0000, "y", "EPERM", "page 0x10000 is not allowed"),  # before the copy
        (0x1000_0000, "n", "EFAULT", "the kernel has no mapping of 0x10000000: it is no RAM"),
        (0x9000_0000, "n", "EPERM", "page 0x90000 is not allowed: it is RAM, "),
        (0x1_0000_0000, "y", "EFAULT", "0x100000000 is above high_memory"),
    ],
)
def test_riscv_reads_and_writes_ram_alone(
    op: str, address: int, strict: str, outcome: str, why: str
) -> None:
    text = "10000000-100000ff : serial\n80000000-ffffffff : System RAM\n"
    config = {**CONFIG, "CONFIG_IO_STRICT_DEVMEM": strict}
    described = known(iomem=parse(text), devices={}, arch="riscv64", config=config)
    found = answer(described, address=address, op=op)
    assert (found.outcome, found.branches) == (outcome, ())
    assert found.verdict.why.startswith(why)


@pytest.mark.parametrize("op", ["read", "write"])
def test_arm64_reads_and_writes_nothing_but_ram(op: str) -> None:
    text = "00000000-3b3fffff : System RAM\nfe201000-fe2011ff : serial@7e201000\n"
    described = known(iomem=parse(text), devices={}, arch="aarch64")
    device = answer(described, address=0xFE30_0000, op=op)
    assert ends(described, address=0xFE30_0000, op=op) == {"EFAULT"}
    assert device.advice[0].do.startswith("map it and ")
    assert answer(described, address=0x1000, op=op).outcome == "EPERM"  # RAM, as is all below 1 MiB
    across = answer(described, address=0x3B3F_FFFF, op=op)  # the region must contain the range
    assert across.outcome == "EFAULT"
    found = causes(*ask(described, address=0xFE30_0000, op=op), "EFAULT")
    assert found[0].what == "0xfe300000 is outside of the kernel's RAM"
    for one in (device, across):
        assert "high_memory" not in one.verdict.why
    lax = dict.fromkeys(("CONFIG_STRICT_DEVMEM", "CONFIG_IO_STRICT_DEVMEM"), "n")
    free = replace(described, config={"CONFIG_DEVMEM": "y", **lax})
    assert ends(free, address=0x1000, op=op) == {"ok"}


BOARD = """\
00000000-0007ffff : reserved
00080000-3b3fffff : System RAM
  00080000-00ffffff : Kernel code
3b400000-3fffffff : reserved
40000000-7fffffff : System RAM
fd500000-fd50930f : fd500000.pcie pcie@7d500000
fe201000-fe2011ff : serial@7e201000
  fe201000-fe2011ff : fe201000.serial serial@7e201000
600000000-63fffffff : pcie@7d500000
  600000000-600001fff : 0000:01:00.0
    600000000-600001fff : nvme
  600010000-600010fff : 0000:01:00.0
"""
"""A board with a device tree: two regions of RAM, a no-map area on either side of the first."""


def board(text: str = BOARD, **more: Any) -> Description:
    """A board with Linux 6.12 on arm64, of which nothing but the pages' size may be open."""
    pages = {"CONFIG_ARM64_4K_PAGES": "y"} | more.pop("pages", {})
    described = known(iomem=parse(text), ioports=None, devices={}, arch="aarch64", phys_bits=48)
    config = {**CONFIG, **pages}
    return replace(described, release="6.12.1", config=config, **more)


@pytest.mark.parametrize(
    ("op", "address", "outcome", "function"),
    [
        ("mmap", 0x8_0000, "EPERM", "range_is_allowed"),  # RAM, also below 1 MiB
        ("mmap", 0x1000, "ok", ""),  # no-map: idle, and the kernel has no mapping of it
        ("read", 0x1000, "EFAULT", "valid_phys_addr_range"),
        ("read", 0x8_0000, "EPERM", "read_mem"),
        ("write", 0x7FFF_FFFC, "EPERM", "write_mem"),
        ("read", 0x7FFF_FFFE, "EFAULT", "valid_phys_addr_range"),  # across the end of RAM
        ("read", 0x3B3F_FFFE, "EFAULT", "valid_phys_addr_range"),  # from RAM into the no-map area
        ("read", 0x3B40_0000, "EFAULT", "valid_phys_addr_range"),
        ("load", 0x3B40_0000, "ok", ""),
        ("load", 0xFE20_1000, "EPERM", "range_is_allowed"),
        ("read", 0xFE20_1000, "EFAULT", "valid_phys_addr_range"),
        ("store", 0xFE30_0000, "ok", ""),
        ("mmap", 0x6_0001_0000, "ok", ""),
        ("mmap", 0x6_0000_1000, "EPERM", "range_is_allowed"),
        ("mmap", (1 << 48) - 0x2000, "ok", ""),
        ("mmap", (1 << 48) - 0x1000, "ok", ""),
        ("mmap", (1 << 64) - 0x1000, "EINVAL", "valid_mmap_phys_addr_range"),
    ],
)
def test_arm64_has_rules_of_its_own(op: str, address: int, outcome: str, function: str) -> None:
    found = answer(board(), address=address, op=op)
    assert found.outcome == outcome
    assert not function or found.deciding_check.function == function
    assert as_json(found)["certain"] == (outcome != "ok" or op not in ("load", "store"))
    files = {check.file for check in found.verdict.checks}
    assert "arch/arm64/mm/mmap.c" in files
    assert not any("x86" in file for file in files)
    said = as_text(found)
    assert "on arm64:\n" in said
    assert "no rules of its own" not in said
    assert "x86" not in said


def test_what_a_load_on_arm64_rests_on_is_said() -> None:
    load = as_text(answer(board(), address=0xFE30_0000, op="load"))
    assert "if a device answers there and the access is aligned" in load
    refused = answer(board(), address=0xFE20_1000, op="load")
    for other in (refused, answer(board(), address=0xFE30_0000), answer(known(), address=0)):
        assert "if a device answers" not in as_text(other)


def test_larger_pages_are_told() -> None:
    pages = {"CONFIG_ARM64_4K_PAGES": "n", "CONFIG_ARM64_16K_PAGES": "y"}
    assert "pages have 16 KiB here" in as_text(answer(board(pages=pages), address=0xFE30_0000))
    assert "pages have" not in as_text(answer(board(), address=0xFE30_0000))


@pytest.mark.parametrize(
    ("release", "outcome"),
    [
        ("6.12.34+rpt-rpi-2712", "ok"),
        ("6.6.51+rpt-rpi-v8", "ok"),
        ("6.1.21-v8+", "EPERM"),  # arm64's default was in force
        ("6.12.34-arm64", "EPERM"),
    ],
)
def test_a_raspberry_pis_release_makes_its_configuration_likely(release: str, outcome: str) -> None:
    described = replace(board(), release=release, config=None, arch=None)
    assert described.rules == "arm64"
    found = answer(described, address=0xFE20_1000, length=4)
    assert found.outcome == outcome
    assert ends(described, address=0xFE20_1000, length=4) == {"ok", "EPERM"}  # likely, not sure
    assert any("STRICT_DEVMEM=n" in one for one in found.notes) == (outcome == "ok")
    told = replace(described, config=CONFIG)
    assert answer(told, address=0xFE20_1000, length=4).outcome == "EPERM"
    assert not any("STRICT_DEVMEM=n" in one for one in answer(told, address=0).notes)


SIZES = {12: "4K", 14: "16K", 16: "64K"}


@pytest.mark.parametrize("shift", SIZES)
def test_an_offset_inside_a_page_is_not_rounded_in_silence(shift: int) -> None:
    pages = {
        f"CONFIG_ARM64_{size}_PAGES": "y" if at == shift else "n" for at, size in SIZES.items()
    }
    described = board(pages=pages)
    size = f"{1 << shift - 10} KiB"
    for address, op in ((0xFE30_1000, "mmap"), (0xFE30_1000, "load"), (0xFE30_0034, "mmap")):
        inside = address & (1 << shift) - 1
        said = [
            one for one in answer(described, address=address, op=op).assumed if "offset &" in one
        ]
        assert len(said) == (inside > 0)
        assert all(f"{inside:#x} bytes below, for pages have {size}" in one for one in said)
        if inside:
            first = causes(*ask(described, address=address, op="mmap"), "EINVAL")[0]
            assert first.what == f"the offset is not a multiple of the page size, {size}"
    whole = answer(described, address=0xFE30_0034, op="load")  # a register: its page is meant
    assert not [one for one in whole.assumed if "offset &" in one]


def test_a_page_size_that_nothing_shows_may_be_the_cause() -> None:
    described = replace(board(), config=CONFIG)
    first = causes(*ask(described, address=0xFE30_1000), "EINVAL")[0]
    assert first.what.endswith("the page size, 4 KiB (of arm64's kernels also 16 or 64 KiB)")
    assert "sysconf(_SC_PAGESIZE)" in first.advice[0].do


def test_what_arm64_maps_of_pci() -> None:
    """resourceN_wc needs no PAT; /proc/bus/pci has no ioctl and no mmap, and names the domain."""
    none = " ".join([f"0x{0:016x}"] * 3)
    rows = "0x0000000600010000 0x0000000600010fff 0x000000000014220c", *[none] * 5
    bars = "\n".join(rows).encode()
    described = with_resource(board(), "0000:01:00.0", bars, "x")
    where = {"bdf": "0000:01:00.0", "bar": 0}
    assert answer(replace(described, cmdline="nopat"), **where, wc=True).outcome == "ok"
    assert answer(replace(described, arch="x86_64", cmdline="nopat"), **where, wc=True).outcome == (
        "ENOENT"
    )
    found = answer(described, **where, via="proc")
    assert (found.outcome, found.deciding_check.function) == ("EIO", "proc_reg_mmap")
    assert found.access.file == "/proc/bus/pci/0000:01/00.0"
    asks = next(one for one in found.verdict.checks if one.function == "proc_bus_pci_ioctl")
    assert (asks.result, "arm64 does not have" in asks.says) == ("EINVAL", True)
    ports = answer(described, address=0x70, op="read", via="port")
    assert ports.outcome == "ok"


def test_a_recorded_machine_has_its_own_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "machines" / "qemu-6.12-arm64"
    shutil.copytree(data_dir() / "machines" / "qemu-6.12", folder)
    about = json.loads((folder / "machine.json").read_text())
    about["kernel"]["config"] = {"CONFIG_ARM64_4K_PAGES": "y"}
    (folder / "machine.json").write_text(json.dumps(about))
    assert known_machines()["qemu-6.12"].rules == "x86_64"
    monkeypatch.chdir(tmp_path)
    (described,) = known_machines().values()
    assert (described.rules, described.shown_page_shift) == ("arm64", 12)


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({}, 4),
        ({"pages": {"CONFIG_ARM64_4K_PAGES": "n", "CONFIG_ARM64_16K_PAGES": "y"}}, 16),
        ({"pages": {"CONFIG_ARM64_4K_PAGES": "n", "CONFIG_ARM64_64K_PAGES": "y"}}, 64),
    ],
)
def test_a_claim_takes_the_pages_of_the_kernel(more: dict[str, Any], size: int) -> None:
    """A device's registers 4 KiB, 16 KiB and 64 KiB behind a claim of 512 bytes."""
    described = board(**more)
    for behind in (4, 8, 16, 32, 64, 128):
        found = answer(described, address=0xFE20_0000 + behind * 1024, length=4)
        taken = 0x1000 // (size << 10) == (behind << 10) // (size << 10)
        assert (found.outcome == "EPERM") == taken, behind
        if taken:
            assert found.page == 0xFE20_1000 // (size << 10)
            assert f"at {0xFE20_1000 & -(size << 10):#x}" in as_text(found)


@pytest.mark.parametrize(
    ("release", "shift"),
    [
        ("6.6.51+rpt-rpi-2712", 14),
        ("6.6.51+rpt-rpi-v8", None),
        ("6.12.48+deb13-arm64-16k", 14),
        ("6.8.0-45-generic-64k", 16),
        ("5.14.0-427.13.1.el9_4.aarch64+64k", 16),
    ],
)
def test_a_release_shows_larger_pages(release: str, shift: int | None) -> None:
    described = replace(board(), release=release, config=dict(CONFIG))
    assert described.shown_page_shift == shift
    said = "pages have 4 KiB"
    assert any(said in one for one in answer(described, address=0).assumed) == (shift is None)
    assert replace(described, arch="x86_64").shown_page_shift == 12


def test_a_symptoms_hypotheses_are_of_the_same_architecture() -> None:
    for arch, own in (("riscv64", True), ("aarch64", False)):
        found = causes(*ask(known(arch=arch), address=IVSHMEM_BAR), "EAGAIN")
        assert not [cause for cause in found if cause.played]  # no cache types are tracked
        assert [cause.what for cause in found] == [
            "a rule of riscv's own: the model has what all architectures share"
        ] * own


def test_a_part_of_a_configuration_is_no_other_architecture() -> None:
    config = parse_config("CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\nCONFIG_IO_STRICT_DEVMEM=y\n")
    assert known(arch=None, config=config).architecture == "x86_64"
    assert known(arch=None, config={**config, "CONFIG_ARM64": "y"}).architecture == "arm64"


def test_what_says_it_outright_wins() -> None:
    dump = parse("40000000-4fffffff : pcie-controller@1003000\n")
    described = Description(iomem=dump)
    assert described.foreign == "another architecture"
    assert replace(described, release="6.1.0-28-arm64").foreign == "arm64"
    assert replace(described, arch="x86_64").foreign == ""


BAR = 0xFE00_0000
PCI = "80000000-fedfffff : PCI Bus 0000:00\n  fe000000-fe003fff : 0000:00:03.0\n"
CLAIM = "    fe000000-fe003fff : nvme\n"
HIGH_RAM = "100000000-27fffffff : System RAM\n"
LOW_RAM = "00100000-7fffffff : System RAM\n"


@pytest.mark.parametrize("op", ["read", "write"])
@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        (LOW_RAM + PCI + HIGH_RAM, {"ok"}),
        (LOW_RAM + PCI + CLAIM + HIGH_RAM, {"EPERM"}),
        (LOW_RAM + PCI, {"EFAULT"}),
        (LOW_RAM + PCI + CLAIM, {"EFAULT"}),
        (PCI, {"ok", "EFAULT"}),
        (PCI + CLAIM, {"EPERM", "EFAULT"}),
    ],
)
def test_read_and_write_reach_what_is_below_the_end_of_ram(
    op: str, text: str, outcomes: set[str]
) -> None:
    described = known(iomem=parse(text), devices={}, phys_bits=40)
    assert ends(described, address=BAR, op=op) == outcomes


def test_without_a_dump_ram_may_end_on_either_side() -> None:
    described = known("idle", iomem=None)
    found = answer(described, address=IVSHMEM_BAR, op="read")
    assert found.outcome == "ok"  # most machines have more than 4 GiB
    assert found.assumed == ("RAM reaches beyond the address",)
    assert ends(described, address=IVSHMEM_BAR, op="read") == {"ok", "EFAULT"}


def test_a_branch_has_only_conditions_that_matter_in_it() -> None:
    found = answer(known(iomem=None, config=None), address=E1000_BAR, op="read")
    conditions = {branch.conditions for branch in found.branches}
    assert ("drivers claimed no BAR", "RAM ends below the address") in conditions
    assert len(conditions) == 5


def test_i386_maps_896_mib_of_ram() -> None:
    text = LOW_RAM + PCI + HIGH_RAM
    for arch, outcome in (("x86_64", "ok"), ("i686", "EFAULT")):
        described = known(iomem=parse(text), devices={}, arch=arch, phys_bits=36)
        found = answer(described, address=BAR, op="read")
        assert found.outcome == outcome
        assert bool(found.notes) == (arch == "i686")
    above, below = 1 * GIB, 512 << 20
    described = known(iomem=parse(text), devices={}, arch="i686", phys_bits=36)
    assert answer(described, address=above, op="read").outcome == "EFAULT"
    assert answer(described, address=below, op="read").outcome == "EPERM"


@pytest.mark.slow
def test_what_shows_no_architecture_is_answered_for_x86_and_says_so() -> None:
    text = (
        b"00:02.0 VGA compatible controller: A\n"
        b"\tRegion 0: Memory at fe900000 (32-bit, non-prefetchable) [size=128K]\n"
    )
    alone = with_lspci(Description(), text, "x")
    said = "nothing shows the machine's architecture"
    for described, wanted in ((alone, True), (replace(alone, arch="x86_64"), False)):
        found = answer(described, bdf="0000:00:02.0", bar=0)
        assert any(said in note for note in found.notes) == wanted


@pytest.mark.slow
def test_an_architecture_without_a_name_is_named_in_words() -> None:
    described = Description(iomem=parse("40000000-4fffffff : pcie-controller@1003000\n"))
    found = answer(described, address=0x900, op="read")
    assert found.release.endswith(" on another architecture than x86")
    said = as_text(found)
    assert "if this architecture has no rules of its own here" in said
    assert "another architecture has" not in said
