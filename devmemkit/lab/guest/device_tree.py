"""A flattened device tree, and one more node in it."""

from __future__ import annotations

import struct

MAGIC, VERSION = 0xD00DFEED, 17
BEGIN_NODE, END_NODE, PROPERTY, END = 1, 2, 3, 9
NAMES = b"compatible\0reg\0"


def with_region(tree: bytes, compatible: str, start: int, size: int) -> bytes:
    """The tree with a node at its root that describes a region of memory.

    Its addresses and sizes have 64 bits. ValueError for another format. Source: the Devicetree
    Specification 0.4, chapter 5.
    """
    if len(tree) < 40 or struct.unpack_from(">I", tree)[0] != MAGIC:
        raise ValueError("device tree: expected a flattened one, got another file")
    _, _, structure, strings, reserved, version, last, cpu, named, size_of = struct.unpack_from(
        ">10I", tree
    )
    ends = struct.pack(">II", END_NODE, END)
    nodes = tree[structure : structure + size_of]
    if version != VERSION:
        raise ValueError(f"device tree: expected one of version {VERSION}, got {version}")
    if not nodes.endswith(ends):
        raise ValueError("device tree: expected the end of its root last, got another")
    names = tree[strings : strings + named] + NAMES
    words = f"{compatible}\0".encode()
    node = (
        struct.pack(">I", BEGIN_NODE)
        + _padded(f"{compatible}@{start:x}\0".encode())
        + struct.pack(">III", PROPERTY, len(words), named)
        + _padded(words)
        + struct.pack(">IIIQQ", PROPERTY, 16, named + NAMES.index(b"reg"), start, size)
        + struct.pack(">I", END_NODE)
    )
    nodes = nodes.removesuffix(ends) + node + ends
    if not (behind := [at for at in (structure, strings) if at > reserved]):
        raise ValueError("device tree: expected its reservations before its nodes, got them last")
    memory = tree[reserved : min(behind)]
    first = 40 + len(memory)
    offsets = first, first + len(nodes), 40
    whole = memory + nodes + names
    sizes = len(names), len(nodes)
    return struct.pack(">10I", MAGIC, 40 + len(whole), *offsets, VERSION, last, cpu, *sizes) + whole


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 4)
