"""Play a story: operations of several actors in order, and every state in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import devmemkit.model.operations  # noqa: F401 - registers every operation
from devmemkit.model.errors import Outcome
from devmemkit.model.machine import Machine
from devmemkit.model.step import Event, finished, start, steps_of


@dataclass(frozen=True)
class Act:
    """One operation of a story: `key` names its outcome, `actor` does it.

    An argument that is a Ref is the value of an earlier act; `says` is the act in words.
    The operation SETTLE lets time pass until no act waits.
    """

    key: str
    actor: str
    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    says: str = ""
    needs: str = ""
    """Key of an act that must succeed, or this one is not played."""
    live: bool = False
    """The value comes from a device, not from memory, so the model does not know it."""


SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of an earlier act, plus an offset."""

    key: str
    plus: int = 0


def processes(acts: tuple[Act, ...]) -> list[str]:
    """The processes of a story that no fork makes."""
    made = {act.arguments["child"] for act in acts if act.operation == "fork"}
    return sorted({act.arguments["pid"] for act in acts if "pid" in act.arguments} - made)


@dataclass(frozen=True, slots=True)
class Moment:
    """The machine after one event of one act (index into the story's acts)."""

    act: int
    event: Event
    machine: Machine


@dataclass(frozen=True)
class Played:
    """A played story: its acts, its moments, and the outcomes by key of the act."""

    acts: tuple[Act, ...]
    before: Machine
    moments: tuple[Moment, ...]
    outcomes: dict[str, Outcome]

    def act(self, key: str) -> Act:
        """The act of that key; KeyError when the story has none."""
        return {act.key: act for act in self.acts}[key]

    def moments_of(self, key: str) -> list[int]:
        """Indices of the moments of an act; empty when it was not played."""
        act = self.acts.index(self.act(key))
        return [index for index, moment in enumerate(self.moments) if moment.act == act]

    def after(self, key: str) -> Machine:
        """The machine after the last step of an act, or before the story if it was not played."""
        at = self.moments_of(key)
        return self.moments[at[-1]].machine if at else self.before

    def steps(self, key: str) -> list[str]:
        """The names of the atomic steps that an act took, in order."""
        return [self.moments[index].event.step for index in self.moments_of(key)]


def play(machine: Machine, acts: tuple[Act, ...], known: Mapping[str, Outcome] = {}) -> Played:
    """Play the acts in order; an act that waits goes on once it can, at the latest at the end.

    An act that needs one that failed is not played and has no outcome. `known` are the outcomes of
    acts that were played before these.
    """
    before = machine
    moments: list[Moment] = []
    outcomes = dict(known)
    waiting: list[int] = []

    def go_on(index: int, machine: Machine, *, may_wait: bool) -> Machine:
        actor = acts[index].actor
        for after, event in steps_of(machine, actor, may_wait=may_wait):
            moments.append(Moment(index, event, after))
            machine = after
        if finished(machine, actor):
            outcomes[acts[index].key] = machine["outcome", actor]
        elif index not in waiting:
            waiting.append(index)
        return machine

    def settle(machine: Machine, *, may_wait: bool) -> Machine:
        for index in [w for w in waiting if acts[w].key not in outcomes]:
            machine = go_on(index, machine, may_wait=may_wait)
        return machine

    for index, act in enumerate(acts):
        if act.operation == SETTLE:
            machine = settle(machine, may_wait=False)
        elif can_play(act, outcomes):
            machine = start(machine, act.actor, act.operation, **filled(act, outcomes))
            machine = settle(go_on(index, machine, may_wait=True), may_wait=True)
    settle(machine, may_wait=False)
    return Played(acts, before, tuple(moments), outcomes)


def needed(act: Act) -> list[str]:
    """Keys of the acts that must succeed, or this one is not played."""
    refs = [value.key for value in act.arguments.values() if isinstance(value, Ref)]
    return [*refs, act.needs] if act.needs else refs


def without(acts: tuple[Act, ...], keys: set[str]) -> tuple[Act, ...]:
    """The acts without those of `keys`, and without all that need their value or process."""
    gone, nobody = set(keys), set()
    kept = []
    for act in acts:
        if gone & {act.key, *needed(act)} or act.arguments.get("pid") in nobody:
            gone.add(act.key)
            nobody |= {act.arguments["child"]} if act.operation == "fork" else set()
        else:
            kept.append(act)
    return tuple(kept)


def can_play(act: Act, outcomes: dict[str, Outcome]) -> bool:
    """Whether every act that this one needs has succeeded."""
    return all(key in outcomes and outcomes[key].ok for key in needed(act))


def filled(act: Act, outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """The act's arguments, each Ref replaced by its value."""
    return {
        name: outcomes[value.key].value + value.plus if isinstance(value, Ref) else value
        for name, value in act.arguments.items()
    }
