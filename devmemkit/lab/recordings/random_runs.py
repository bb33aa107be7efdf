"""The recorded random runs: the operations once for all kernels, their outcomes for each.

Both are packed lines (see packed.py). The first says what it is. Then each
sequence has a line: [kind, windows, acts] for the operations, and how each of these acts ended for
a kernel. Operations that were recorded are never generated again: all kernels' runs rest on
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as Many
from typing import Any

from devmemkit.lab.fuzz.generate import LIFE, Sequence, sequence
from devmemkit.lab.fuzz.places import PLACES
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_act, decode_ends, encode_act, encode_end
from devmemkit.lab.recordings.machine import ARCHITECTURES, machine_name
from devmemkit.lab.recordings.packed import from_text, pack, to_text, unpack, value
from devmemkit.lab.recordings.recording import Recording, RecordingError, folder, validator
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.machines import LABS
from devmemkit.scenarios.play import Act, needed

SEED = 2026
SEQUENCES = 15 * LIFE
"""Number of generated sequences: enough for 100,000 compared operations on each kernel."""


def where(lab: str) -> str:
    """The file of the operations below the recordings; machines with the same places share it."""
    return f"conform/{PLACES[lab].file}"


def _about(lab: str) -> dict[str, str]:
    first = next(name for name in LABS if PLACES[name].file == PLACES[lab].file)
    return {
        "scenario": "conform",
        "architecture": ARCHITECTURES[LABS[lab].arch],
        "machine": machine_name("conform", first),
    }


def operations(lab: str = "2g") -> bytes:
    """The bytes of the recorded operations; generated if there are none."""
    try:
        return (folder() / where(lab)).read_bytes()
    except FileNotFoundError:
        made = [
            sequence(SEED, index, lab) for index in range(SEQUENCES * PLACES[lab].ops // 100_000)
        ]
        return pack_operations(made, SEED, lab)


def operations_of(recording: Recording) -> list[bytes]:
    """The sequences that a recording rests on, a line each; RecordingError for another file."""
    lab = recording.lab
    try:
        data = recording.beside.get(PLACES[lab].file) or (folder() / where(lab)).read_bytes()
    except OSError as error:
        said = f"expected recorded operations, got: {error.strerror}"
        raise RecordingError(f"{where(lab)}: {said}") from None
    found, wanted = digest(data), recording.content["conform"]["operations"]
    if found != wanted:
        raise RecordingError(
            f"{where(lab)}: expected the bytes that conform/{recording.label}.json rests on "
            f"(SHA-256 {wanted[:12]}...), got others ({found[:12]}...)"
        )
    return lines_of(data, lab)


def digest(data: bytes) -> str:
    """The SHA-256 by which recordings name the file of their operations."""
    return hashlib.sha256(data).hexdigest()


def lines_of(data: bytes, lab: str = "2g") -> list[bytes]:
    """The sequences in a file's bytes, a line each; RecordingError when it is of something else."""
    head, *lines = unpack(data, where(lab)) or [b"null"]
    _same(value(head, where(lab)), {**_about(lab), "sequences": len(lines)}, where(lab))
    return lines


def sequences_of(data: bytes, lab: str = "2g") -> tuple[Sequence, ...]:
    """The sequences in a file's bytes, checked."""
    lines = enumerate(lines_of(data, lab))
    return tuple(decode_sequence(index, line, lab) for index, line in lines)


def ends_of(recording: Recording) -> list[bytes]:
    """How the acts of a recorded run ended, a line a sequence."""
    content, name = recording.content["conform"], f"conform/{recording.label}.json"
    of = f"{name}: outcomes"
    head, *lines = from_text(content["outcomes"], of) or [b"null"]
    run = recording.version, recording.lab, content["operations"]
    wanted = _run_about(*run, len(lines))
    _same(value(head, of), wanted, of)
    said = {"scenario": recording.scenario, **recording.about, **content}
    _same(said, wanted, name)
    return lines


def _run_about(version: str, lab: str, sha256: str, sequences: int) -> dict[str, Any]:
    of = {"machine": machine_name("conform", lab), "kernel": version, "operations": sha256}
    return {**_about(lab), **of, "sequences": sequences}


def _same(found: Any, wanted: dict[str, Any], of: str) -> None:
    """RecordingError unless the wanted facts are among the found ones."""
    said = {name: found.get(name) for name in wanted} if isinstance(found, dict) else found
    if said != wanted:
        raise RecordingError(f"{of}: expected it to be of {wanted}, got {str(said)[:300]!r}")


def pack_operations(made: Many[Sequence], seed: int, lab: str = "2g") -> bytes:
    """The file of these sequences, without the acts' keys, which are their numbers."""
    lines: list[Any] = [{**_about(lab), "seed": seed, "sequences": len(made)}]
    for one in made:
        acts = [encode_act(act) for act in one.acts]
        if [act.pop("key") for act in acts] != [f"a{number}" for number in range(len(acts))]:
            raise ValueError(f"sequence {one.index}: expected acts a0, a1, ..., got other keys")
        lines.append([one.kind, one.windows, acts])
    return pack(lines)


def pack_ends(version: str, lab: str, sha256: str, ends: Many[Any]) -> dict[str, str]:
    """What a recording says of a run besides its summary; `sha256` is that of the operations."""
    head = _run_about(version, lab, sha256, len(ends))
    return {"operations": sha256, "outcomes": to_text([head, *ends])}


def decode_sequence(index: int, line: bytes, lab: str = "2g") -> Sequence:
    """A sequence, checked: its acts are operations of the model and need only earlier acts."""
    of = f"{where(lab)}: sequence {index}"
    match value(line, of):
        case [str(kind), int(windows), list(entries)] if 0 <= windows < PLACES[lab].count:
            known: dict[str, Act] = {}
            for number, entry in enumerate(entries):
                act = _act(entry, f"a{number}")
                if act is None or not known.keys() >= set(needed(act)):
                    raise RecordingError(
                        f"{of}, act {number}: expected an operation of the model with its "
                        f"arguments, which needs earlier acts only; got {str(entry)[:200]!r}"
                    )
                known[act.key] = act
            return Sequence(index, kind, tuple(known.values()), windows)
    raise RecordingError(f"{of}: expected [kind, windows, acts], got {line[:60]!r}")


def _act(entry: Any, key: str) -> Act | None:
    """The act of an entry, None if it is no operation of the model with its arguments."""
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


def decode_performed(acts: Many[Act], line: bytes, of: str) -> Performed:
    """How a sequence ended on the kernel, checked."""
    ends = value(line, of)
    if not isinstance(ends, list) or len(ends) != len(acts):
        raise RecordingError(f"{of}: expected the ends of {len(acts)} acts, got {line[:60]!r}")
    by_key = {act.key: end for act, end in zip(acts, ends, strict=True)}
    check = validator("end")
    for key, end in by_key.items():
        try:
            check(end)
        except ValueError:
            got = f"{str(end)[:60]!r}"
            raise RecordingError(f"{of}, {key}: expected the end of an act, got {got}") from None
    return decode_ends(by_key, {})
