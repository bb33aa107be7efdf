"""Recordings: whole or not at all, as the schema says, and no byte changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_story, encode_story
from devmemkit.lab.recordings.manifest import labels_of
from devmemkit.lab.recordings.recording import (
    MARK,
    Recording,
    RecordingError,
    in_place,
    parse,
    path_of,
    read,
    recordings,
)
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.catalogue import SCENARIOS, stories
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import Story

ACTS = (
    Act("open", "P", "open_devmem", {"pid": "P", "dsync": True}, "opens"),
    Act("map", "P", "mmap_devmem", {"pid": "P", "fd": Ref("open"), "offset": 0, "length": 4096}),
    Act("write", "P", "write_devmem", {"pid": "P", "fd": Ref("open"), "data": b"\0\xff"}),
    Act("load", "P", "load", {"pid": "P", "address": Ref("map", 8)}, needs="write", live=True),
    Act("read", "P", "read_devmem", {"pid": "P", "fd": Ref("open"), "count": 2}),
    Act("claim", "D", "request_mem_region", {"start": 4096, "size": 1}),
    Act("left_out", "P", "load", {"pid": "P", "address": 0}, needs="claim"),
)
OUTCOMES = {
    "open": Outcome(3),
    "map": Outcome(0x7F00_0000_0000),
    "write": Outcome(None, "EPERM"),
    "load": Outcome(None, None, "SIGBUS", "BUS_ADRERR", 0x7F00_0000_0008),
    "read": Outcome(b"\1\2"),
}
STORY = Story("one", "A story", ACTS, "claim", "iomem=relaxed")
PERFORMED = Performed(OUTCOMES, {"claim": "it cannot"}, dict.fromkeys(OUTCOMES, 7))
ABOUT = {
    "architecture": "x86-64",
    "machine": "pc-2g",
    "kernel": {"version": "6.12", "release": "6.12.1", "suite": "trixie", "packages": {},
               "config": {"CONFIG_DEVMEM": "y"}, "sha256": "0" * 64},
    "qemu": {"version": "QEMU 7.2", "arguments": ["-smp", "2"]},
    "cmdline": "quiet",
    "initramfs": "1" * 64,
    "taken": "2026-11-23",
}  # fmt: skip
MADE = Recording("claims", ABOUT, {"stories": [encode_story(STORY, PERFORMED)]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "claims" / "6.12.json"


def signed(body: str) -> str:
    return f'{body}{MARK}{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'


def test_what_is_written_is_read(path: Path) -> None:
    MADE.write(path)
    assert read(path) == MADE
    assert json.loads(path.read_text())["sha256"]
    assert decode_story(read(path).content["stories"][0]) == (STORY, PERFORMED)
    assert [file.name for file in path.parent.iterdir()] == ["6.12.json"]


@given(at=st.integers(0, len(MADE.text().encode()) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(
    at: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = bytearray(MADE.text().encode())
    text[at] ^= flip
    changed = tmp_path_factory.getbasetemp() / "changed.json"
    changed.write_bytes(text)
    with pytest.raises(RecordingError, match=r"changed\.json: expected"):
        read(changed)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"taken"', '"token"', r"says at its top \(must contain \['taken'\] properties\)"),
        ('"errno": "EPERM"', '"errno": 1', "at stories/0/acts/2/outcome"),
        ('"SIGBUS"', '"bus"', "at stories/0/acts/3/outcome"),
        ('"name": "one"', '"name": 1', r"at stories/0/name \(must be string\), got '1'"),
        ('"stories"', '"tales"', "expected what the schema says"),
        ("{", "[", "expected JSON"),
    ],
)
def test_what_the_schema_forbids_is_one_sentence(
    path: Path, old: str, new: str, sentence: str
) -> None:
    body = MADE.text().rpartition(MARK)[0]
    assert old in body
    path.parent.mkdir()
    path.write_text(signed(body.replace(old, new, 1)))
    with pytest.raises(RecordingError, match=sentence) as raised:
        read(path)
    assert "\n" not in str(raised.value)


ROW = {"access": {"via": "devmem", "op": "load"}, "twist": "", "foretold": "ok", "got": "ok"}


def of_accesses(*rows: object) -> Recording:
    boot = {"cmdline": "", "bound": False, "files": {}, "tried": [*rows]}
    return Recording("explain", ABOUT, {"explain": {"boots": [boot]}})


def test_accesses_are_packed_in_the_file_only(path: Path) -> None:
    made = of_accesses(ROW, ROW | {"got": "EPERM"})
    text = made.text().encode()
    assert b'"got"' not in text
    assert parse(text, "here") == made


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], r"boots: expected what the schema says at 0/tried \(must contain at least 1 items\)"),
        ([ROW, ROW | {"got": "well"}], "boots: expected what the schema says at 0/tried/1/got"),
        ([{**ROW, "more": 1}], "boots: expected what the schema says at 0/tried/0 "),
    ],
)
def test_packed_accesses_are_checked_too(rows: list[object], sentence: str) -> None:
    with pytest.raises(RecordingError, match=f"^here: {sentence}"):
        parse(of_accesses(*rows).text().encode(), "here")


def test_accesses_that_cannot_be_unpacked_are_one_sentence() -> None:
    body = json.loads(of_accesses(ROW).text())
    del body["sha256"]
    for packed, sentence in (
        ("?", "expected base64, got: "),
        ("bm8geHogYXQgYWxs", "expected an xz stream"),
    ):
        body["explain"]["boots"] = packed
        text = json.dumps(body, indent=1)[: -len("\n}")] + ","
        with pytest.raises(RecordingError, match=f"^here: boots: {sentence}"):
            parse(signed(text).encode(), "here")


def test_none_or_half_of_one(path: Path) -> None:
    with pytest.raises(RecordingError, match=r"6\.12\.json: expected a recording, got"):
        read(path)
    path.parent.mkdir()
    path.write_text(MADE.text()[:200])
    with pytest.raises(RecordingError, match="expected its digest in the last line, found none"):
        read(path)


def test_one_that_would_not_be_readable_leaves_the_old_one(path: Path) -> None:
    MADE.write(path)
    with pytest.raises(RecordingError):
        Recording("claims", ABOUT, {"stories": []}).write(path)
    assert read(path) == MADE
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("claims/6.1.json", "expected claims on Linux 6.1, x86-64, machine pc-2g, got .* 6.12"),
        ("takeover/6.12.json", "expected takeover on Linux 6.12, .*, got claims"),
        ("mmap-vs-claim/6.12.json", "machine pc-2g-large-bar, got .* machine pc-2g$"),
        ("claims/6.12-5g.json", "machine pc-5g, got .* machine pc-2g$"),
        ("mmap-vs-claim/6.12-5g.json", "expected .* machine , got .* machine pc-2g$"),
    ],
)
def test_a_recording_in_anothers_place_is_noticed(
    tmp_path: Path, place: str, sentence: str
) -> None:
    assert in_place(MADE, tmp_path / "claims" / "6.12.json") == MADE
    with pytest.raises(RecordingError, match=f"^{place}: .*{sentence}"):
        in_place(MADE, tmp_path / place)
    with pytest.raises(RecordingError, match=f"^{place}: "):
        MADE.write(tmp_path / place)
    assert not (tmp_path / place).exists()


@pytest.mark.parametrize(
    ("scenario", "label"), [(s, one) for s in SCENARIOS for one in labels_of(s)]
)
def test_the_checkout_has_every_scenario_as_it_is_told_today(scenario: str, label: str) -> None:
    version, _, lab = label.partition("-")
    recording = read(path_of(scenario, version, lab or "2g"))
    assert (recording.scenario, recording.label) == (scenario, label)
    assert tuple(decode_story(one)[0] for one in recording.content["stories"]) == stories(
        scenario, recording.lab
    )


@pytest.mark.slow
def test_every_recording_says_which_machine_it_was() -> None:
    for recording in recordings(lab="*"):
        assert recording.about["kernel"]["packages"], recording.version
        assert recording.about["kernel"]["config"]["CONFIG_IO_STRICT_DEVMEM"] == "y"
        assert "tcg,thread=multi" in recording.about["qemu"]["arguments"]
