"""Concurrent scenarios: tasks with programs on one machine, and what is asked of every order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from devmemkit.model.machine import Machine, View
from devmemkit.scenarios.races.program import Program

Predicate = Callable[[View], bool]


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
