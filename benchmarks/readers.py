"""How fast a dump of a million lines is read, and in how much memory, beside a plain loop.

    python benchmarks/readers.py [--lines N]

The peer splits each line into its numbers and its name, and finds no parent, no repair and no
fault: what is the least that reading can be in Python. Both are run in turn, five times, each in a
process of its own. The dump is synthetic: bridges, devices in them, and a claim in every second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5
MEASURE = """
import resource, sys, time
text = open(sys.argv[1], "rb").read()
began = time.perf_counter()
{read}
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
OURS = """
from devmemkit.text.iomem import parse
kept = parse(text)
"""
PEER = """
kept = []
for line in text.decode().splitlines():
    where, _, name = line.partition(" : ")
    start, _, end = where.partition("-")
    kept.append((int(start, 16), int(end, 16), name, len(start) - len(start.lstrip())))
"""


def dump(lines: int) -> str:
    """A dump of so many lines."""
    made: list[str] = []
    at = 0x10_0000
    while len(made) < lines:
        made += (
            f"{at:08x}-{at + 0xFFFF:08x} : PCI Bus 0000:00",
            f"  {at:08x}-{at + 0x3FFF:08x} : 0000:00:03.0",
            f"    {at:08x}-{at + 0x3FFF:08x} : e1000",
            f"  {at + 0x4000:08x}-{at + 0x7FFF:08x} : 0000:00:04.0",
        )
        at += 0x10000
    return "\n".join(made[:lines]) + "\n"


def run(read: str, path: Path) -> tuple[float, float]:
    """Seconds and MiB of one run."""
    command = [sys.executable, "-c", MEASURE.format(read=read), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, kib = map(float, done.stdout.split())
    return seconds, kib / 1024


def main() -> None:
    """Print a line for each reader, and the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "iomem"
        path.write_text(dump(lines))
        print(f"{lines:,} lines, {path.stat().st_size / 1e6:.1f} MB")
        found: dict[str, list[tuple[float, float]]] = {"devmemkit": [], "plain loop": []}
        for _ in range(RUNS):
            found["devmemkit"].append(run(OURS, path))
            found["plain loop"].append(run(PEER, path))
    for name, runs in found.items():
        seconds = [one for one, _ in runs]
        most = max(memory for _, memory in runs)
        print(
            f"{name:11} {min(seconds):6.2f} {statistics.median(seconds):6.2f} "
            f"{max(seconds):6.2f} s (min, median, max), {most:.0f} MiB at most"
        )
    ours, peer = (statistics.median(s for s, _ in runs) for runs in found.values())
    print(f"ratio of the medians: {ours / peer:.1f}")


if __name__ == "__main__":
    main()
