"""Model against kernel: each act's two outcomes, and a verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

from devmemkit.lab.guest.perform import Performed
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import SETTLE, Act, Played, Ref
from devmemkit.scenarios.words import format_outcome, is_handle
from devmemkit.text.columns import columns


class Verdict(Enum):
    """What became of one act."""

    PASSED = "model and kernel ended it alike"
    FAILED = "they ended it differently, or only one of them played it"
    UNDECIDED = "an earlier act could not be carried out in the guest, so the states differ"
    SKIPPED = "not played by either, or it could not be carried out in the guest"


WORST_FIRST = (Verdict.FAILED, Verdict.UNDECIDED, Verdict.SKIPPED, Verdict.PASSED)


class Finding(NamedTuple):
    """One part of a recording: how many outcomes were compared, and what differs, in words."""

    name: str
    verdict: Verdict
    compared: int
    differences: tuple[str, ...]

    @classmethod
    def of(cls, name: str, compared: int, differences: Iterable[str] = ()) -> Self:
        """FAILED with differences, else PASSED."""
        differs = tuple(differences)
        return cls(name, Verdict.FAILED if differs else Verdict.PASSED, compared, differs)


@dataclass(frozen=True, slots=True)
class Row:
    """One act and both outcomes (None: not played); `cannot` says why the guest was unable to.

    `rule` is the model's last step of a divergent act: operation and step, by their names.
    """

    act: Act
    model: Outcome | None
    kernel: Outcome | None
    verdict: Verdict
    cannot: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Comparison:
    """All acts of a story, one row each, in order; `played` is the story on the model."""

    rows: tuple[Row, ...]
    played: Played

    @property
    def divergences(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict is Verdict.FAILED)

    def count(self) -> dict[Verdict, int]:
        """How many acts came to each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def compared(self) -> int:
        """How many acts both sides played from the same state."""
        return sum(row.verdict in (Verdict.PASSED, Verdict.FAILED) for row in self.rows)


def format_comparisons(found: Mapping[str, Comparison]) -> str:
    """One story on several kernels: each act, the model's outcome and the kernel's, the verdict."""
    head = [cell for version in found for cell in (f"model {version}", f"Linux {version}")]
    lines = [["act", "operation", *head, "verdict"]]
    for rows in zip(*(comparison.rows for comparison in found.values()), strict=True):
        act, cells = rows[0].act, list[str]()
        for row in rows:
            cells += shown(act, row.model), row.cannot or shown(act, row.kernel)
        worst = min((row.verdict for row in rows), key=WORST_FIRST.index)
        lines.append([act.key, act.operation, *cells, worst.name])
    return columns(lines)


def compare(played: Played, kernel: Performed) -> Comparison:
    """Compare the outcomes of each act: errno; signal, si_code and faulting address; value."""
    rows = []
    comparable = True
    model = played.outcomes
    for act in played.acts:
        if act.operation == SETTLE:
            continue
        ours, theirs = model.get(act.key), kernel.outcomes.get(act.key)
        cannot = kernel.cannot.get(act.key, "")
        if cannot or (ours is None and theirs is None):
            verdict = Verdict.SKIPPED
        elif not comparable:
            verdict = Verdict.UNDECIDED
        elif ours is not None and theirs is not None and _alike(act, ours, theirs, model, kernel):
            verdict = Verdict.PASSED
        else:
            verdict = Verdict.FAILED
        comparable = comparable and not cannot
        rule = _rule(played, act) if verdict is Verdict.FAILED else ""
        rows.append(Row(act, ours, theirs, verdict, cannot, rule))
    return Comparison(tuple(rows), played)


def _alike(
    act: Act, ours: Outcome, theirs: Outcome, model: dict[str, Outcome], kernel: Performed
) -> bool:
    if ours.ok or theirs.ok:
        return ours.ok and theirs.ok and (act.live or is_handle(act) or ours.value == theirs.value)
    if (ours.errno, ours.signal, ours.si_code) != (theirs.errno, theirs.signal, theirs.si_code):
        return False
    return _place(act, ours, model) == _place(act, theirs, kernel.outcomes)


def _rule(played: Played, act: Act) -> str:
    at = played.moments_of(act.key)
    last = played.moments[at[-1]].event if at else None
    return f"{last.operation}: {last.step}" if last else "not played"


def _place(act: Act, outcome: Outcome, outcomes: dict[str, Outcome]) -> int | None:
    """The faulting address, relative to the mapping that the act refers to."""
    address = act.arguments.get("address")
    if outcome.si_addr is None or not isinstance(address, Ref):
        return outcome.si_addr
    start = outcomes[address.key].value if address.key in outcomes else None
    return outcome.si_addr - start if isinstance(start, int) else outcome.si_addr


def shown(act: Act, outcome: Outcome | None) -> str:
    """An outcome in a table's cell."""
    if outcome is None or (outcome.ok and is_handle(act)):
        return format_outcome(act, outcome)
    return str(outcome)


def format_difference(row: Row) -> str:
    """A difference in one line: both outcomes, and the model's last step."""
    model, kernel = shown(row.act, row.model), shown(row.act, row.kernel)
    return f"{row.act.key} ({row.rule}): the model says {model}, the kernel {kernel}"
