"""Small operations and scenarios whose states can be counted by hand."""

from __future__ import annotations

from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Frame, Next, Return, lock, operation, unlock
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property


def read_count(m: View, f: Frame) -> Next:
    f.seen = m["count"]
    return None


def write_count(m: View, f: Frame) -> Next:
    m["count"] = f.seen + 1
    return Return(f.seen)


def take_first(m: View, f: Frame) -> Next:
    lock(m, f, f.first)
    return None


def take_second(m: View, f: Frame) -> Next:
    lock(m, f, f.second)
    return None


def drop(m: View, f: Frame) -> Next:
    unlock(m, f, f.first)
    return None


def think(m: View, f: Frame) -> Next:
    """A step that accesses only its own frame."""
    f.thought = f.thought + 1
    return think if f.thought < f.times else None


operation("toy_add", read_count, write_count)
operation("toy_locks", take_first, take_second, drop, needs=("first", "second"))
operation("toy_think", think, read_count, write_count, times=3, thought=0)


def scenario(
    *names: str, properties: tuple[Property, ...] = (), alike: bool = True, **arguments: object
) -> Concurrent:
    """Tasks T0, T1, ... that each do one operation."""
    programs = {
        f"T{number}": Program((Act("act", f"T{number}", name, dict(arguments)),))
        for number, name in enumerate(names)
    }
    groups = (tuple(programs),) if alike else ()
    machine = Machine(KernelProfile("6.12"), {"count": 1, "clock": 0})
    return Concurrent("toy", machine, programs, properties, groups)
