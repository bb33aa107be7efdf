"""/proc/iomem text: the same bytes after reading and writing, and every kind of damage repaired."""

import contextlib
import difflib
import re
import time
from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.iomem import Dump, Entry, format_dump, parse
from tests.samples import SAMPLES, needs_samples

Key = tuple[int, int, str, int]

# A real machine's shape; the hostile names are those that a careless reader takes for something.
HEAD = """\
00000000-00000fff : Reserved
00001000-0009ffff : System RAM
000a0000-000fffff : PCI Bus 0000:00
  000c0000-000cffff : Video ROM
  000f0000-000fffff : System ROM
00100000-7fffffff : System RAM
  01000000-02000fff : Kernel code
  02200000-02dfffff : Kernel rodata
80000000-efffffff : PCI Bus 0000:00
  e0000000-e00fffff : PCI Bus 0000:01
    e0000000-e000ffff : 0000:01:00.0
      e0000000-e000ffff : nvme
  e0100000-e01fffff : <BAD>
  e0200000-e02fffff : ACPI Non-volatile Storage
"""
NAMES = [
    "System RAM",
    "0000:00:1f.2",
    "pnp 00:01",
    "<BAD>",
    "a-b : c",
    "f800-f8ff",
    "PCI MMCONFIG 0000 [bus 00-ff]",
    "cx88[0]",
    "f8000000.serial f8000000.serial",
    "/soc/ethernet@1000",
]


def keys(dump: Dump) -> list[Key]:
    return [(e.start, e.end, e.name, e.depth) for e in dump.entries]


@st.composite
def trees(draw: st.DrawFn, names: st.SearchStrategy[str]) -> list[Key]:
    """A tree as a kernel has it: children inside their parent, siblings apart and in order."""
    found: list[Key] = []

    def fill(start: int, size: int, depth: int) -> None:
        for i in range(draw(st.integers(0, 3)) if depth <= 4 and size >= 64 else 0):
            step = size // 4
            begin = start + i * step + draw(st.integers(0, step // 4))
            length = draw(st.integers(step // 2, step // 2 + step // 4))
            if draw(st.booleans()) and i == 0:
                begin, length = start, step
            found.append((begin, begin + length - 1, draw(names), depth))
            fill(begin, length, depth + 1)

    base = draw(st.sampled_from([0xF000_0000, 0x1_0000_0000, 0x600_0000_0000]))
    fill(base, draw(st.sampled_from([0x1000, 0x0100_0000])), 0)
    return found


def written(tree: list[Key], width: int = 8) -> str:
    return format_dump(Entry(*key, line=i, width=width) for i, key in enumerate(tree, 1))


# a terminal's escapes and the border of its pane are no part of a name
any_name = st.text(st.characters(exclude_characters="\n\r\x1b\u2502", codec="utf-8"), max_size=12)


@given(trees(any_name | st.sampled_from(NAMES)), st.sampled_from([4, 8, 16]), st.booleans())
@example([(0x1000 << i, (0x2000 << i) - 1, "\x0c"[: i % 4], 0) for i in range(5)], 8, False)
@example([(0x1000 * i, 0x1000 * i + 0xFF, "x ", 0) for i in range(1, 6)], 8, True)
@example([(0x1000 * i, 0x1000 * i + 0xFF, "x|", 0) for i in range(1, 6)], 8, True)
def test_well_formed_dumps_come_back_byte_for_byte(
    tree: list[Key], width: int, newline: bool
) -> None:
    text = written(tree, width)
    if not newline:
        text = text.removesuffix("\n")
    if not tree:
        return
    dump = parse(text)
    assert format_dump(dump.entries) == text.removesuffix("\n") + "\n"
    assert keys(dump) == tree
    noted = {repair.what for repair in dump.repairs}
    assert noted <= {"empty name: kept"}
    assert dump.max_level is None


@given(trees(st.sampled_from(NAMES)))
def test_parents_are_those_of_the_tree(tree: list[Key]) -> None:
    if not tree:
        return
    dump = parse(written(tree))
    last: dict[int, int] = {}
    for i, (entry, parent) in enumerate(zip(dump.entries, dump.parents, strict=True)):
        assert parent == (last[entry.depth - 1] if entry.depth else None)
        last[entry.depth] = i


@pytest.mark.parametrize(
    "text",
    [
        "0000-0cf7 : PCI Bus 0000:00\n  0000-001f : dma1\n0cf8-0cff : PCI conf1\n",
        "f0000000-f00fffff : trailing blank \n  f0000000-f0000fff :  leading blank\n",
        "00000000-00000fff : \n00001000-0009ffff : System RAM",
        "0000000000000000-000000003fffffff : System RAM\n",  # s390, ia64, sparc64
        "600c000000000-600c0ffffffff : pciex@600c3c0000000\n",
        "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n",
    ],
)
def test_texts_that_must_come_back(text: str) -> None:
    dump = parse(text)
    assert format_dump(dump.entries) == text.removesuffix("\n") + "\n"


def test_undecodable_bytes_come_back_and_are_told() -> None:
    data = b"f0000000-f0000fff : caf\xe9 \xff\n"
    dump = parse(data)
    assert format_dump(dump.entries).encode("utf-8", "surrogateescape") == data
    assert printable(dump.entries[0].name) == "caf\\xe9 \\xff"
    assert [(r.line, r.what) for r in dump.repairs] == [
        (1, "bytes that are not UTF-8 in the name: kept")
    ]


def blanks(change: Callable[[int], str]) -> Callable[[int, str], str]:
    def damage(_: int, line: str) -> str:
        inner = line.lstrip(" ")
        return change((len(line) - len(inner)) // 2) + inner

    return damage


def addresses(change: Callable[[str, str], str]) -> Callable[[int, str], str]:
    def damage(_: int, line: str) -> str:
        return re.sub(r"([0-9a-f]{8,})-([0-9a-f]{8,})(?= : )", lambda m: change(*m.groups()), line)

    return damage


# Damage line by line: a repair must stand on each line that it changes.
BY_LINE: dict[str, Callable[[int, str], str]] = {
    "quote": lambda i, s: f"> {s}",
    "quote without blank": lambda i, s: f">{s}",
    "nested quote": lambda i, s: f"> > {s}",
    "nested quote, tight": lambda i, s: f">> {s}",
    "uneven quote": lambda i, s: f"> {s}" if i % 3 else f">> {s}",
    "half quoted": lambda i, s: f"> {s}" if i > 9 else s,
    "bar quote": lambda i, s: f"| {s}",
    "initials quote": lambda i, s: f" JD> {s}",
    "escaped quote": lambda i, s: f"&gt; {s}",
    "stuffed 3 5 7": blanks(lambda n: " " * (2 * n + 1) if n else ""),
    "lost one 1 3 5": blanks(lambda n: " " * (2 * n - 1) if n else ""),
    "one column a level": blanks(lambda n: " " * n),
    "three columns a level": blanks(lambda n: " " * 3 * n),
    "four columns a level": blanks(lambda n: " " * 4 * n),
    "tab a level": blanks(lambda n: "\t" * n),
    "tab for four": blanks(lambda n: "\t" * (n // 2) + "  " * (n % 2)),
    "carriage return": lambda i, s: f"{s}\r",
    "two carriage returns": lambda i, s: f"{s}\r\r",
    "no-break indent": blanks(lambda n: "\xa0 " * n),
    "no-break everywhere": lambda i, s: s.replace(" ", "\xa0"),
    "mojibake": blanks(lambda n: "\xc2\xa0 " * n),
    "no-break entity": blanks(lambda n: "&nbsp; " * n),
    "quoted-printable": blanks(lambda n: "=C2=A0 " * n),
    "kernel timestamps": lambda i, s: f"[{i * 7.3:12.6f}] {s}",
    "syslog": lambda i, s: f"Nov 23 06:{i:02}:01 host kernel: {s}",
    "grep": lambda i, s: f"proc/iomem:{s}",
    "grep -n": lambda i, s: f"sos/proc/iomem:{i + 1}:{s}",
    "grep -C": lambda i, s: f"{i + 1}{':-'[i % 2]}{s}",
    "cat -n": lambda i, s: f"{i + 1:6}\t{s}",
    "cat -A, quoted": lambda i, s: f"> {s}$",
    "added": lambda i, s: f"+{s}",
    "bullets": lambda i, s: f"- {s}",
    "backticks": lambda i, s: f"`{s}`",
    "comment": lambda i, s: f" * {s}",
    "upper case": addresses(lambda a, b: f"{a}-{b}".upper()),
    "0x": addresses(lambda a, b: f"0x{a}-0x{b}"),
    "0x unpadded": addresses(lambda a, b: f"{int(a, 16):#x}-{int(b, 16):#x}"),
    "en dash": addresses(lambda a, b: f"{a}–{b}"),
    "blanks round the dash": addresses(lambda a, b: f"{a} - {b}"),
    "no blanks round the colon": lambda i, s: s.replace(" : ", ":", 1),
    "no blank before the colon": lambda i, s: s.replace(" : ", ": ", 1),
    "no blank after the colon": lambda i, s: s.replace(" : ", " :", 1),
    "tabs round the colon": lambda i, s: s.replace(" : ", "\t:\t", 1),
    "padding": lambda i, s: s.ljust(90),
    "colours": lambda i, s: f"\x1b[01;31m{s}\x1b[0m",
}


@pytest.mark.parametrize("kind", BY_LINE)
@settings(max_examples=12)
@given(tree=trees(st.sampled_from(NAMES)))
def test_damage_on_each_line(kind: str, tree: list[Key]) -> None:
    clean = HEAD + written(tree)
    good = clean.splitlines()
    bad = [BY_LINE[kind](i, line) for i, line in enumerate(good)]
    dump = parse("\n".join(bad) + "\n")
    assert keys(dump) == keys(parse(clean))
    changed = {i for i, (a, b) in enumerate(zip(good, bad, strict=True), 1) if a != b}
    if kind == "0x unpadded":
        changed = {i for i in changed if not bad[i - 1].startswith(" ")}
    assert changed <= {repair.line for repair in dump.repairs}


def depths_indented(tree: list[Key], columns: list[int]) -> list[int]:
    """The depths read from a tree whose levels begin at these columns."""
    lines = [f"{'':{columns[d]}}{start:08x}-{end:08x} : {name}\n" for start, end, name, d in tree]
    return [entry.depth for entry in parse("".join(lines)).entries] if lines else []


@given(trees(st.just("x")), st.integers(1, 16))
@example([(0, 0xFFF >> d, "x", d) for d in (0, 1, 2)], 1)
@example([(0, 0xFFF >> d, "x", d) for d in (0, 1, 1)], 5)
def test_any_unit_of_indentation_gives_the_same_depths(tree: list[Key], unit: int) -> None:
    depths = [depth for *_, depth in tree]
    columns = list(range(0, 5 * unit, unit))
    assert depths_indented(tree, columns) == depths
    assert depths_indented([(0, 0, name, depth) for *_, name, depth in tree], columns) == depths


@given(trees(st.just("x")), st.lists(st.integers(3, 12), min_size=4, max_size=4))
@example([(0, 0xFFF >> d, "x", d) for d in (0, 1, 2, 1)], [4, 8, 1, 1])
def test_uneven_indents_give_the_same_depths(tree: list[Key], gaps: list[int]) -> None:
    depths = [depth for *_, depth in tree]
    assert depths_indented(tree, [0, *accumulate(gaps)]) == depths


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("e0000000-efffffff : PCI ECAM 0000\n[bus 00-ff]\n", "PCI ECAM 0000 [bus 00-ff]"),
        ("    fe000000-fe000fff : Intel PCH\nthermal driver\n", "Intel PCH thermal driver"),
        ("    fe000000-fe000fff : Intel PCH thermal\ndriver\n", "Intel PCH thermal driver"),
    ],
)
def test_long_names_survive_a_wrap(lines: str, name: str) -> None:
    text = HEAD + lines + "ff000000-ffffffff : x\n"
    assert parse(text).entries[-2].name == name


# Damage to the whole: the line on which it must be told.
WHOLE: dict[str, tuple[Callable[[str], str | bytes], int]] = {
    "indented": (lambda t: re.sub("(?m)^(?=.)", "    ", t), 1),
    "indented by a tab": (lambda t: re.sub("(?m)^(?=.)", "\t", t), 1),
    "indented, then stripped": (lambda t: re.sub("(?m)^(?=.)", "    ", t).strip(), 1),
    "double spaced": (lambda t: t.replace("\n", "\n\n"), 2),
    "carriage returns alone": (lambda t: t.replace("\n", "\r"), 1),
    "byte order mark": (lambda t: "\ufeff" + t, 1),
    "byte order mark in bytes": (lambda t: b"\xef\xbb\xbf" + t.encode(), 1),
    "UTF-16": (lambda t: t.encode("utf-16"), 1),
    "UTF-16 without mark": (lambda t: t.encode("utf-16-le"), 1),
    "Latin-1 no-break": (lambda t: t.replace("  ", "\xa0 ").encode("latin-1"), 4),
    "prompt": (lambda t: f"user@host:~$ cat /proc/iomem\n{t}user@host:~$ \n", 1),
    "mail": (lambda t: f"Hi,\n\nhere it is:\n\n{t}\nRegards,\nJoe\n-- \nJoe Doe\n", 3),
    "fence": (lambda t: f"``\n{t}``\n", 1),
    "HTML": (lambda t: "<pre>" + t.replace("<", "&lt;").replace("\n", "<br>\n") + "</pre>\n", 1),
    "one line": (lambda t: t.replace("\n", " "), 1),
    "JSON": (lambda t: '{"text": "' + t.replace("\n", "\\n") + '"}', 1),
    "noise inside": (lambda t: t.replace("  000f0", "this is the odd one\n  000f0"), 5),
    "ellipsis inside": (lambda t: t.replace("  000f0", "[...]\n  000f0"), 5),
    "cut short": (lambda t: t + "000a0000-000b", -1),
    "name wrapped": (lambda t: t.replace("Non-volatile Storage", "Non-volatile\nStorage"), 15),
    "name wrapped, quote lost": (
        lambda t: re.sub("(?m)^(?=.)", "> ", t).replace("Video ROM", "Video\nROM"),
        5,
    ),
    "name padded and wrapped": (
        lambda t: t.replace("Video ROM", "Video \nROM" + 60 * " " + "\n"),
        5,
    ),
    "wrapped after the colon": (lambda t: t.replace(" : Video ROM", " : \nVideo ROM"), 5),
    "wrapped before the colon": (lambda t: t.replace(" : Video ROM", "\n: Video ROM"), 5),
    "wrapped in the range": (lambda t: t.replace("000c0000-", "000c0000-\n"), 5),
}


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=12)
@given(tree=trees(st.sampled_from([name for name in NAMES if " : " not in name])))
def test_damage_to_the_whole(kind: str, tree: list[Key]) -> None:
    clean = HEAD + written(tree)
    damage, line = WHOLE[kind]
    bad = damage(clean)
    dump = parse(bad)
    assert keys(dump) == keys(parse(clean))
    if line < 0:
        assert isinstance(bad, str)
        line = bad.count("\n") + 1
    assert line in {repair.line for repair in dump.repairs}


def whats(text: str) -> list[tuple[int, str]]:
    return [(repair.line, repair.what) for repair in parse(text).repairs]


def test_zeroed_dump_keeps_its_nesting() -> None:
    text = re.sub("[0-9a-f]{8}-[0-9a-f]{8}", "00000000-00000000", HEAD)
    dump = parse(text)
    assert [(e.name, e.depth) for e in dump.entries] == [
        (e.name, e.depth) for e in parse(HEAD).entries
    ]
    assert dump.parents == parse(HEAD).parents
    assert whats(text) == [(1, "all addresses are zero, as readers without rights see them: kept")]
    mixed = text + "f0000000-f0000fff : System RAM\n"
    assert {what for _, what in whats(mixed)} == {
        "both addresses are zero, as readers without rights see them: kept"
    }
    assert len(whats(mixed)) == len(dump.entries)


OTHER = HEAD.replace("e000ffff : nvme", "e0003fff : nvme").splitlines(keepends=True)


@pytest.mark.parametrize("quote", ["", "> ", "> > "])
@pytest.mark.parametrize(
    "diff",
    [
        "".join(difflib.unified_diff(HEAD.splitlines(keepends=True), OTHER)),
        "".join(list(difflib.unified_diff(HEAD.splitlines(keepends=True), OTHER))[3:]),
        "".join(difflib.context_diff(HEAD.splitlines(keepends=True), OTHER)),
        "".join(difflib.unified_diff(HEAD.splitlines(keepends=True), OTHER[:-1])),
        "12c12\n<       e0000000-e000ffff : nvme\n---\n>       e0000000-e0003fff : nvme\n",
        "".join(f"{a.rstrip():62}  {b}" for a, b in zip(HEAD.splitlines(), OTHER, strict=True)),
    ],
)
def test_a_diff_of_two_dumps_is_refused(quote: str, diff: str) -> None:
    with pytest.raises(TextError, match=r"^x:\d+: expected one text, got a diff of two: give the"):
        parse("".join(f"{quote}{line}\n" for line in diff.splitlines()), source="x")


def test_a_patch_that_adds_a_dump_is_one_text() -> None:
    added = "".join(f"+{line}\n" for line in HEAD.splitlines())
    dump = parse(f"--- /dev/null\n+++ b/iomem\n@@ -0,0 +1,14 @@\n{added}")
    assert keys(dump) == keys(parse(HEAD))


@pytest.mark.parametrize("cap", [5, 8])
def test_nodes_below_the_depth_cap_get_their_parents_back(cap: int) -> None:
    deep = [
        (0xE000_0000, 0xEFFF_FFFF - 0x1000 * depth, f"level {depth}", depth)
        for depth in range(cap + 3)
    ]
    deep.append((deep[-1][1] + 1, deep[-1][1] + 0x100, "beside the last", cap + 2))
    shown = [(start, end, name, min(depth, cap)) for start, end, name, depth in deep]
    text = written(shown)
    dump = parse(text)
    assert dump.max_level == cap
    assert keys(dump) == shown
    assert dump.parents == (None, *range(cap + 2), cap + 1)
    assert format_dump(dump.entries) == text
    assert [r.line for r in dump.repairs] == [cap + 2, cap + 3, cap + 4]


def test_oddities_are_kept_and_told() -> None:
    assert whats(
        "00100000-001fffff : parent\n"
        "  00100000-002fffff : sticks out\n"
        "  00280000-0028ffff : overlaps\n"
        "fffff000-00000000 : unset\n"
    ) == [
        (2, "sticks out of its parent on line 1"),
        (3, "inside line 2 though printed at the same indent"),
        (4, "range ends before it starts: kept"),
    ]
    assert whats("00100000-001fffff : a\n00180000-002fffff : b\n") == [
        (2, "overlaps range on line 1: kept")
    ]


def test_missing_parents_are_told_and_depth_stays_as_indented() -> None:
    text = HEAD.replace("  e0000000-e00fffff : PCI Bus 0000:01\n", "")
    dump = parse(text)
    assert keys(dump) == [key for key in keys(parse(HEAD)) if key[2] != "PCI Bus 0000:01"]
    assert dump.repairs[0].line == 10
    assert dump.repairs[0].what == ("indent jumps from depth 0 to 2: a parent's line is missing")
    assert dump.parents[9] == 8
    middle = parse("    e0000000-e000ffff : x\n  e0100000-e01fffff : y\nf0000000-f0000fff : z\n")
    assert [e.depth for e in middle.entries] == [2, 1, 0]
    assert middle.parents == (None, None, None)


def test_two_dumps_in_one_text_stay_apart() -> None:
    ports = "0000-0cf7 : PCI Bus 0000:00\n  0000-001f : dma1\n"
    for between in ("", "\n", "$ cat /proc/iomem\n"):
        text = ports + between + "  " + HEAD.replace("\n", "\n  ").rstrip(" ")
        if not between:
            text = ports + HEAD
        dump = parse(text)
        assert keys(dump) == keys(parse(ports)) + keys(parse(HEAD))
        assert dump.parents[2:] == tuple(
            None if parent is None else parent + 2 for parent in parse(HEAD).parents
        )
        assert {e.width for e in dump.entries[:2]} == {4}
        assert {e.width for e in dump.entries[2:]} == {8}


def test_excerpts_between_prose_have_indents_of_their_own() -> None:
    lines = HEAD.splitlines(keepends=True)
    text = "".join(lines[:5]) + "\nI wonder:\nis it this one?\n\n" + "".join(lines[9:12])
    assert [e.depth for e in parse(text).entries] == [0, 0, 0, 1, 1, 0, 1, 2]
    # one odd line within a tree does not end it
    text = "".join(lines[:9]) + "this one?\n" + "".join(lines[9:])
    assert keys(parse(text)) == keys(parse(HEAD))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1: expected a line like '00001000-0009ffff : System RAM', got an empty text"),
        (
            "\n\n00:1f.2 SATA controller: Intel\n",
            "f:3: expected a line like '00001000-0009ffff : System RAM',"
            " got '00:1f.2 SATA controller: Intel'; this looks like the output of lspci",
        ),
        (
            "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n",
            "f:1: expected a line like '00001000-0009ffff : System RAM', got '0x00000000fe000000"
            " 0x00000000fe00ffff 0x0000000000040200'; this looks like a PCI device's resource file",
        ),
        (
            "no\x1b[31m dump",
            "f:1: expected a line like '00001000-0009ffff : System RAM', got 'no\\x1b[31m dump'",
        ),
    ],
)
def test_error_messages(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        parse(text, source="f")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(range(256)) * 9,
        b"\x80" * 1000,
        b"\x1f\x8b\x08\x00" + bytes(range(255, -1, -1)),
        b"<!DOCTYPE html>\n<html><body>2004-2010: 404 not found</body></html>\n",
        b"           CPU0       CPU1\n  8:   0   1  IO-APIC   8-edge      rtc0\n",
        b"7f0000000000-7f0000001000 r-xp 00000000 08:01 42 /bin/cat\n",
        b"[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n",
        b"reg00: base=0x000000000 (    0MB), size= 2048MB, count=1: write-back\n",
        b"f47ac10b-58cc-4372-a567-0e02b2c3d479: a name\n",
    ],
)
def test_what_is_no_dump_is_refused(data: bytes) -> None:
    with pytest.raises(TextError) as caught:
        parse(data)
    assert len(str(caught.value)) < 250


pieces = st.sampled_from(
    [*HEAD.splitlines(keepends=True), "> ", "\t", " ", "\n", "\r", "\x00", "-"]
)


@given(st.binary() | st.text() | st.lists(pieces | st.text(max_size=3)).map("".join))
@example("00001000-0009ffff : &#99999999999999999999;")
@example("\n" * 3 + "fe000000-\nfe0fffff")
def test_arbitrary_text_raises_nothing_else(text: str | bytes) -> None:
    try:
        dump = parse(text)
    except TextError as error:
        dump, message = None, str(error)
    if dump is None:
        assert message.isprintable()
        return
    assert len(dump.parents) == len(dump.entries) > 0
    assert all(parent is None or parent < i for i, parent in enumerate(dump.parents))
    assert all(printable(repair.what).isprintable() for repair in dump.repairs)
    whole = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    printed = re.findall(r"(?m)^ *[0-9a-f]{8}-[0-9a-f]{8} : .*$", whole)
    assert len(dump.entries) >= len(printed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        " " * 1_000_000 + "x",
        "0x" * 500_000,
        "a-" * 500_000,
        "f000-" * 200_000,
        "1" * 1_000_000 + "-",
        "<b" * 500_000,
        "&#" * 500_000,
        "\x1b[" * 500_000,
        "00001000-0009ffff : " * 50_000,
        "00001000-0009ffff : x\n" + ("a" * 1000 + "\n") * 1000,
        "00001000-0009ffff : x\n" + (" " * 1000 + "a\n") * 1000,
        "00001000-0009ffff : " + "a" * 1_000_000 + "\nRAM\n" * 3 + "00100000-001fffff : x\n",
        "x " * 300_000 + "00001000-0009ffff : y",
        "(" + " " * 1_000_000 + "00001000-0009ffff : y",
        "00001000-0009ffff : [\n" + "more\n" * 100_000,
    ],
    ids=range(16),
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    began = time.process_time()
    read = sum(1 for _ in text)
    once = time.process_time() - began
    with contextlib.suppress(TextError):
        parse(text)
    # as long as 300 such loops, on any machine: quadratic time is that of `read` loops
    assert time.process_time() - began < 300 * once, read


def test_a_dump_that_is_deeper_than_any_is_refused() -> None:
    lines = [f"{'  ' * i}{0x1000 + i:08x}-ffffffff : x" for i in range(65)]
    assert len(parse("\n".join(lines[:64])).entries) == 64
    with pytest.raises(TextError, match=r"^x:65: expected at most 64 levels, got more$"):
        parse("\n".join(lines), source="x")


@needs_samples
def test_real_dumps_have_as_many_entries_as_their_list_says() -> None:
    listed = re.findall(
        r"^\| (io(?:mem|ports)/\S+) \|[^|]*\| \d+ lines/(\d+) entries; depth (\d+)",
        (SAMPLES / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(listed) == 26
    for name, entries, depth in listed:
        dump = parse((SAMPLES / name).read_bytes(), source=name)
        assert (name, len(dump.entries)) == (name, int(entries))
        assert (name, max(e.depth for e in dump.entries)) == (name, int(depth))
        assert all(entry.name for entry in dump.entries)
