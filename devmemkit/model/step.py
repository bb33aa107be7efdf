"""Operations and how they run: one definition for running, exploring and comparing.

An operation is a short tuple of atomic steps. A step is a function of a View and of the operation's
Frame; another CPU may act between two steps. A step returns what comes next:

    None                the next step; after the last one the operation is done
    another step        of the same operation (a loop or a branch)
    Return(value)       the operation is done
    Call(name, args)    another operation first, then the next step, or `then`; the step `catch`
                        handles its failure; a call from the last step returns its outcome

A step that raises KernelError, KernelBug or Trap ends the operation. A step that raises Blocked
cannot run yet; with `until`, it can at that tick of the clock. In both cases all that it wrote is
dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from devmemkit.model.errors import Blocked, KernelBug, KernelError, Outcome, Trap
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View


class Frame(SimpleNamespace):
    """An operation in progress: `operation`, `at` (index of the next step), `actor`, `held` locks.

    Arguments and locals are further attributes; all values are hashable.
    """


@dataclass(frozen=True, slots=True)
class Return:
    value: Any = 0


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    then: Step | None = None
    catch: Step | None = None


class Event(NamedTuple):
    """One step of an actor in an operation; `outcome` is None except after the last step."""

    actor: str
    operation: str
    step: str
    outcome: Outcome | None


Step = Callable[[View, Frame], "Next"]
Next = Return | Call | Step | None
Steps = Callable[[KernelProfile], tuple[Step, ...]]


@dataclass(frozen=True)
class Operation:
    """A kernel action; `steps` gives its steps under a kernel profile.

    Arguments in `needs` are required, those in `defaults` optional.
    """

    name: str
    steps: Steps
    needs: tuple[str, ...]
    defaults: dict[str, Any]


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str,
    /,
    *steps: Step,
    choose: Steps | None = None,
    needs: tuple[str, ...] = (),
    **defaults: Any,
) -> Callable[[Step], Step]:
    """Register an operation with fixed `steps`, or with the steps that `choose(kernel)` returns.

    As a decorator it registers the operation of one step.
    """

    def register(*steps: Step) -> None:
        OPERATIONS[name] = Operation(name, choose or (lambda kernel: steps), needs, defaults)

    def decorate(step: Step) -> Step:
        register(step)
        return step

    if steps or choose:
        register(*steps)
    return decorate


def lock(m: View, f: Frame, *name: str, write: bool = True) -> None:
    """Take a lock until the operation ends or unlocks it; Blocked while another actor excludes us.

    `name` is the kind of lock and the task, file or device whose lock it is. Nothing happens if the
    actor already holds it, in this operation or in a calling one.
    """
    holders = m.get(("lock", *name), ())
    if any(actor == f.actor for actor, _ in holders):
        return
    if any(writes or write for _, writes in holders):
        raise Blocked(" ".join(name))
    m["lock", *name] = tuple(sorted([*holders, (f.actor, write)]))
    f.held = (*f.held, name)


def unlock(m: View, f: Frame, *name: str) -> None:
    """Drop a lock that this operation holds."""
    m["lock", *name] = tuple(h for h in m["lock", *name] if h[0] != f.actor) or None
    f.held = tuple(held for held in f.held if held != name)


def start(machine: Machine, actor: str, name: str, /, **arguments: Any) -> Machine:
    """Put `actor` at the first step of operation `name`, without running it.

    ValueError for an actor that is still in an operation, for an unknown operation, or for missing,
    unknown or unhashable arguments.
    """
    if not finished(machine, actor):
        raise ValueError(f"{actor}: expected an actor that is in no operation")
    m = View(machine)
    begin(m, actor, name, arguments)
    return machine.with_(m.writes)


def begin(m: View, actor: str, name: str, arguments: dict[str, Any]) -> None:
    """Same as start(), but inside an open view, for an actor that is in no operation."""
    m["stack", actor] = (_frame(name, actor, arguments),)
    m["outcome", actor] = None


def _frame(name: str, actor: str, arguments: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    if name not in OPERATIONS:
        raise ValueError(f"operation: expected one of {', '.join(OPERATIONS)}; got {name!r}")
    made = OPERATIONS[name]
    known = {*made.needs, *made.defaults}
    missing = [argument for argument in made.needs if argument not in arguments]
    unknown = sorted(arguments.keys() - known)
    if missing or unknown:
        wrong = f"no {missing[0]!r}" if missing else f"{unknown[0]!r}"
        raise ValueError(f"{name}: expected the arguments {', '.join(sorted(known))}; got {wrong}")
    values = {**made.defaults, **arguments}
    for argument, value in values.items():
        if not isinstance(value, Hashable):
            raise ValueError(f"{name}: expected a hashable {argument}, got {value!r}")
    return _frozen(Frame(operation=name, at=0, actor=actor, held=(), **values))


def _frozen(frame: Frame) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(vars(frame).items()))


def step_names(kernel: KernelProfile, name: str) -> tuple[str, ...]:
    """The names of an operation's steps under `kernel`."""
    return tuple(step.__name__ for step in OPERATIONS[name].steps(kernel))


def take_step(machine: Machine, actor: str) -> tuple[Machine, Event]:
    """Run the actor's next atomic step; Blocked when it cannot run yet."""
    m = View(machine)
    event = step_in(m, actor)
    return machine.with_(m.writes), event


def step_in(m: View, actor: str) -> Event:
    """Same as take_step(), but inside a fresh view.

    A view in which Blocked was raised is void: drop what was written to it.
    """
    stack = list(m["stack", actor])
    f = Frame(**dict(stack.pop()))
    steps = OPERATIONS[f.operation].steps(m.kernel)
    step = steps[f.at]
    operation, at = f.operation, f.at
    outcome = None
    try:
        following = step(m, f)
        if isinstance(following, Call):
            f.at = steps.index(following.then) if following.then else at + 1
            f.catch = steps.index(following.catch) if following.catch else None
            stack += [_frozen(f), _frame(following.operation, actor, following.arguments)]
        elif isinstance(following, Return) or (following is None and at + 1 == len(steps)):
            value = following.value if isinstance(following, Return) else 0
            outcome = _leave(m, f, stack, Outcome(value))
        else:
            f.at = at + 1 if following is None else steps.index(following)
            stack.append(_frozen(f))
    except (KernelError, KernelBug, Trap) as error:
        m.writes = {}  # drop all that the failed step wrote
        f = Frame(**dict(m["stack", actor][-1]))
        outcome = _leave(m, f, stack, Outcome.of(error))
    if not stack:
        m["outcome", actor] = outcome
    m["stack", actor] = tuple(stack) or None
    return Event(actor, operation, step.__name__, outcome)


def _leave(
    m: View, f: Frame, stack: list[tuple[tuple[str, Any], ...]], outcome: Outcome
) -> Outcome:
    """Drop the frame's locks and return its outcome to the caller, or to one that catches it."""
    while True:
        for name in f.held:
            unlock(m, f, *name)
        if not stack:
            return outcome
        f = Frame(**dict(stack.pop()))
        steps = OPERATIONS[f.operation].steps(m.kernel)
        if not outcome.ok and f.catch is not None:
            f.at = f.catch
        elif not outcome.ok or f.at == len(steps):
            continue  # not caught here, or called from the last step
        f.result = outcome
        stack.append(_frozen(f))
        return outcome


def finished(machine: Machine, actor: str) -> bool:
    """Whether the actor is in no operation."""
    return machine.get(("stack", actor)) is None


def steps_of(
    machine: Machine, actor: str, *, may_wait: bool = False
) -> Iterator[tuple[Machine, Event]]:
    """Run the actor's steps until its operation ends, or, if it `may_wait`, until a step must wait.

    Else the clock advances while a step waits for it; Blocked when a step waits for another actor.
    """
    while not finished(machine, actor):
        try:
            machine, event = take_step(machine, actor)
        except Blocked as blocked:
            if may_wait:
                return
            if blocked.until is None:
                raise
            machine = machine.with_({"clock": blocked.until})
            event = Event("time", "clock", "passes", None)
        yield machine, event


def run(
    machine: Machine, actor: str, name: str, /, **arguments: Any
) -> tuple[Machine, Outcome, list[Event]]:
    """Run all steps of one operation: the machine after it, its outcome, its events."""
    taken = list(steps_of(start(machine, actor, name, **arguments), actor))
    after = taken[-1][0]
    outcome: Outcome = after["outcome", actor]
    return after, outcome, [event for _, event in taken]
