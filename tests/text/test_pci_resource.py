"""The sysfs `resource` file: round trips, and errors that say where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.model.pci.device import Bar
from devmemkit.text import TextError
from devmemkit.text.pci_resource import ROWS, parse_resource
from tests.samples import SAMPLES, needs_samples

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


def test_a_bar_and_empty_rows() -> None:
    bar = "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n"
    text = bar + 12 * EMPTY
    read = parse_resource(text)
    assert read[0] == Bar(0, 0xFE000000, 0xFE00FFFF, 0x40200)
    assert read[12] == Bar(12, 0, 0, 0)
    assert format_resource(read) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r:1: expected 6, 7, 13, 17 or 18 rows, got 0"),
        (12 * EMPTY, "r:12: expected 6, 7, 13, 17 or 18 rows, got 12"),
        (
            EMPTY + "00:1f.0 \x1b[31m",
            "r:2: expected three numbers of 16 hex digits with 0x, as in a device's resource file,"
            " got '00:1f.0 \\x1b[31m'",
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
