"""Small pasted texts, each with the one reading that its signs allow; every repair is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devmemkit.text import TextError
from devmemkit.text.iomem import LONGEST, Dump, format_dump, parse
from devmemkit.text.iomem_tree import entries_of, tree_of

SKIPPED = "not an entry: skipped"


def rows(dump: Dump) -> list[str]:
    """Entries as /proc/iomem prints them, and how many digits their dump has."""
    return [
        f"{'':{2 * one.depth}}{one.start:x}-{one.end:x} : {one.name} ({one.width})"
        for one in dump.entries
    ]


def repairs(dump: Dump) -> list[str]:
    return [f"{one.line}: {one.what}" for one in dump.repairs]


READINGS = {
    "ports, then memory": (
        "0000-ffff : PCI Bus 0000:00\n000c0000-000c9bff : Video ROM",
        ["0-ffff : PCI Bus 0000:00 (4)", "c0000-c9bff : Video ROM (8)"],
        ["2: another dump starts here"],
    ),
    "ports, then memory that ends high": (
        "0cf8-0cff : PCI conf1\n00100000-3fffffff : System RAM",
        ["cf8-cff : PCI conf1 (4)", "100000-3fffffff : System RAM (8)"],
        ["2: another dump starts here"],
    ),
    "memory, then ports": (
        "02000000-028eafff : Kernel rodata\n0cf8-0cff : PCI conf1",
        ["2000000-28eafff : Kernel rodata (8)", "cf8-cff : PCI conf1 (4)"],
        ["2: another dump starts here"],
    ),
    "no padded address: ports have four digits": (
        "        c040-c05f : virtio-pci-legacy",
        ["c040-c05f : virtio-pci-legacy (4)"],
        ["1: dump indented by 8 column(s): outermost is depth 0"],
    ),
    "four digits are not short": (
        "f000 - ffff : ROM\nfebf4000-febf4fff : 0000:00:02.0",
        ["f000-ffff : ROM (4)", "febf4000-febf4fff : 0000:00:02.0 (4)"],
        ["1: dash between the addresses is not a plain '-'"],
    ),
    "an indent below a sibling is no child's": (
        "00100000-3fffffff : System RAM\nfff-fffff : w\node\n  02200000-0305cfff : Kernel r",
        ["100000-3fffffff : System RAM (8)", "fff-fffff : w (8)", "2200000-305cfff : Kernel r (8)"],
        [
            "2: address of 3 digits, the dump has 8",
            "2: address of 5 digits, the dump has 8",
            "2: comes after the higher range on line 1: kept",
            f"3: {SKIPPED}",
            "4: another dump starts here",
            "4: dump indented by 2 column(s): outermost is depth 0",
        ],
    ),
    "a range without a name beside an entry": (
        "-0cf7\n  0000-001f\n  0070-0077 : rtc0",
        ["0-1f :  (4)", "70-77 : rtc0 (4)"],
        [
            "1: before the first entry: skipped",
            "2: no ' : ' between range and name",
            "2: dump indented by 2 column(s): outermost is depth 0",
            "2: empty name: kept",
        ],
    ),
    "four digits are no doubt": (
        "\t0040-0043 : timer0",
        ["40-43 : timer0 (4)"],
        [
            "1: dump indented by 8 column(s): outermost is depth 0",
            "1: tab in the indent read as blanks",
        ],
    ),
    "three digits without a name are no range": (
        "0xcf8-0x0cff : PCI conf1\n0xd00-0xffff",
        ["cf8-cff : PCI conf1 (4)"],
        [
            "1: 0x before the addresses removed",
            "1: address of 3 digits, the dump has 4",
            "2: after the last entry: skipped",
        ],
    ),
    "a mark at the end of half of the lines is the names'": (
        (
            "febf0000-febf3fff:0000:00:04.0|\nfebf0000-febf3fff  nvme\n"
            "febf4000-febf4fff:0000:00:02.0|\nfebf5000-febf50ff : 0000:00:05.0"
        ),
        [
            "febf0000-febf3fff : 0000:00:04.0| (8)",
            "febf0000-febf3fff : nvme (8)",
            "febf4000-febf4fff : 0000:00:02.0| (8)",
            "febf5000-febf50ff : 0000:00:05.0 (8)",
        ],
        [
            "1: no ' : ' between range and name",
            "2: no ' : ' between range and name",
            "2: inside line 1 though printed at the same indent",
            "3: no ' : ' between range and name",
        ],
    ),
    "a time stamp before four digits": (
        "[ 1.23] 0000-0cf7 : PCI Bus 0000:00",
        ["0-cf7 : PCI Bus 0000:00 (4)"],
        ["1: text before the range removed"],
    ),
    "three digits with the kernel's colon": (
        "  0700-070f : 0000:00:01.3\ncf8-0cff : PCI conf1",
        ["  700-70f : 0000:00:01.3 (4)", "cf8-cff : PCI conf1 (4)"],
        [
            "1: dump starts at depth 1: the parents' lines are missing",
            "2: address of 3 digits, the dump has 4",
        ],
    ),
    "indents of another unit": (
        (
            "    7ffd7000-7fffffff : Reserved\n80000000-febfffff : PCI Bus 0000:00\n"
            "      fc000000-fcffffff : 0000:00:02.0"
        ),
        [
            "7ffd7000-7fffffff : Reserved (8)",
            "80000000-febfffff : PCI Bus 0000:00 (8)",
            "  fc000000-fcffffff : 0000:00:02.0 (8)",
        ],
        ["1: indent of 4 columns read as depth 0", "3: indent of 6 columns read as depth 1"],
    ),
    "indents of two columns, lines between left out": (
        (
            "    00100000-3fffffff : System RAM\n      01000000-01e01d31 : Kernel code\n"
            "80000000-febfffff : PCI Bus 0000:00\n      f8000000-fbffffff : 0000:00:05.0"
        ),
        [
            "    100000-3fffffff : System RAM (8)",
            "      1000000-1e01d31 : Kernel code (8)",
            "80000000-febfffff : PCI Bus 0000:00 (8)",
            "      f8000000-fbffffff : 0000:00:05.0 (8)",
        ],
        [
            "1: dump starts at depth 2: the parents' lines are missing",
            "4: indent jumps from depth 0 to 3: a parent's line is missing",
        ],
    ),
}
"""Texts, the entries as they are read, and the repairs; by what each shows."""


@pytest.mark.parametrize("kind", READINGS)
def test_the_reading_and_its_repairs(kind: str) -> None:
    text, read, repaired = READINGS[kind]
    dump = parse(text)
    assert (rows(dump), repairs(dump)) == (read, repaired)


@pytest.mark.parametrize(("width", "filled"), [(71, False), (72, True)])
def test_a_terminal_of_72_columns_fills_its_lines_with_blanks(width: int, filled: bool) -> None:
    names = ("System RAM", "Persistent Memory (legacy)", "Reserved", "System RAM")
    lines = [f"{n}0000000-{n}fffffff : {name}" for n, name in enumerate(names, 1)]
    dump = parse("\n".join(line.ljust(width) for line in lines))
    assert ([one.name for one in dump.entries] == list(names)) == filled
    assert repairs(dump) == [f"{n}: trailing blanks removed" for n in (1, 2, 3, 4) if filled]


def test_lines_that_are_skipped_are_told_one_by_one_up_to_a_number() -> None:
    first, last = "00100000-3fffffff : System RAM", "40000000-4fffffff : Reserved"
    dump = parse("\n".join([first, *("- - -" for _ in range(10_050)), last]))
    skipped = [one for one in dump.repairs if one.what.endswith("skipped")]
    assert [one.line for one in skipped] == list(range(2, 10_002))
    assert skipped[-2].what == SKIPPED
    assert skipped[-1].what == "this line and all up to the next entry: skipped"


def test_a_line_may_be_as_long_as_the_longest() -> None:
    line = "00100000-3fffffff : "
    assert len(parse(line + "a" * (LONGEST - len(line))).entries[0].name) == LONGEST - len(line)


def test_a_tree_starts_at_address_zero_and_prints_its_children() -> None:
    text = "febf0000-febf3fff : 0000:00:04.0\n  febf0000-febf3fff : nvme"
    tree = tree_of(parse(text), root_end=(1 << 64) - 1)
    assert (tree.start, tree.end) == (0, (1 << 64) - 1)
    printed = [(one.name, one.depth) for one in entries_of(tree, levels=5)]
    assert printed == [("0000:00:04.0", 0), ("nvme", 1)]


SHORT = """\
00001000-0009ffff : System RAM
fe000000-fe0fffff : PCI Bus 0000:00
  fe000000-fe003fff : 0000:00:03.0
    fe000000-fe003fff : e1000
  fe004000-fe007fff : 0000:00:04.0
fed00000-fed003ff : HPET 0
"""


@pytest.mark.parametrize("gap", ["\t", "    "])
def test_columns_are_refused(gap: str) -> None:
    low = (
        "00000000-00000fff : Reserved",
        "00001000-0009ffff : System RAM",
        "000a0000-000bffff : B",
    )
    lines = [
        *low,
        *SHORT.splitlines()[1:],
        "fee00000-fee00fff : Local APIC",
        "ff000000-ffffffff : R",
    ]
    pasted = "".join(f"{a:36}{gap}{b}\n" for a, b in zip(lines[:5], lines[5:], strict=True))
    with pytest.raises(
        TextError, match=r"^x:2: expected one range below the other, got columns: give"
    ):
        parse(pasted, source="x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.replace("PCI", "\x1b[01;31m\x1b[KPCI\x1b[m\x1b[K"), "terminal escapes"),
        (lambda line: f"{line:50}\u2502 top - 12:00:01 up 1 day", "text beside the line"),
        (lambda line: line.replace("e0", "eO", 1).replace("fe1", "feI"), "letters O, I and l"),
    ],
)
def test_what_terminals_and_readers_of_pictures_add(
    change: Callable[[str], str], said: str
) -> None:
    dump = parse("".join(f"{change(line)}\n" for line in SHORT.splitlines()))
    assert format_dump(dump.entries) == SHORT
    assert any(said in repair.what for repair in dump.repairs)


def test_lines_in_a_list_of_json() -> None:
    dump = parse('["' + '", "'.join(SHORT.splitlines()) + '"]')
    wanted = [line.partition(" : ")[2] for line in SHORT.splitlines()]
    assert [entry.name for entry in dump.entries] == wanted
