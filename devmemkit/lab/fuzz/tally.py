"""Counts of a random run: operations by outcome, and which were rare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.words import format_ending

Pairs = Counter[tuple[str, str]]
"""How often each (operation, outcome) came up."""

RARE = 20
"""A pair that came up less often is not well tested."""


def ending(outcome: Outcome | None) -> str:
    """How an act ended: "ok", its errno, its signal and si_code, or "not played"."""
    if outcome is None:
        return "not played"
    word = format_ending(outcome)
    return f"{word}/{outcome.si_code}" if outcome.signal else word


def pairs(acts: Iterable[Act], outcomes: Mapping[str, Outcome]) -> Pairs:
    """The pairs of all acts that were played."""
    played = (act for act in acts if act.key in outcomes)
    return Counter((act.operation, ending(outcomes[act.key])) for act in played)


def rare(seen: Pairs, possible: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The possible pairs that came up fewer than RARE times, with their counts."""
    return {pair: seen[pair] for pair in sorted({*possible, *seen}) if seen[pair] < RARE}


def line(act: Act) -> str:
    """An act as a line, such as "a3 P load address=a2+0x10 size=8"."""
    shown = (f"{name}={_shown(value)}" for name, value in act.arguments.items() if name != "pid")
    pid = act.arguments.get("pid", act.actor)
    who = act.actor if pid == act.actor else f"{act.actor} on {pid}"
    needs = f" (needs {act.needs})" if act.needs else ""
    return " ".join([act.key, who, act.operation, *shown]) + needs


def _shown(value: object) -> str:
    if isinstance(value, Ref):
        return f"{value.key}+{value.plus:#x}" if value.plus else value.key
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#x}"
    return repr(value)
