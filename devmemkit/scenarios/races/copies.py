"""Races of a claim with a read or write of /dev/mem whose buffer is missing at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devmemkit.model import flags as fl
from devmemkit.model.drivers.nvdimm import LEGACY, Namespace
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.resource.strict import RESOURCE_LOCK
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.machines import NAMESPACE, PC
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.one_bar import node_machine, with_user
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property, act_at, position

PROCESS, CLAIMER, ANSWERER = "P", "C0", "A0"
BUFFER = "buffer"
WRITTEN = 1
"""The value that the process, or the driver, writes to a page full of zeroes."""

UNCHANGED = "nobody else writes to what a driver has claimed"
UNSEEN = "no process reads what a driver wrote to its region"
NO_WAIT = "no claim waits for a process"


def write_vs_claim(kernel: KernelProfile, *, threads: int = 1) -> Concurrent:
    """Threads write a page of memory that a driver claims, and reads twice.

    The buffer of the process is missing until another thread fills it, whenever that wants.
    """
    write = {"data": WRITTEN.to_bytes(8, "little")}
    reads = tuple(Act(key, CLAIMER, "readq", {"address": PC.pmem}) for key in ("first", "second"))

    def unchanged(m: View) -> bool:
        known = position(m, CLAIMER)[1]
        return "second" not in known or known["first"].value == known["second"].value

    holds = Property("always", UNCHANGED, unchanged)
    return _copies("write-vs-claim", kernel, "write_devmem", write, reads, holds, threads)


def read_vs_claim(kernel: KernelProfile, *, threads: int = 1) -> Concurrent:
    """Threads read a page of memory that a driver claims, and writes to.

    The buffer of the process is missing until another thread fills it, whenever that wants.
    """
    writes = (Act("written", CLAIMER, "writeq", {"address": PC.pmem, "value": WRITTEN}),)
    readers = _threads(threads)

    def unseen(m: View) -> bool:
        ended = (position(m, task)[1].get("copy") for task in readers)
        return not any(end and end.ok and any(end.value) for end in ended)

    holds = Property("always", UNSEEN, unseen)
    return _copies("read-vs-claim", kernel, "read_devmem", {"count": 8}, writes, holds, threads)


def _threads(count: int) -> tuple[str, ...]:
    return tuple(f"U{number}" for number in range(count))


def _copies(
    name: str,
    kernel: KernelProfile,
    operation: str,
    what: Mapping[str, object],
    after: tuple[Act, ...],
    holds: Property,
    count: int,
) -> Concurrent:
    """Threads that copy, one that fills their buffer, and a driver that claims and goes on."""
    node = Resource(PC.pmem, PC.pmem + PAGE_SIZE - 1, LEGACY, fl.IORESOURCE_MEM)
    space = Namespace(NAMESPACE, node.start, node.end)
    machine = node_machine(kernel, node, ("nd", NAMESPACE), space, high_memory=node.end + 1)
    machine, fd = with_user(machine, PROCESS, "devmem")
    threads = _threads(count)
    where = {"pid": PROCESS, "fd": fd, "offset": PC.pmem, "buffer": BUFFER, **what}
    programs = {
        task: Program((Act("copy", task, operation, where),), keep=("copy",)) for task in threads
    }
    answer = Act("answer", ANSWERER, "uffdio_copy", {"pid": PROCESS, "buffer": BUFFER})
    region = {"start": PC.pmem, "size": PAGE_SIZE}
    claim = Act("claim", CLAIMER, "request_mem_region", region)
    keys = tuple(act.key for act in (claim, *after))
    programs |= {ANSWERER: Program((answer,)), CLAIMER: Program((claim, *after), keep=keys)}

    def no_wait(m: View) -> bool:
        inserts = act_at(m, CLAIMER, programs[CLAIMER]) == claim.operation and _next(m, CLAIMER)
        holders = {task for task, _ in m.get(("lock", *RESOURCE_LOCK), ())}
        stuck = {task for task in threads if _next(m, task) == "copy_page"}
        missing = not m.get(("buffer", BUFFER, PROCESS))
        return not (inserts == "insert" and missing and holders & stuck)

    def ended(tasks: tuple[str, ...], key: str, *, ok: bool) -> Callable[[View], bool]:
        def holds(m: View) -> bool:
            outcomes = (position(m, task)[1].get(key) for task in tasks)
            return any(outcome is not None and outcome.ok == ok for outcome in outcomes)

        return holds

    asked = (
        holds,
        Property("always", NO_WAIT, no_wait),
        Property("sometimes", "a copy has succeeded", ended(threads, "copy", ok=True)),
        Property("sometimes", "a copy is refused", ended(threads, "copy", ok=False)),
        Property("sometimes", "the driver is done", ended((CLAIMER,), keys[-1], ok=True)),
    )
    return Concurrent(name, machine, programs, asked, (threads,))


def _next(m: View, task: str) -> str:
    """The name of a task's next step, "" after its last."""
    stack = m.get(("stack", task))
    if stack is None:
        return ""
    frame = dict(stack[-1])
    return OPERATIONS[frame["operation"]].steps(m.kernel)[frame["at"]].__name__
