"""The random runs as they are kept: the operations once, how they ended for each kernel.

Both are packed lines (see packed.py), the first of which says what it is. Then each sequence has a
line: [kind, windows, acts] among the operations, and the end of each of these acts for a kernel.
Operations that were recorded are never generated again: all kernels' runs rest on them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

from devmemkit.lab.fuzz.generate import LIFE, Sequence, sequence
from devmemkit.lab.fuzz.places import WINDOWS
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings import entries
from devmemkit.lab.recordings.encode import decode_act, decode_ends, encode_act, encode_end
from devmemkit.lab.recordings.packed import pack, unpack, value
from devmemkit.lab.recordings.recording import (
    ARCHITECTURE,
    Recording,
    RecordingError,
    folder,
    machine_name,
)
from devmemkit.scenarios.play import Act

FILE = "operations.xz"
WHERE = f"conform/{FILE}"

SEED = 2026
SEQUENCES = 14 * LIFE
"""As many as are generated: each kernel compares 100,000 operations within these."""

ABOUT = {
    "scenario": "conform",
    "architecture": ARCHITECTURE,
    "machine": machine_name("conform"),
}


@dataclass(frozen=True)
class Operations:
    """The sequences of the random runs, a line each; `data` is the file, `new` not yet written."""

    data: bytes
    lines: tuple[bytes, ...]
    new: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def sequences(self) -> tuple[Sequence, ...]:
        """All of them, checked."""
        return tuple(decode_sequence(index, line) for index, line in enumerate(self.lines))


def operations() -> Operations:
    """Those of the checkout; generated where there are none."""
    try:
        return opened((folder() / WHERE).read_bytes())
    except FileNotFoundError:
        made = [sequence(SEED, index) for index in range(SEQUENCES)]
        data = pack_operations(made, SEED)
        return Operations(data, opened(data).lines, new=True)


def operations_of(recording: Recording) -> Operations:
    """Those that a recording rests on; RecordingError when the file is another, or none."""
    data = recording.beside.get(FILE)
    if data is None:
        try:
            data = (folder() / WHERE).read_bytes()
        except OSError as error:
            raise RecordingError(
                f"{WHERE}: expected recorded operations, got: {error.strerror}"
            ) from None
    found, wanted = hashlib.sha256(data).hexdigest(), recording.content["conform"]["operations"]
    if found != wanted:
        raise RecordingError(
            f"{WHERE}: expected the bytes that conform/{recording.version}.json rests on "
            f"(SHA-256 {wanted[:12]}...), got others ({found[:12]}...)"
        )
    return opened(data)


def opened(data: bytes) -> Operations:
    """The operations in a file's bytes; RecordingError when it is of something else."""
    head, *lines = unpack(data, WHERE) or [b"null"]
    _same(value(head, WHERE), {**ABOUT, "sequences": len(lines)}, WHERE)
    return Operations(data, tuple(lines))


def _same(found: Any, wanted: dict[str, Any], where: str) -> None:
    """RecordingError unless it says of itself what is wanted; it may say more."""
    said = {name: found.get(name) for name in wanted} if isinstance(found, dict) else found
    if said != wanted:
        raise RecordingError(f"{where}: expected it to be of {wanted}, got {str(said)[:300]!r}")


def pack_operations(made: Many[Sequence], seed: int) -> bytes:
    """The file of these sequences."""
    head = {**ABOUT, "seed": seed, "sequences": len(made)}
    return pack([head, *([one.kind, one.windows, _entries(one.acts)] for one in made)])


def _entries(acts: Many[Act]) -> list[dict[str, Any]]:
    """The acts without their keys, which number them."""
    made = []
    for number, act in enumerate(acts):
        entry = encode_act(act)
        if entry.pop("key") != entries.key(number):
            raise ValueError(f"expected act {number} as {entries.key(number)}, got {act.key}")
        made.append(entry)
    return made


def decode_sequence(index: int, line: bytes) -> Sequence:
    """A sequence, each act of which is one that the model can play."""
    where = f"{WHERE}: sequence {index}"
    match value(line, where):
        case [str(kind), int(windows), list(acts)] if 0 <= windows < WINDOWS:
            entries.check_acts(acts, where)
            keyed = ({"key": entries.key(number), **act} for number, act in enumerate(acts))
            return Sequence(index, kind, tuple(map(decode_act, keyed)), windows)
    raise RecordingError(f"{where}: expected [kind, windows, acts], got {line[:60]!r}")


def encode_ends(acts: Many[Act], performed: Performed) -> list[dict[str, Any]]:
    """How each act of a sequence ended in the guest."""
    return [encode_end(act.key, performed) for act in acts]


def _run_about(version: str, sha256: str, sequences: int) -> dict[str, Any]:
    return {**ABOUT, "kernel": version, "operations": sha256, "sequences": sequences}


def pack_ends(version: str, sha256: str, ends: Many[Any]) -> dict[str, str]:
    """What a recording's content says of a run besides its summary; `sha256` of the operations."""
    head = _run_about(version, sha256, len(ends))
    packed = base64.b64encode(pack([head, *ends])).decode("ascii")
    return {"operations": sha256, "outcomes": packed}


def ends_of(recording: Recording) -> list[bytes]:
    """The packed ends of a recorded run, a line a sequence."""
    content, version = recording.content["conform"], recording.version
    where = f"conform/{version}.json: outcomes"
    try:
        data = base64.b64decode(content["outcomes"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordingError(f"{where}: expected base64, got: {error}") from None
    head, *lines = unpack(data, where) or [b"null"]
    wanted = _run_about(version, content["operations"], len(lines))
    _same(value(head, where), wanted, where)
    said = {"scenario": recording.scenario, **recording.about, **content}
    _same(said, wanted, f"conform/{version}.json")
    return lines


def decode_performed(acts: Many[Act], line: bytes, where: str) -> Performed:
    """What the kernel made of a sequence, checked."""
    ends = value(line, where)
    if not isinstance(ends, list) or len(ends) != len(acts):
        raise RecordingError(f"{where}: expected the ends of {len(acts)} acts, got {line[:60]!r}")
    for act, end in zip(acts, ends, strict=True):
        if not entries.is_end(end):
            got = f"{str(end)[:60]!r}"
            raise RecordingError(f"{where}, {act.key}: expected the end of an act, got {got}")
    return decode_ends({act.key: end for act, end in zip(acts, ends, strict=True)}, {})
