"""`devmemkit conform --live`: random operation sequences on a real kernel, beside the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from devmemkit.lab.compare import Comparison, Verdict, compare
from devmemkit.lab.fuzz.generate import LIFE, Sequence, sequences
from devmemkit.lab.fuzz.live import Live, ending, signature
from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act, Played, play

EVERY = 5.0
"""Seconds between two lines of progress."""
RARE = 20
"""An operation that ended in one way less often than this is not well tested."""

Pairs = Counter[tuple[str, str]]
"""How often each (operation, outcome) came up."""


def pairs(acts: Iterable[Act], outcomes: Mapping[str, Outcome]) -> Pairs:
    """The pairs of all acts that were played."""
    played = (act for act in acts if act.key in outcomes)
    return Counter((act.operation, ending(outcomes[act.key])) for act in played)


@dataclass
class Conformance:
    """The result of a live comparison, as far as it went; `ops` is the number of compared acts."""

    kernel: str
    release: str
    seed: int
    wanted: int
    ops: int = 0
    sequences: int = 0
    boots: int = 0
    seconds: float = 0.0
    complete: bool = False
    ended: str = ""
    verdicts: Counter[str] = field(default_factory=Counter)
    seen: Pairs = field(default_factory=Counter)
    possible: Pairs = field(default_factory=Counter)
    divergences: list[dict[str, Any]] = field(default_factory=list)

    def add(self, played: Played, performed: Performed, found: Comparison) -> None:
        """Count one sequence."""
        self.sequences += 1
        self.ops += found.compared
        self.verdicts.update(row.verdict.name for row in found.rows)
        passed = [row.act for row in found.rows if row.verdict is Verdict.PASSED]
        self.seen += pairs(passed, performed.outcomes)
        self.possible += pairs(played.acts, played.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """The summary as a recording keeps it."""
        names = ("kernel", "release", "seed", "wanted", "ops", "sequences", "boots")
        known = {*self.possible, *self.seen}
        return {
            **{name: getattr(self, name) for name in (*names, "complete", "ended", "divergences")},
            "seconds": round(self.seconds, 1),
            "verdicts": {verdict.name: self.verdicts[verdict.name] for verdict in Verdict},
            "pairs": _table(self.seen),
            "rare": _table({pair: self.seen[pair] for pair in known if self.seen[pair] < RARE}),
        }


def _table(counts: dict[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Counts by operation, then by outcome."""
    table: dict[str, dict[str, int]] = {}
    for (operation, outcome), number in sorted(counts.items()):
        table.setdefault(operation, {})[outcome] = number
    return table


Keep = Callable[[Sequence, Performed], None]


def conform(
    kernel: Kernel,
    seed: int,
    ops: int,
    progress: Progress,
    *,
    lab: str = "2g",
    recorded: tuple[Sequence, ...] = (),
    keep: Keep | None = None,
) -> Conformance:
    """Compare `ops` random operations on a kernel with the model, and shrink each difference.

    `lab` is a name of LABS. The `recorded` sequences replace the seed's first ones. `keep` gets
    each sequence and how it ended in the guest. After an interrupt or a failed guest the result
    has what was found so far, `complete` False. ValueError for arguments out of range.
    """
    if ops < 1:
        raise ValueError(f"ops: expected at least 1, got {ops}")
    if seed < 0:
        raise ValueError(f"seed: expected a number from 0, got {seed}")
    result = Conformance(kernel.version, kernel.release, seed, ops)
    began = time.monotonic()
    coming = sequences(seed, recorded, lab)
    with closing(Live(kernel, progress, lab)) as live:
        try:
            _play(live, coming, result, keep)
            _imagine(live, coming, result)
            result.complete = True
        except KeyboardInterrupt:
            result.ended = "interrupted"
        except GuestError as error:
            result.ended = f"after {result.sequences} sequences: {error}"
    result.boots = live.boots
    result.seconds = time.monotonic() - began
    return result


def _play(live: Live, coming: Iterator[Sequence], result: Conformance, keep: Keep | None) -> None:
    known: dict[tuple[str, str, str], dict[str, Any]] = {}
    said = time.monotonic()
    while result.ops < result.wanted:
        made = next(coming)
        if made.index % LIFE == 0:
            live.close()
        performed = live.perform(made.acts, made.windows)
        played = play(live.before, made.acts)
        found = compare(played, performed)
        result.add(played, performed, found)
        if keep is not None:
            keep(made, performed)
        if found.divergences:
            row = found.divergences[0]  # the others may be its effects
            if signature(row) not in known:
                known[signature(row)] = {"times": 0, **live.smallest(made, row)}
                result.divergences.append(known[signature(row)])
            known[signature(row)]["times"] += 1
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            live.progress(
                f"{result.ops} of {result.wanted} operations, {made.index + 1} sequences, "
                f"{len(result.divergences)} divergences"
            )


def _imagine(live: Live, coming: Iterator[Sequence], result: Conformance) -> None:
    """Play as many sequences again on the model alone, to learn which outcomes are possible."""
    live.progress("what else the model can produce")
    least, played = result.sequences + LIFE, 0
    for made in coming:
        outcomes = play(live.before, made.acts).outcomes
        played += len(outcomes)
        result.possible += pairs(made.acts, outcomes)
        if played >= result.ops and made.index >= least:
            return


def report(summary: dict[str, Any]) -> str:
    """A summary (Conformance.to_dict) as text."""
    state = "" if summary["complete"] else f" of {summary['wanted']} ({summary['ended']})"
    lines = [
        f"Linux {summary['kernel']} ({summary['release']}), seed {summary['seed']}: "
        f"{summary['ops']} operations{state} in {summary['sequences']} sequences, "
        f"{summary['boots']} boots, {summary['seconds']:.0f} s",
        ", ".join(f"{name} {number}" for name, number in summary["verdicts"].items()),
    ]
    for operation, outcomes in summary["rare"].items():
        for outcome, number in outcomes.items():
            lines.append(f"  rare: {operation} {outcome} came up {number} times")
    for one in summary["divergences"]:
        lines += ["", f"divergence in {one['operation']} ({one['rule']}), {one['times']} times:"]
        lines += [f"  {act}" for act in one["acts"]]
        lines.append(f"  the model says {one['model']}, the kernel {one['kernel']}")
    lines.append(f"{len(summary['divergences'])} divergences")
    return "\n".join(lines)
