"""What real kernels did, held against the model as `devmemkit conform` does, part by part.

python benchmarks/evidence.py      ends with 1 at the first difference, and says it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from devmemkit.lab.recordings import recheck
from devmemkit.lab.recordings.recording import Recording, recordings
from devmemkit.lab.recordings.replay import findings
from devmemkit.scenarios.machines import label


class Part(NamedTuple):
    """One part of the evidence: what it is, how many outcomes, and what differs, in words."""

    name: str
    compared: int
    differences: tuple[str, ...]


def stories() -> Iterator[Part]:
    """Every recording that keeps what the kernel did: stories first, then the slower kinds."""
    kept = [one for one in recordings(lab="*") if "conform" not in one.content]
    for one in sorted(kept, key=_slowness):
        for found in findings(one):
            name = f"{one.label} {one.scenario} {found.name}"
            yield Part(name, found.compared, found.differences)


def _slowness(recording: Recording) -> int:
    kinds = ("stories", "timeline", "reproducers", "race", "explain")
    return next(at for at, kind in enumerate(kinds) if kind in recording.content)


def random_runs(most: int = 0) -> Iterator[Part]:
    """The recorded random runs, a sequence of every kernel in turn; `most` sequences of each."""
    runs = recordings("conform", lab="*")
    for row in zip_longest(*(recheck.parts(one)[: most or None] for one in runs)):
        for part in filter(None, row):
            judged = recheck.judge_part(part)
            name = f"{label(part.version, part.lab)} random operations, sequence {part.number}"
            yield Part(name, judged.compared, judged.differences)


def main() -> int:
    for parts in (stories(), random_runs()):
        for part in parts:
            if part.differences:
                print(f"{part.name}: {part.differences[0]}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
