"""Texts without measure: each is refused in one sentence, or read in a time that grows with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from devmemkit.cli import main
from devmemkit.explain.description import Description, dump_of, with_lspci
from devmemkit.explain.stored import MOST_RANGES, MOST_TEXT, description_of, has_addresses
from devmemkit.text import TextError
from devmemkit.text.iomem import LARGEST, LINES, LONGEST, parse
from devmemkit.text.lspci import MANY
from devmemkit.text.release import release_of
from devmemkit.text.system_files import parse_config

RANGE = "00001000-00001fff : a "
PIECE = RANGE * 2000 + "\n"


LINE = f"expected lines of at most {LONGEST} characters, got one of "
RANGES = f"x:1: expected at most {LINES} ranges, got more"
BOUNDED = {
    "one line": ("a" * (LONGEST + 1), f"x:1: {LINE}"),
    "one line of ranges": (RANGE * 2_900_000, f"x:1: {LINE}"),
    "second line": (RANGE + "\n" + "1-" * LONGEST, f"x:2: {LINE}"),
    "ranges": (PIECE * (LINES // 2000 + 1), RANGES),
    "quoted": (PIECE.replace(" : ", "=20:=20") * (LINES // 2000 + 1), RANGES),
    "carriage returns": (
        (RANGE + "\r") * (LINES + 1),
        f"x:{LINES + 1}: expected at most {LINES} l",
    ),
    "bytes": ("\n" * (LARGEST + 1), "x:1: expected at most 64 MiB, got more"),
}
"""Texts by what is beyond its bound, and the beginning of what is said."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUNDED)
def test_a_dump_is_bounded(kind: str) -> None:
    text, sentence = BOUNDED[kind]
    if len(text) > LARGEST and "MiB" not in sentence:
        text = text[:LARGEST]
    for read in (parse, dump_of):
        with pytest.raises(TextError) as caught:
            read(text.encode(), source="x")  # type: ignore[operator]
        assert str(caught.value).startswith(sentence)
        assert str(caught.value).isprintable()


def test_a_dump_pasted_as_one_line_is_read() -> None:
    line = " ".join(f"{i:08x}000-{i:08x}fff : device {i}" for i in range(1, 20_000))
    assert len(line) < LONGEST
    assert len(parse(line).entries) == 19_999


@pytest.mark.slow
def test_the_command_says_it_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "iomem").write_text(RANGE * (LARGEST // len(RANGE)))
    for asked in (("iomem",), ("explain", "--address", "0", "--iomem")):
        assert main([*asked, str(tmp_path / "iomem")]) == 2
        err = capsys.readouterr().err
        assert f"iomem:1: expected lines of at most {LONGEST} characters, got one of" in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda: has_addresses("a" * 4_000_000),
        lambda: parse_config("CONFIG_" * 600_000 + "\nCONFIG_DEVMEM=y\n"),
        lambda: parse_config("# CONFIG_" * 400_000 + "\nCONFIG_DEVMEM=y\n"),
    ],
    ids=["addresses", "option", "unset option"],
)
def test_what_is_searched_is_searched_once(read: Callable[[], object]) -> None:
    """A search that begins anew at every character would not end here."""
    found = read()
    assert found is False or isinstance(found, dict)


@pytest.mark.parametrize("end", ["\n", "\x0b", "\x1c"])
def test_lspci_has_as_many_lines_as_a_dump(end: str) -> None:
    text = ("00:02.0 Thing: A" + end * (LINES + 1)).encode()
    with pytest.raises(TextError, match=f"x:{LINES + 1}: expected at most {LINES} lines"):
        with_lspci(Description(), text, "x")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"cmdline": "a" * (MOST_TEXT + 1)}, "cmdline: expected a text, got"),
        ({"release": "6.12" + "a" * MOST_TEXT}, "release: expected a text, got"),
        ({"mtrr_uc": [[0, 1]] * (MOST_RANGES + 1)}, "mtrr_uc: expected ranges of pages, got"),
    ],
)
def test_a_snapshot_is_bounded(facts: dict[str, object], sentence: str) -> None:
    with pytest.raises(TextError, match=sentence):
        description_of({"snapshot.json": json.dumps(facts)}, "x")


def test_a_snapshot_has_as_many_devices_as_lspci() -> None:
    devices = {f"{i >> 13:04x}:{i >> 5 & 255:02x}:{i & 31:02x}.0": {} for i in range(MANY + 1)}
    with pytest.raises(TextError, match=f"pci.json:1: expected at most {MANY} devices, got more"):
        description_of({"pci.json": json.dumps(devices)}, "x")


def test_a_release_is_no_path() -> None:
    assert release_of("Linux version 6.12.1-x (a@b)") == "6.12.1-x"
    assert release_of("Linux version ../../x") == ""
    assert release_of("Linux version " + "6" * 65) == ""
