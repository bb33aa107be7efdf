"""Untrusted names of dumps, made safe to print on a terminal."""

from __future__ import annotations


def printable(name: str) -> str:
    """Return `name` with controls, escapes and undecodable bytes spelled out, safe to print."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else _spelled(ord(c)) for c in name)


def _spelled(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
