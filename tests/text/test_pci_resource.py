"""The sysfs `resource` file: round trips, and errors that say where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.model.pci.device import Bar
from devmemkit.text import TextError
from devmemkit.text.pci_resource import ROWS, bars_of, parse_resource, parse_resources
from tests.samples import SAMPLES, needs_samples
from tests.text.numbered import NUMBERED

EMPTY = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
u64 = st.integers(0, 2**64 - 1)


def format_resource(given_rows: tuple[Bar, ...]) -> str:
    """The rows as resource_show prints them."""
    numbers = ((row.start, row.end, row.flags) for row in given_rows)
    return "".join("0x{:016x} 0x{:016x} 0x{:016x}\n".format(*one) for one in numbers)


@st.composite
def rows(draw: st.DrawFn) -> tuple[Bar, ...]:
    size = draw(st.sampled_from(ROWS))
    values = draw(st.lists(st.tuples(u64, u64, u64), min_size=size, max_size=size))
    return tuple(Bar(i, *value) for i, value in enumerate(values))


@given(rows())
def test_rows_survive_writing_and_reading(given_rows: tuple[Bar, ...]) -> None:
    text = format_resource(given_rows)
    assert parse_resource(text) == parse_resource(text.encode()) == given_rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r:1: expected 6, 7, 13, 17 or 18 rows, got 0"),
        (12 * EMPTY, "r:12: expected 6, 7, 13, 17 or 18 rows, got 12"),
        (
            EMPTY + "0x1f.0 \x1b[31m",
            "r:2: expected three numbers of 16 hex digits with 0x, as in a device's resource file,"
            " got '0x1f.0 \\x1b[31m'",
        ),
    ],
)
def test_error_messages(text: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        parse_resource(text, source="r")
    assert str(caught.value) == message


@given(st.binary(max_size=400) | st.text(max_size=400))
def test_arbitrary_text_raises_nothing_else(text: str | bytes) -> None:
    with pytest.raises(TextError):
        parse_resource(text)


BAR = "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n"
OTHER = "0x000000000000e000 0x000000000000e07f 0x0000000000040101\n"
FILES = {"0000:00:02.0": BAR + 12 * EMPTY, "10000:e1:00.0": OTHER + 6 * EMPTY}
PATH = "/sys/devices/pci0000:00/0000:00:1c.0/{}/resource"


def named(head: str, each: str = "") -> str:
    """The files of two devices, each behind its name."""
    return "\n".join(
        head.format(name) + "".join(f"{each.format(name)}{row}\n" for row in rows.splitlines())
        for name, rows in FILES.items()
    )


@pytest.mark.parametrize(
    "text",
    [
        named(f"==> {PATH} <==\n"),
        named("", PATH + ":"),
        named("# cat " + PATH + "\n") + "\nroot@host:/sys/bus/pci/devices/0000:00:02.0# ",
        named("root@host:/sys/bus/pci/devices/{}# cat resource\n"),
        named("{}:\n"),
        "```\n" + named("{}\n") + "\n```\n",
        named(f"::::::::::::::\n{PATH}\n::::::::::::::\n"),
        named("> {}\n", "> ").replace("\n", "\r\n"),
        named("{}\n") + "\n" + named("{}\n"),
        named("{}\n").replace("0000:00:02.0", "00:02.0"),
    ],
)
def test_files_that_have_their_names(text: str) -> None:
    assert parse_resources(text) == {name: parse_resource(rows) for name, rows in FILES.items()}


@pytest.mark.parametrize("kind", NUMBERED)
def test_a_file_is_read_behind_what_tools_put_before_each_line(kind: str) -> None:
    text = BAR + 6 * EMPTY
    assert parse_resource(NUMBERED[kind](text)) == parse_resource(text)
    both = named(f"==> {PATH} <==\n")
    assert parse_resources(NUMBERED[kind](both)) == parse_resources(both)


def test_what_head_shows_of_each_file() -> None:
    text = f"==> {PATH} <==\n".format("0000:00:02.0") + BAR + 9 * EMPTY
    (found,) = parse_resources(text).values()
    assert bars_of(found) == bars_of(parse_resource(FILES["0000:00:02.0"]))
    with pytest.raises(TextError, match=r"^r:10: expected 6, .* rows, got 10$"):
        parse_resources(BAR + 9 * EMPTY, source="r")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "".join(FILES.values()),
            "r:20: expected 6, .*, got 20; each of several files needs its n",
        ),
        (named("{}\n") + "0000:00:02.0\n" + 7 * EMPTY, "r:31: expected one resource file of each"),
        (7 * EMPTY + named("{}\n"), "r:21: expected one resource file of each device, got more"),
        (named("{}\n") + EMPTY, "r:24: expected 6, 7, 13, 17 or 18 rows, got 8"),
        ("00:1f.0 ISA bridge: A\n", "r:1: expected three numbers of 16 hex digits"),
        ("a:" + BAR + 6 * EMPTY, "r:1: expected three numbers of 16 hex digits"),
    ],
)
def test_files_of_which_it_is_not_clear_whose_they_are(text: str, sentence: str) -> None:
    with pytest.raises(TextError, match=f"^{sentence}"):
        parse_resources(text, source="r")
    with pytest.raises(TextError, match="expected one device's resource file, got 2"):
        parse_resource(named("{}\n"))


@needs_samples
def test_real_files_in_one_text() -> None:
    path = SAMPLES / "pci_resource" / "hwloc-40intel64-2g2n4c_pcilocality.txt"
    assert len(parse_resources(path.read_bytes())) == 37


@needs_samples
def test_real_files() -> None:
    files = 0
    for path in sorted((SAMPLES / "pci_resource").iterdir()):
        for text in re.split(r"==> .* <==\n", path.read_text()):
            if text.strip():
                body = text.rstrip("\n") + "\n"
                assert format_resource(parse_resource(body, source=path.name)) == body
                files += 1
    assert files == 41
