"""Texts with several dumps: the one that is meant is taken, two that differ are refused."""

from __future__ import annotations

import re

import pytest

from devmemkit.text import TextError
from devmemkit.text.iomem import Dump, parse
from devmemkit.text.one_dump import MANY, one_dump

MEMORY = """\
00001000-0009fbff : System RAM
c0000000-febfffff : PCI Bus 0000:00
  fe000000-fe7fffff : PCI Bus 0000:01
    fe000000-fe01ffff : 0000:01:00.0
      fe000000-fe01ffff : e1000e
fec00000-fec003ff : IOAPIC 0
"""
PORTS = """\
0000-0cf7 : PCI Bus 0000:00
  0070-0077 : rtc_cmos
0d00-ffff : PCI Bus 0000:00
  c040-c05f : 0000:00:1f.2
"""
MASKED = re.sub("[0-9a-f]{8}-[0-9a-f]{8}", "00000000-00000000", MEMORY)
DEVICE = "".join(MEMORY.splitlines(keepends=True)[3:5])


def meant(text: str, *, ports: bool = False) -> Dump:
    return one_dump(parse(text), source="x", ports=ports)


def same(found: Dump, text: str) -> bool:
    """Whether the dump has the ranges, names and nesting of the text."""
    read = parse(text)
    rows = [[(e.start, e.end, e.name, e.depth) for e in dump.entries] for dump in (found, read)]
    return rows[0] == rows[1] and found.parents == read.parents


@pytest.mark.parametrize(
    "text",
    [
        MEMORY + "$ cat /proc/ioports\n" + PORTS,
        PORTS + "$ cat /proc/iomem\n" + MEMORY,
        PORTS + MEMORY,
    ],
)
def test_memory_and_ports_in_one_text_are_told_apart(text: str) -> None:
    assert same(meant(text), MEMORY)
    assert same(meant(text, ports=True), PORTS)


@pytest.mark.parametrize(
    "text",
    [
        MEMORY + "\nagain:\n\n" + MEMORY,
        MASKED + "\nas root:\n\n" + MEMORY,
        MEMORY + "\nas a user:\n\n" + MASKED,
        MEMORY + "\nthat is:\n\n" + DEVICE,
        DEVICE + "\nin:\n\n" + MEMORY,
    ],
)
def test_repetitions_and_masked_dumps_are_left_out(text: str) -> None:
    found = meant(text)
    assert same(found, MEMORY)
    assert found.repairs[0].what == "the dump that starts here: left out"


def test_excerpts_of_different_addresses_stay_together() -> None:
    found = meant(DEVICE + "\nand:\n\n" + MEMORY.splitlines()[0])
    assert [entry.name for entry in found.entries] == ["0000:01:00.0", "e1000e", "System RAM"]
    assert found.parents == (None, 0, None)


def test_two_dumps_that_differ_are_refused() -> None:
    text = "Before:\n\n" + MEMORY + "\nAfter:\n\n" + MEMORY.replace("e1000e", "vfio-pci")
    sentence = "expected one dump, got another that differs from the one on line 3: keep one"
    with pytest.raises(TextError, match=f"^x:12: {sentence}"):
        meant(text)


def test_more_dumps_than_a_text_has_are_refused() -> None:
    with pytest.raises(TextError, match=f"^x:1: expected at most {MANY} dumps, got {MANY + 1}"):
        meant("".join(f"{MEMORY}\n--\n" for _ in range(MANY + 1)))
