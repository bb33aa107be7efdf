"""A race: programs of several tasks on one machine, and the properties asked of every order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from devmemkit.model.errors import Outcome
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import begin
from devmemkit.scenarios.play import Act, can_play, filled, needed

Known = dict[str, Outcome]
Predicate = Callable[[View], bool]


@dataclass(frozen=True)
class Program:
    """Acts in order, all of one task; after the last it ends, or goes on at act number `again`.

    It goes on for ever, or with `until` as long as the act of that key failed.
    `keep` are keys of acts whose outcomes are for properties to read; others are forgotten as soon
    as no later act needs them, so that what no longer matters makes no state.
    """

    acts: tuple[Act, ...]
    again: int | None = None
    until: str = ""
    keep: frozenset[str] = frozenset()

    @cached_property
    def wanted(self) -> tuple[frozenset[str], ...]:
        """By the number of the next act: keys that it or a later one needs, or a property reads."""
        after = [self.keep | {self.until} - {""}]
        for act in reversed(self.acts):
            after.append(after[-1] | set(needed(act)))
        after.reverse()
        looped = after[self.again] if self.again is not None else frozenset()
        return tuple(frozenset(keys | looped) for keys in after)


@dataclass(frozen=True)
class Property:
    """A question about states, by name; `holds` reads a state.

    "always" must hold in every state, "at end" in every state in which nobody can go on;
    "sometimes" must hold in some state, lest another holds for want of anything to happen.
    """

    kind: Literal["always", "at end", "sometimes"]
    name: str
    holds: Predicate


@dataclass(frozen=True)
class Concurrent:
    """`programs` by task, on `machine`; tasks of one tuple in `alike` differ in name alone."""

    name: str
    machine: Machine
    programs: dict[str, Program]
    properties: tuple[Property, ...]
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def loops(self) -> bool:
        """Whether a task goes on for ever."""
        return any(program.again is not None for program in self.programs.values())


def proceed(m: View, task: str, program: Program) -> None:
    """Between two operations of a task: note how the last ended, begin the next that can be played.

    The component ("program", task) is the number of the act at work, and the outcomes known, by
    key. An act that needs one that failed, or was not played, is left out, as in play(). ValueError
    for a loop of which no act can be played.
    """
    at, known = position(m, task)
    outcome = m.get(("outcome", task))
    if outcome is not None:
        known[program.acts[at].key] = outcome
        m["outcome", task] = None
        at += 1
    turns = 0
    while at < len(program.acts) or program.again is not None:
        if at == len(program.acts):
            if program.until in known and known[program.until].ok:
                break
            at, turns = program.again or 0, turns + 1
            if turns > 1:
                raise ValueError(f"{task}: expected a loop with an act that can be played")
        act = program.acts[at]
        if can_play(act, known):
            begin(m, task, act.operation, filled(act, known))
            break
        known.pop(act.key, None)  # of an earlier turn
        at += 1
    kept = sorted((key, known[key]) for key in known.keys() & program.wanted[at])
    m["program", task] = (at, tuple(kept))


def position(m: View, task: str) -> tuple[int, Known]:
    """The number of the act at work, and the outcomes that are known."""
    at, known = m.get(("program", task), (0, ()))
    return at, dict(known)


def act_at(m: View, task: str, program: Program) -> str:
    """The operation that a task is in, or "" behind its last."""
    at = position(m, task)[0]
    return program.acts[at].operation if at < len(program.acts) else ""


def held(m: View, task: str, program: Program) -> list[Act]:
    """The claims of a task that have succeeded and whose release, if there is one, is not over."""
    at, known = position(m, task)
    found = []
    for number, act in enumerate(program.acts):
        if act.operation == "request_mem_region" and act.key in known and known[act.key].ok:
            after = program.acts[number + 1 :]
            release = next((n for n, a in enumerate(after, number + 1) if a.needs == act.key), at)
            if number < at <= release:
                found.append(act)
    return found
