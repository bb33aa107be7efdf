"""What real kernels did, held against the model as `devmemkit conform` does, part by part.

    python benchmarks/evidence.py RANDOM      ends with 1 at the first difference, and says it

RANDOM is a file of digests of random sequences' outcomes, made here where there is none.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devmemkit.lab.compare import is_handle
from devmemkit.lab.fuzz.generate import sequence
from devmemkit.lab.fuzz.player import machine
from devmemkit.lab.recordings.manifest import RECORDED
from devmemkit.lab.recordings.record import OPS, SEED
from devmemkit.lab.recordings.recording import Recording, recordings
from devmemkit.lab.recordings.replay import findings
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.story import Act, Played, Ref, play

SEQUENCES = OPS // 360
"""About as many sequences as were played on each kernel."""


class Part(NamedTuple):
    """One part of the evidence: what it is, how many outcomes, and what differs, in words."""

    name: str
    compared: int
    differences: tuple[str, ...]


def stories() -> Iterator[Part]:
    """Every recording that keeps what the kernel did: stories first, then the slower kinds."""
    kept = [one for one in recordings() if "conform" not in one.content]
    for one in sorted(kept, key=_slowness):
        for found in findings(one):
            name = f"{one.version} {one.scenario} {found.name}"
            yield Part(name, found.compared, found.differences)


def _slowness(recording: Recording) -> int:
    kinds = ("stories", "timeline", "reproducers", "race", "explain")
    return next(at for at, kind in enumerate(kinds) if kind in recording.content)


def random_runs(count: int = SEQUENCES, known: dict[str, str] | None = None) -> Iterator[Part]:
    """The random runs of the recordings, each sequence on every kernel.

    The recordings keep their summaries alone: on no kernel did any outcome differ from the model's.
    So `known`, digests that a model without divergences gave, stand for what the kernels did.
    """
    machines = {version: machine(KernelProfile(version)) for version in RECORDED}
    for index in range(count):
        acts = sequence(SEED, index).acts
        for version, before in machines.items():
            played = play(before, acts)
            name, found = f"{version} random {index}", digest(played)
            differs = known is not None and known[name] != found
            yield Part(name, len(played.outcomes), (found,) if differs or known is None else ())


def digest(played: Played) -> str:
    """Of each act's outcome, as far as a comparison with a kernel looks at it."""
    seen = [[act.key, *_compared(act, played)] for act in played.acts if act.key in played.outcomes]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def _compared(act: Act, played: Played) -> list[object]:
    found = played.outcomes[act.key]
    if found.ok:
        return [None if act.live or is_handle(act) else repr(found.value)]
    at, address = found.si_addr, act.arguments.get("address")
    if isinstance(address, Ref) and at is not None:
        at -= played.outcomes[address.key].value
    return [found.errno, found.signal, found.si_code, at, found.bug]


def main(path: Path) -> int:
    known = json.loads(path.read_text()) if path.exists() else None
    if known is None:
        path.write_text(json.dumps({p.name: p.differences[0] for p in random_runs()}))
        return 0
    for parts in (stories(), random_runs(known=known)):
        for part in parts:
            if part.differences:
                print(f"{part.name}: {part.differences[0]}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
