"""The random runs as they are kept: the operations once, how they ended for each kernel.

Both are lines of JSON, compressed as one xz stream. The first line says what it is. Then each
sequence has a line: [kind, windows, acts] among the operations, and the end of each of these acts
for a kernel. Operations that were recorded are never generated again: all kernels' runs rest on
them. Whoever names such a file names the digest of its bytes: another version of the library may
pack the same lines into other bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import lzma
import re
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

from devmemkit.lab.fuzz.generate import LIFE, Sequence, sequence
from devmemkit.lab.fuzz.places import WINDOWS
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_act, decode_ends, encode_act, encode_end
from devmemkit.lab.recordings.recording import (
    ARCHITECTURE,
    Recording,
    RecordingError,
    folder,
    machine_name,
)
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.play import Act, needed

FILE = "operations.xz"
WHERE = f"conform/{FILE}"

SEED = 2026
SEQUENCES = 14 * LIFE
"""As many as are generated: each kernel compares 100,000 operations within these."""

LIMIT = 64 << 20
"""Bytes of all lines, at most."""
MEMORY = 128 << 20
"""Bytes of memory that unpacking may take besides."""

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
        data = pack_operations([sequence(SEED, index) for index in range(SEQUENCES)], SEED)
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
    _same(_value(head, WHERE), {**ABOUT, "sequences": len(lines)}, WHERE)
    return Operations(data, tuple(lines))


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
    _same(_value(head, where), wanted, where)
    said = {"scenario": recording.scenario, **recording.about, **content}
    _same(said, wanted, f"conform/{version}.json")
    return lines


def _run_about(version: str, sha256: str, sequences: int) -> dict[str, Any]:
    return {**ABOUT, "kernel": version, "operations": sha256, "sequences": sequences}


def _same(found: Any, wanted: dict[str, Any], where: str) -> None:
    """RecordingError unless it says of itself what is wanted; it may say more."""
    said = {name: found.get(name) for name in wanted} if isinstance(found, dict) else found
    if said != wanted:
        raise RecordingError(f"{where}: expected it to be of {wanted}, got {str(said)[:300]!r}")


def pack_operations(made: Many[Sequence], seed: int) -> bytes:
    """The file of these sequences; their acts are numbered, so the keys are left out."""
    lines: list[Any] = [{**ABOUT, "seed": seed, "sequences": len(made)}]
    for one in made:
        acts = [encode_act(act) for act in one.acts]
        if [act.pop("key") for act in acts] != [f"a{number}" for number in range(len(acts))]:
            raise ValueError(f"sequence {one.index}: expected acts a0, a1, ..., got other keys")
        lines.append([one.kind, one.windows, acts])
    return pack(lines)


def pack_ends(version: str, sha256: str, ends: Many[Any]) -> dict[str, str]:
    """What a recording's content says of a run besides its summary; `sha256` of the operations."""
    head = _run_about(version, sha256, len(ends))
    packed = base64.b64encode(pack([head, *ends])).decode("ascii")
    return {"operations": sha256, "outcomes": packed}


def pack(values: Iterable[Any]) -> bytes:
    """The values, a line each."""
    lines = (json.dumps(value, separators=(",", ":")) + "\n" for value in values)
    text = "".join(lines).encode()
    window = min(max(len(text), 1 << 12), LIMIT)  # more would take memory and be of no use
    best = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": window}
    return lzma.compress(text, filters=[best])


def unpack(data: bytes, where: str) -> list[bytes]:
    """The lines; RecordingError for all but one whole stream of at most LIMIT bytes."""
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY)
    try:
        text = stream.decompress(data, LIMIT)
    except (lzma.LZMAError, MemoryError) as error:
        raise RecordingError(f"{where}: expected an xz stream, got: {error}") from None
    if not stream.eof or stream.unused_data:
        raise RecordingError(
            f"{where}: expected one whole xz stream of at most {LIMIT} bytes when unpacked, "
            f"got {'more behind it' if stream.eof else 'none that ends'}"
        )
    return text.splitlines()


def _value(line: bytes, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{where}: expected JSON, got: {error}") from None


def decode_sequence(index: int, line: bytes) -> Sequence:
    """A sequence, each act of which is an operation of the model and needs earlier acts only."""
    where = f"{WHERE}: sequence {index}"
    match _value(line, where):
        case [str(kind), int(windows), list(entries)] if 0 <= windows < WINDOWS:
            known: dict[str, Act] = {}
            for number, entry in enumerate(entries):
                act = _act(entry, f"a{number}")
                if act is None or not known.keys() >= set(needed(act)):
                    raise RecordingError(
                        f"{where}, act {number}: expected an operation of the model with its "
                        f"arguments, which needs earlier acts only; got {str(entry)[:200]!r}"
                    )
                known[act.key] = act
            return Sequence(index, kind, tuple(known.values()), windows)
    raise RecordingError(f"{where}: expected [kind, windows, acts], got {line[:60]!r}")


def _act(entry: Any, key: str) -> Act | None:
    """The act of an entry, None for one that no operation of the model fits."""
    try:
        act = decode_act({**entry, "key": key})
        operation, given = OPERATIONS[act.operation], act.arguments.keys()
        allowed = {*operation.needs, *operation.defaults}
        return act if given >= set(operation.needs) and given <= allowed else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def encode_ends(acts: Many[Act], performed: Performed) -> list[dict[str, Any]]:
    """How each act of a sequence ended in the guest."""
    return [encode_end(act.key, performed) for act in acts]


def decode_performed(acts: Many[Act], line: bytes, where: str) -> Performed:
    """What the kernel made of a sequence, checked."""
    ends = _value(line, where)
    if not isinstance(ends, list) or len(ends) != len(acts):
        raise RecordingError(f"{where}: expected the ends of {len(acts)} acts, got {line[:60]!r}")
    by_key = {act.key: end for act, end in zip(acts, ends, strict=True)}
    for key, end in by_key.items():
        if not _is_end(end):
            got = f"{str(end)[:60]!r}"
            raise RecordingError(f"{where}, {key}: expected the end of an act, got {got}")
    return decode_ends(by_key, {})


def _is_end(end: Any) -> bool:
    """Whether it is how an act can end in a guest, or {} for one left out: see schema.json."""
    match end:
        case {"outcome": outcome, **more} if not more:
            match outcome:
                case {"value": int() | str(), **more}:
                    return not more
                case {"value": {"bytes": str(text), **more}}:
                    return not more and re.fullmatch("([0-9a-f]{2})*", text) is not None
                case {"errno": str(), **more}:
                    return not more
                case {"signal": str(), "si_code": str(), "si_addr": int(), **more}:
                    return not more
        case {"cannot": str(), **more}:
            return not more
    return bool(end == {})
