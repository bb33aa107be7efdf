"""Many JSON values packed into few bytes: a line each, compressed as one xz stream.

Nothing in a packed file is trusted: it is unpacked within bounds, and each line is checked by who
reads it. Whoever names such a file names the digest of its bytes: packed again, by another version
of the library, the same lines may become other bytes.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from typing import Any

from devmemkit.lab.recordings.recording import RecordingError

LIMIT = 64 << 20
"""Bytes of all lines, at most."""
MEMORY = 128 << 20
"""Bytes that unpacking may take besides."""


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
        text = stream.decompress(data, LIMIT + 1)
    except (lzma.LZMAError, MemoryError) as error:
        raise RecordingError(f"{where}: expected an xz stream, got: {error}") from None
    if len(text) > LIMIT:
        raise RecordingError(f"{where}: expected at most {LIMIT} bytes when unpacked, got more")
    if not stream.eof or stream.unused_data:
        got = "more behind it" if stream.eof else "its beginning"
        raise RecordingError(f"{where}: expected one whole xz stream, got {got}")
    return text.splitlines()


def value(line: bytes, where: str) -> Any:
    """The value of a line."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{where}: expected JSON, got: {error}") from None
