"""Random runs as they are kept: read as they were played, and nothing hostile gets past."""

from __future__ import annotations

import base64
import json
import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.lab.fuzz.generate import sequence
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.packed import LIMIT, pack, unpack
from devmemkit.lab.recordings.recording import Recording, RecordingError
from devmemkit.model.errors import Outcome
from tests.lab.recordings.small import MADE, OPERATIONS, PERFORMED, small

HEAD = {"scenario": "conform", "architecture": "x86-64", "machine": "pc-2g", "seed": 1}

SMALL = small()


def test_what_is_kept_is_what_was_played() -> None:
    assert runs.sequences_of(OPERATIONS) == tuple(MADE)
    lines = runs.ends_of(small())
    assert len(lines) == len(MADE)
    for made, performed, line in zip(MADE, PERFORMED, lines, strict=True):
        assert runs.decode_performed(made.acts, line, "there") == performed


def test_every_way_to_end_is_kept() -> None:
    acts = MADE[1].acts[:6]
    outcomes = {
        "a0": Outcome(3),
        "a1": Outcome(b"\0\xff"),
        "a2": Outcome(None, "EPERM"),
        "a3": Outcome(None, None, "SIGBUS", "BUS_ADRERR", 0x7F00_0000_0008),
    }
    ended = Performed(outcomes, {"a4": "the module did not load"}, {})
    line = json.dumps(runs.encode_ends(acts, ended)).encode()
    assert runs.decode_performed(acts, line, "there") == ended
    assert json.loads(line)[5] == {}  # left out


def test_the_same_sequences_are_the_same_bytes() -> None:
    assert runs.pack_operations(MADE, 1) == runs.pack_operations(list(MADE), 1) == OPERATIONS


@given(at=st.integers(0, len(OPERATIONS) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_of_the_operations_is_noticed(at: int, flip: int) -> None:
    data = bytearray(OPERATIONS)
    data[at] ^= flip
    changed = replace(SMALL, beside={"operations.xz": bytes(data)})
    with pytest.raises(RecordingError, match=r"^conform/operations\.xz: expected the bytes that"):
        runs.operations_of(changed)


def test_no_operations_are_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs, "folder", lambda: tmp_path)
    with pytest.raises(RecordingError, match=r"operations\.xz: expected recorded operations, got"):
        runs.operations_of(replace(small(), beside={}))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "expected one whole xz stream .* got none that ends"),
        (pack([1])[:-5], "expected one whole xz stream .* got none that ends"),
        (pack([1]) + b"x", "expected one whole xz stream .* got more behind it"),
        (b"PK" + pack([1]), "expected an xz stream, got: "),
        (lzma.compress(bytes(LIMIT + 1), preset=0), "expected .* at most 67108864 bytes"),
        (
            lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]),
            "expected an xz stream, got: Memory usage limit exceeded",
        ),
    ],
    ids=["empty", "cut", "more", "other", "bomb", "dictionary"],
)
def test_what_is_no_packed_file_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(RecordingError, match=f"^there: {sentence}"):
        unpack(data, "there")


ACT = {"actor": "P", "operation": "open_devmem", "arguments": {"pid": "P", "dsync": True}}
FD = {"ref": "a0", "plus": 0}
CLOSE = {"actor": "P", "operation": "close", "arguments": {"pid": "P", "fd": FD}}


def act(**changes: Any) -> dict[str, Any]:
    return {**CLOSE, **changes}


def fd(value: Any) -> dict[str, Any]:
    return act(arguments={"pid": "P", "fd": value})


@pytest.mark.parametrize(
    "second",
    [
        [],
        {"actor": "P", "operation": "close"},
        act(operation="system"),
        act(operation="__class__"),
        act(operation="settle"),
        act(operation=["close"]),
        act(arguments=[]),
        act(arguments={"pid": "P"}),
        act(arguments={"pid": "P", "fd": 3, "x": 1}),
        fd({"ref": "a1", "plus": 0}),
        fd({"ref": "a0"}),
        fd({"bytes": "0"}),
        act(needs="a1"),
    ],
)
def test_an_act_that_cannot_be_played_is_one_sentence(second: Any) -> None:
    line = json.dumps(["plain", 1, [ACT, second]]).encode()
    with pytest.raises(RecordingError) as raised:
        runs.decode_sequence(4, line)
    said = str(raised.value)
    assert said.startswith("conform/operations.xz: sequence 4, act 1: expected an operation of the")
    assert "\n" not in said


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"null", b'["plain", 1]', b'["plain", -1, []]', b'["plain", 99999, []]',
     b'[1, 1, []]', b"[" * 100_000, b"9" * 5_000],
)  # fmt: skip
def test_a_line_that_is_no_sequence_is_one_sentence(line: bytes) -> None:
    with pytest.raises(RecordingError, match=r"operations\.xz: sequence 0: expected "):
        runs.decode_sequence(0, line)


@pytest.mark.parametrize(
    "end",
    [
        *(None, 0, [], {"value": 1}, {"outcome": {}}, {"outcome": 5}, {"cannot": 5}),
        *({"outcome": {"value": value}} for value in (None, 1.5, [1], {"bytes": "0"})),
        *({"outcome": {"value": value}} for value in ({"bytes": "zz"}, {"ref": "a0"})),
        *({"outcome": {"errno": 5}}, {"ns": 5}),
        {"outcome": {"errno": "EPERM", "value": 0}},
        {"outcome": {"signal": "SIGBUS", "si_code": "BUS_ADRERR"}},
        {"outcome": {"signal": "SIGBUS", "si_code": "BUS_ADRERR", "si_addr": "0"}},
        {"outcome": {"value": 0}, "cannot": "both"},
    ],
)
def test_what_is_no_end_of_an_act_is_one_sentence(end: Any) -> None:
    acts = MADE[0].acts[:2]
    with pytest.raises(RecordingError, match=r"^there, a1: expected the end of an act, got "):
        runs.decode_performed(acts, json.dumps([{}, end]).encode(), "there")
    with pytest.raises(RecordingError, match=r"^there: expected the ends of 2 acts, got "):
        runs.decode_performed(acts, json.dumps([{}]).encode(), "there")


@pytest.mark.parametrize(
    "head",
    [
        *(None, {}, {**HEAD, "sequences": 2}, {**HEAD, "sequences": 1, "architecture": "arm64"}),
        *({**HEAD, "sequences": 1, "scenario": "boot"}, {**HEAD, "sequences": 1, "machine": ""}),
    ],
)
def test_operations_of_something_else_are_refused(head: Any) -> None:
    data = pack([head, ["plain", 1, []]])
    with pytest.raises(RecordingError, match=r"^conform/operations\.xz: expected it to be of "):
        runs.operations_of(small(data))


def outcomes(recording: Recording, text: str) -> Recording:
    run = {**recording.content["conform"], "outcomes": text}
    return replace(recording, content={"conform": run})


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text[1:], "expected base64, got: "),
        (lambda text: "\u2028" + text, "expected base64, got: "),
        (lambda text: base64.b64encode(b"x").decode(), "expected "),
        (lambda text: small(version="7.3").content["conform"]["outcomes"], "expected it to be of "),
    ],
)
def test_outcomes_of_something_else_are_refused(spoil: Callable[[str], str], sentence: str) -> None:
    kept = small()
    with pytest.raises(RecordingError, match=rf"^conform/6\.12\.json: outcomes: {sentence}"):
        runs.ends_of(outcomes(kept, spoil(kept.content["conform"]["outcomes"])))


OTHERS = {"kernel": "7.3", "sequences": 2, "machine": "pc-2g-large-bar", "architecture": "arm64"}


@pytest.mark.parametrize("key", OTHERS)
def test_a_run_that_says_it_is_another_is_refused(key: str) -> None:
    kept = small()
    told = kept.content["conform"] if key in ("kernel", "sequences") else kept.about
    told[key] = OTHERS[key]
    with pytest.raises(RecordingError, match=r"^conform/6\.12\.json: expected it to be of "):
        runs.ends_of(kept)


def test_operations_are_generated_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs, "folder", lambda: tmp_path)
    monkeypatch.setattr(runs, "SEQUENCES", 2)
    made = runs.sequences_of(runs.operations())
    assert made == (sequence(runs.SEED, 0), sequence(runs.SEED, 1))
    assert not any(tmp_path.iterdir())
    (tmp_path / "conform").mkdir()
    (tmp_path / runs.where("2g")).write_bytes(OPERATIONS)
    assert runs.operations() == OPERATIONS  # whatever would be generated
