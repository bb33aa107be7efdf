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
    """The acts of one task, in order; after the last it ends, or goes on at act number `again`.

    It repeats for ever, or until the act with key `until` succeeds. Outcomes of the acts `keep`
    stay readable for properties; others are dropped once no later act needs them, so that they
    do not multiply the states.
    """

    acts: tuple[Act, ...]
    again: int | None = None
    until: str = ""
    keep: tuple[str, ...] = ()

    @cached_property
    def wanted(self) -> tuple[frozenset[str], ...]:
        """By number of the next act: keys of outcomes that it, a later act or a property needs."""
        after = [{*self.keep, self.until} - {""}]
        for act in reversed(self.acts):
            after.append(after[-1] | set(needed(act)))
        after.reverse()
        looped = after[self.again] if self.again is not None else frozenset()
        return tuple(frozenset(keys | looped) for keys in after)


@dataclass(frozen=True)
class Property:
    """A named property of states; `holds` evaluates it in a state.

    "always" must hold in every state, "at end" in every state in which no task can go on;
    "sometimes" must hold in some state, so that no other property is vacuously true.
    """

    kind: Literal["always", "at end", "sometimes"]
    name: str
    holds: Predicate


@dataclass(frozen=True)
class Concurrent:
    """`programs` by task on `machine`; the tasks of a tuple in `alike` differ only in name.

    They have the same programs and the same start but for their names. No step and no property
    tells them apart or depends on the order of their names: a search may exchange them.
    """

    name: str
    machine: Machine
    programs: dict[str, Program]
    properties: tuple[Property, ...]
    alike: tuple[tuple[str, ...], ...] = ()


def proceed(m: View, task: str, program: Program) -> None:
    """Record the outcome of a task's last operation and begin the next that can be played.

    The component ("program", task) is the number of the current act and the known outcomes by key.
    As in play(), an act that needs one that failed is not played. ValueError for a loop without an
    act that can be played.
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
    """The number of the current act, and the known outcomes by key."""
    at, known = m.get(("program", task), (0, ()))
    return at, dict(known)


def act_at(m: View, task: str, program: Program) -> str:
    """The operation of a task's current act, "" after the last."""
    at = position(m, task)[0]
    return program.acts[at].operation if at < len(program.acts) else ""


def held(m: View, task: str, program: Program) -> list[Act]:
    """The claims of a task that have succeeded and are not released."""
    at, known = position(m, task)
    found = []
    for number, act in enumerate(program.acts):
        if act.operation == "request_mem_region" and act.key in known and known[act.key].ok:
            after = program.acts[number + 1 :]
            release = next((n for n, a in enumerate(after, number + 1) if a.needs == act.key), at)
            if number < at <= release:
                found.append(act)
    return found
