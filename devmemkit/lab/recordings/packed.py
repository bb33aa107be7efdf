"""Many JSON values in few bytes: a line each, compressed as one xz stream.

Another version of the library may pack the same lines into other bytes, so a digest is of the
packed bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import lzma
from collections.abc import Callable, Iterable
from typing import Any

from devmemkit.lab.recordings.manifest import RecordingError

LIMIT = 64 << 20
"""Maximum size of all lines in bytes."""
MEMORY = 128 << 20
"""Bytes of memory that unpacking may take."""

PACKED = (
    ("explain", "boots"),
    ("race", "trials"),
    ("race", "touches"),
    ("race", "costs"),
    ("timeline", "initcalls"),
)
"""The long lists of a recording, which are packed in its file: its part, and the name in there.
The schema has a definition of that name."""


def pack(values: Iterable[Any]) -> bytes:
    """The values, a line each."""
    lines = (json.dumps(value, separators=(",", ":")) + "\n" for value in values)
    text = "".join(lines).encode()
    window = min(max(len(text), 1 << 12), LIMIT)  # a larger one costs memory without use
    best = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": window}
    return lzma.compress(text, filters=[best])


def unpack(data: bytes, where: str) -> list[bytes]:
    """The lines; RecordingError unless it is one whole stream of at most LIMIT bytes."""
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


def to_text(values: Iterable[Any]) -> str:
    """The values as pack() has them, in base64."""
    return base64.b64encode(pack(values)).decode("ascii")


def from_text(text: str, where: str) -> list[bytes]:
    """The lines in what to_text() made; RecordingError as in unpack()."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordingError(f"{where}: expected base64, got: {error}") from None
    return unpack(data, where)


def with_text(content: dict[str, Any]) -> dict[str, Any]:
    """The content as a file has it: each list of PACKED as to_text() has it."""
    return _changed(content, lambda rows, _: to_text(rows))


def with_rows(content: dict[str, Any], where: str) -> dict[str, Any]:
    """The content that with_text() was given; RecordingError as in unpack() and value()."""

    def rows(text: str, name: str) -> list[Any]:
        at = f"{where}: {name}"
        return [value(line, at) for line in from_text(text, at)]

    return _changed(content, rows)


def _changed(content: dict[str, Any], change: Callable[[Any, str], Any]) -> dict[str, Any]:
    made = dict(content)
    for part, name in PACKED:
        if name in made.get(part, ()):
            made[part] = made[part] | {name: change(made[part][name], name)}
    return made


def value(line: bytes, where: str) -> Any:
    """The value of a line; RecordingError when it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{where}: expected JSON, got: {error}") from None
