"""Other architectures: told is what all share, open is what is x86's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explain.access import AccessError, access_of
from devmemkit.explain.answer import as_json, as_text
from devmemkit.explain.description import Description, with_lspci
from devmemkit.explain.symptom import causes
from devmemkit.text.iomem import parse
from devmemkit.text.system_files import parse_config
from tests.explain.known import E1000, E1000_BAR, IVSHMEM_BAR, answer, ask, known

GIB = 1 << 30


def ends(described: Description, **asked: Any) -> set[str]:
    found = answer(described, **asked)
    return {branch.verdict.outcome for branch in found.branches} or {found.outcome}


def test_what_all_architectures_share_is_told() -> None:
    described = known(arch="aarch64")
    for where in ({"address": E1000_BAR}, {"bdf": E1000, "bar": 0}):
        found = answer(described, **where)
        assert found.outcome == answer(known(), **where).outcome != "ok"
        text = as_text(found)
        assert "6.12.0-amd64 on arm64:\n" in text
        assert "if arm64 has no rules of its own here" in text
        assert "arch/x86" not in text
        assert not as_json(found)["certain"]
    later = answer(replace(known("idle"), arch="aarch64"), address=E1000_BAR).later
    assert later is not None
    assert later.then == "SIGBUS"
    assert answer(known(arch="aarch64", lockdown="integrity"), address=0).outcome == "EPERM"


def test_what_is_x86s_own_is_open() -> None:
    described = known(arch="riscv64")
    assert ends(described, address=0x2000) == {"ok", "EPERM"}
    for op in ("read", "write"):
        assert ends(described, address=IVSHMEM_BAR, op=op) == {"ok", "EFAULT"}
    for via in ("proc", "port"):
        with pytest.raises(AccessError, match="--via: expected devmem or sysfs on riscv"):
            access_of(
                described, address=IVSHMEM_BAR, via=via, op="load" if via == "proc" else "read"
            )


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


@pytest.mark.parametrize("op", ["mmap", "load", "store", "read", "write"])
def test_no_file_of_x86_is_named_elsewhere(op: str) -> None:
    found = answer(known(arch="riscv64"), address=IVSHMEM_BAR, op=op)
    assert not [check for check in found.verdict.checks if "x86" in check.file]
    assert [check for check in answer(known(), address=IVSHMEM_BAR, op=op).verdict.checks
            if "arch/x86" in check.file]  # fmt: skip


def test_a_symptoms_hypotheses_are_of_the_same_architecture() -> None:
    found = causes(*ask(known(arch="aarch64"), address=IVSHMEM_BAR), "EAGAIN")
    assert not [cause for cause in found if cause.played]  # no cache types are tracked
    assert found[-1].what == "a rule of arm64's own: the model has what all architectures share"


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


def test_an_architecture_without_a_name_is_named_in_words() -> None:
    described = Description(iomem=parse("40000000-4fffffff : pcie-controller@1003000\n"))
    found = answer(described, address=0x900, op="read")
    assert found.release.endswith(" on another architecture than x86")
    said = as_text(found)
    assert "if this architecture has no rules of its own here" in said
    assert "another architecture has" not in said
