"""Fuzz the readers of `explain` with atheris: whole lines from a grammar, and bytes within them.

    python benchmarks/fuzz_readers.py -runs=10000000 -max_len=350 -rss_limit_mb=1024

atheris is not among the requirements. Every reader either gives what it read or a TextError of one
printable sentence; anything else is a finding, and libFuzzer keeps the input. Which reader gets a
text is said by its first byte. Every million texts it prints how many were accepted.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable

import atheris

with atheris.instrument_imports():
    from devmemkit.explain.description import dump_of
    from devmemkit.explain.stored import description_of
    from devmemkit.text import TextError
    from devmemkit.text.iomem_tree import tree_of
    from devmemkit.text.lspci import parse_lspci
    from devmemkit.text.pci_resource import parse_resource
    from devmemkit.text.release import parse_release
    from devmemkit.text.system_files import parse_config


def read_dump(text: str) -> object:
    """A dump, and the tree that it becomes."""
    dump = dump_of(text.encode("utf-8", "surrogateescape"), "x")
    return tree_of(dump, root_end=(1 << 64) - 1)


def read_snapshot(text: str) -> object:
    """The same text as every file of a snapshot."""
    return description_of(dict.fromkeys(("snapshot.json", "pci.json"), text), "x")


READERS: tuple[Callable[[str], object], ...] = (
    read_dump,
    parse_lspci,
    parse_resource,
    parse_config,
    parse_release,
    read_snapshot,
)
NUMBER = ("0", "1000", "9ffff", "fe900000", "4000000000", "ffffffffffffffff")
ROW = "0x{:016x} 0x{:016x} 0x{:016x}"
GRAMMAR: tuple[tuple[str, ...], ...] = (
    (
        "00001000-0009ffff : System RAM",
        "fe000000-fe0fffff : PCI Bus 0000:00",
        "  fe000000-fe003fff : 0000:03:00.0",
        "    fe000000-fe003fff : e1000",
        "100000000-17fffffff : System RAM",
        "> 000a0000-000bffff : PCI Bus 0000:00",
        "\u00a0\u00a0fee00000-fee00fff : Local APIC\r",
        "fd00000000-ffffffffff : Reserved",
    ),
    (
        "00:02.0 VGA compatible controller: A (rev 01)",
        "10000:e0:06.0 PCI bridge [0604]: B [8086:9a09]",
        "\tRegion 0: Memory at fe900000 (32-bit, non-prefetchable) [size=128K]",
        "\tRegion 2: I/O ports at d000 [size=32]",
        "\tRegion 4: Memory at <unassigned> (64-bit, prefetchable) [size=1G]",
        "\tRegion 1: Memory at <ignored> (32-bit, non-prefetchable)",
        "\tExpansion ROM at fe920000 [virtual] [disabled] [size=256K]",
        "\tCapabilities: <access denied>",
        "\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)",
        "\t\tRegion 0: Memory at 00000000fea00000 (64-bit, non-prefetchable)",
        "\tKernel driver in use: e1000e",
        "00: 86 80 d3 10 07 04 10 00",
    ),
    (ROW.format(0xFE000000, 0xFE003FFF, 0x40200), ROW.format(0, 0, 0)),
    ("CONFIG_STRICT_DEVMEM=y", "# CONFIG_IO_STRICT_DEVMEM is not set", "CONFIG_X86=y"),
    ("6.8.0-45-generic", "Linux version 5.10.0-30-amd64 (a@b)", "7.3"),
    (
        '{"release": "6.12", "root": true}',
        '{"phys_bits": 39, "lockdown": "none"}',
        '{"0000:03:00.0": {"resource": ""}}',
        '{"0000:03:00.0": {}}',
        "{}",
    ),
)
LINES = (6, 7, 7, 4, 1, 1)
"""Lines that a new text of each reader has at most."""
EVERY = 1_000_000
seen: Counter[tuple[str, bool]] = Counter()


def written(chance: random.Random, reader: int) -> bytes:
    """A text from the grammar alone."""
    lines = [chance.choice(GRAMMAR[reader]) for _ in range(chance.randint(1, LINES[reader]))]
    if reader == 1:
        lines.insert(0, GRAMMAR[1][0])
    if reader == 2:
        lines = [chance.choice(GRAMMAR[2]) for _ in range(chance.choice((6, 6, 7)))]
    return "\n".join(lines).encode()


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Change whole lines; one time in four also bytes or a number within one."""
    chance = random.Random(seed)
    if not data or chance.random() < 0.3:
        reader = chance.randrange(len(READERS))
        return (bytes([reader]) + written(chance, reader))[:most]
    reader = data[0] % len(READERS)
    lines = data[1:].split(b"\n")
    at = chance.randrange(len(lines))
    act = chance.random()
    if act < 0.3:
        lines.insert(at, chance.choice(GRAMMAR[reader]).encode())
    elif act < 0.5:
        lines[at] = chance.choice(GRAMMAR[reader]).encode()
    elif act < 0.6:
        del lines[at]
    elif act < 0.75:
        lines[at:at] = lines[at : at + 3]
    elif act < 0.9:
        words = lines[at].split(b"-")
        words[chance.randrange(len(words))] = chance.choice(NUMBER).encode()
        lines[at] = b"-".join(words)
    else:
        lines[at] = atheris.Mutate(lines[at], len(lines[at]) + 8)
    return (bytes([reader]) + b"\n".join(lines))[:most]


def one(data: bytes) -> None:
    """Read one text: accepted, or refused by one printable sentence."""
    if not data:
        return
    reader = READERS[data[0] % len(READERS)]
    text = data[1:].decode("utf-8", "surrogateescape")
    try:
        reader(text)
    except TextError as error:
        seen[reader.__name__, False] += 1
        if not str(error).isprintable():
            raise AssertionError(f"not printable: {error!r}") from None
    else:
        seen[reader.__name__, True] += 1
    if seen.total() % EVERY == 0:
        told()


def told() -> None:
    """Print the counts."""
    for reader in READERS:
        name = reader.__name__
        accepted, refused = seen[name, True], seen[name, False]
        print(f"{name}: {accepted + refused:,} texts, {accepted:,} accepted")
    total = sum(seen.values())
    accepted = sum(count for (_, good), count in seen.items() if good)
    print(f"all: {total:,} texts, {accepted / max(total, 1):.1%} accepted", flush=True)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()
