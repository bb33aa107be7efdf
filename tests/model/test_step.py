"""How operations run: atomic steps, locks, calls, failures; nothing earlier is ever touched."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.model.errors import Blocked, KernelError, Outcome, Trap
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS
from devmemkit.model.step import (
    OPERATIONS,
    Call,
    Frame,
    Next,
    Return,
    finished,
    lock,
    operation,
    run,
    start,
    step_names,
    take_step,
    unlock,
)
from tests.model.machines import (
    ALL,
    BDF,
    PAGE,
    PMEM,
    begin,
    blocked,
    do,
    machine,
    mapped,
    ok,
    step_to,
    with_pid,
)


def count(m: View, f: Frame) -> Next:
    lock(m, f, "counter")
    m["count"] = m.get("count", 0) + 1
    f.seen = m["count"]
    return None


def fail(m: View, f: Frame) -> Next:
    m["count"] = 99
    if f.how == "errno":
        raise KernelError("EBUSY", "as asked")
    if f.how == "signal":
        raise Trap("SIGBUS", "BUS_ADRERR", 0x1000)
    if f.how == "blocked":
        raise Blocked("something")
    return end if f.how == "jump" else None


def end(m: View, f: Frame) -> Next:
    return Return(f.seen)


def call(m: View, f: Frame) -> Next:
    lock(m, f, "outer")
    return Call("test_inner", {"how": f.how}, catch=caught if f.catching else None)


def after_call(m: View, f: Frame) -> Next:
    return Return(("returned", f.result.value))


def caught(m: View, f: Frame) -> Next:
    return Return(("caught", f.result.errno))


@pytest.fixture(autouse=True)
def _own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("test_inner", "test_outer"):
        monkeypatch.setitem(OPERATIONS, name, None)
    operation("test_inner", count, fail, end, how="")
    operation("test_outer", call, after_call, caught, how="", catching=False)


EMPTY = Machine(KernelProfile("6.12"), {"clock": 0})


def test_steps_locks_and_outcome() -> None:
    m = start(EMPTY, "a", "test_inner")
    assert m["stack", "a"]
    assert m.get("count") is None  # no step is run yet
    m, event = take_step(m, "a")
    assert (event.actor, event.operation, event.step) == ("a", "test_inner", "count")
    assert (event.outcome, m["lock", "counter"]) == (None, (("a", True),))
    m, event = take_step(m, "a")
    assert (event.step, event.outcome) == ("fail", None)
    m, event = take_step(m, "a")
    assert event.outcome == Outcome(1) == m["outcome", "a"]
    assert finished(m, "a")
    assert m.get(("lock", "counter")) is None


@pytest.mark.parametrize(
    ("how", "errno", "signal"), [("errno", "EBUSY", None), ("signal", None, "SIGBUS")]
)
def test_a_failing_step_leaves_nothing_but_the_outcome(
    how: str, errno: str | None, signal: str | None
) -> None:
    m, outcome, events = run(EMPTY, "a", "test_inner", how=how)
    assert (outcome.errno, outcome.signal, outcome.ok) == (errno, signal, False)
    assert m["count"] == 1  # what the step before did stays, what the failing one did does not
    assert m.get(("lock", "counter")) is None
    assert [e.step for e in events] == ["count", "fail"]


def test_a_blocked_step_changes_nothing() -> None:
    m, _ = take_step(start(EMPTY, "a", "test_inner", how="blocked"), "a")
    before = m.value()
    with pytest.raises(Blocked, match="something"):
        take_step(m, "a")
    assert m.value() == before


def test_a_lock_excludes_others_until_it_is_dropped() -> None:
    m, _ = take_step(start(EMPTY, "a", "test_inner"), "a")
    m = start(m, "b", "test_inner")
    assert blocked(m, "b") == "counter"
    while not finished(m, "a"):
        m, _ = take_step(m, "a")
    assert blocked(m, "b") is None


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_only_readers_share_a_lock(first: bool, second: bool) -> None:
    view = View(EMPTY)
    a, b = Frame(actor="a", held=()), Frame(actor="b", held=())
    lock(view, a, "l", write=first)
    if first or second:
        with pytest.raises(Blocked):
            lock(view, b, "l", write=second)
        unlock(view, a, "l")
        lock(view, b, "l", write=second)
        assert view["lock", "l"] == (("b", second),)
    else:
        lock(view, b, "l", write=second)
        unlock(view, a, "l")
        assert view["lock", "l"] == (("b", False),)


def test_jump_and_call() -> None:
    events = run(EMPTY, "a", "test_inner", how="jump")[2]
    assert [e.step for e in events] == ["count", "fail", "end"]
    m, outcome, events = run(EMPTY, "a", "test_outer")
    assert outcome.value == ("returned", 1)
    assert [e.step for e in events] == ["call", "count", "fail", "end", "after_call"]
    assert m.get(("lock", "outer")) is None


def test_a_failing_call_goes_up_or_is_caught() -> None:
    m, outcome, _ = run(EMPTY, "a", "test_outer", how="errno")
    assert outcome.errno == "EBUSY"
    assert m.get(("lock", "outer")) is None
    m, outcome, _ = run(EMPTY, "a", "test_outer", how="errno", catching=True)
    assert outcome.value == ("caught", "EBUSY")
    assert m.get(("lock", "outer")) is None


def test_outcomes_in_words() -> None:
    assert str(Outcome(0x7F00)) == "0x7f00"
    assert str(Outcome(b"ab")) == "b'ab'"
    assert str(Outcome.of(KernelError("EPERM", "why"))) == "EPERM"
    assert str(Outcome.of(Trap("SIGBUS", "BUS_ADRERR", 0x10))) == "SIGBUS (BUS_ADRERR) at 0x10"


def test_view_records_what_it_read_and_replaced() -> None:
    view = View(EMPTY.with_({"x": 1}))
    view["y"] = 2
    assert (view["y"], view["x"], view.get("z", 7)) == (2, 1, 7)
    assert (list(view.reads), view.writes) == (["x", "z"], {"y": 2})
    view["x"] = None
    assert view.get("x", 5) == 5
    with pytest.raises(KeyError):
        view["x"]


def test_step_names() -> None:
    """C, P, L up to 6.18; C, C', L, P from 6.19; sysfs C, P, L always."""
    checks = (
        "do_mmap",
        "valid_mmap_phys_addr_range",
        "range_is_allowed",
        "phys_mem_access_prot_allowed",
        "mmap_mem",
    )
    for version in ("4.4", "5.10", "6.1", "6.12", "6.18"):
        names = step_names(KernelProfile(version), "mmap_devmem")
        assert names == (*checks, "remap_pfn_range", "vma_link_file", "mmap_end")
    for version in ("6.19", "7.2", "7.3"):
        names = step_names(KernelProfile(version), "mmap_devmem")
        assert names == (*checks, "vma_link_file", "remap_pfn_range_complete", "mmap_end")
    for version in (*ALL, "6.19"):
        for name in ("mmap_resource", "mmap_proc_pci"):
            names = step_names(KernelProfile(version), name)
            assert names[-3:] == ("remap_pfn_range", "vma_link_file", "mmap_end")
    assert step_names(KernelProfile("6.12"), "request_mem_region")[:4] == (
        "insert",
        "both_ends",
        "zap_begin",
        "zap",
    )


def test_machines_compare_by_value() -> None:
    one, other = machine("6.12"), machine("6.12")
    assert one == other
    assert hash(one) == hash(other)
    assert one != machine("6.1")
    assert one != ok(one, "open_devmem")[0]
    assert one != "machine"
    bigger = Machine(one.kernel, one.components, high_memory=one.high_memory + PAGE)
    assert one != bigger


PAGES = st.integers(0, 7)
MOVES = st.one_of(
    st.tuples(st.just("claim"), PAGES, st.integers(1, 4), st.sampled_from([0, 0x800])),
    st.tuples(st.just("release"), PAGES, st.integers(1, 4), st.sampled_from([0, 0x800])),
    st.tuples(st.just("mmap"), PAGES, st.integers(1, 8), st.booleans()),
    st.tuples(st.just("sysfs"), PAGES, st.integers(1, 8), st.booleans()),
    st.tuples(st.sampled_from(["load", "store", "peek", "poke"]), PAGES, PAGES, st.just(0)),
    st.tuples(st.just("munmap"), PAGES, PAGES, st.integers(1, 4)),
    st.tuples(st.just("mremap"), PAGES, st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.just("fork"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("bind"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("unbind"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("read"), PAGES, st.integers(1, 4), st.just(0)),
)


def asked(m: Machine, move: tuple[str, int, int, Any], number: int) -> tuple[str, dict[str, Any]]:
    """A move as an operation on what the machine has now."""
    what, a, b, c = move
    vmas = m["vmas", "p"]
    vma = vmas[a % len(vmas)] if vmas else None
    address = vma.start + (b % vma.pages) * PAGE if vma else 0x1000
    if what in ("claim", "release"):
        name = "request_mem_region" if what == "claim" else "release_mem_region"
        return name, {"start": PMEM + a * PAGE + c, "size": b * PAGE}
    if what == "mmap":
        span = {"offset": PMEM + a * PAGE, "length": b * PAGE}
        return "mmap_devmem", {"fd": 0, "shared": c, **span}
    if what == "sysfs":
        return "mmap_resource", {"fd": 1, "shared": c, "offset": a * PAGE, "length": b * PAGE}
    if what in ("load", "store"):
        return what, {"address": address, **({"value": number} if what == "store" else {})}
    if what in ("peek", "poke"):
        more = {"value": number} if what == "poke" else {}
        return f"ptrace_{what}", {"address": address, **more}
    if what == "munmap":
        return "munmap", {"address": address, "length": c * PAGE}
    if what == "mremap":
        to = 0x6000_0000_0000 + number * 0x10_0000
        start_ = vma.start if vma else 0x1000
        return "mremap", {"address": start_, "length": b * PAGE, "new_length": c * PAGE, "to": to}
    if what == "fork":
        return "fork", {"child": f"child{number}"}
    if what in ("bind", "unbind"):
        return what, {"bdf": BDF}
    return "read_devmem", {"fd": 0, "count": b * PAGE, "offset": PMEM + a * PAGE}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*ALL, "4.4"]), st.booleans(), st.lists(MOVES, min_size=1, max_size=10))
def test_any_story(version: str, dsync: bool, moves: list[tuple[str, int, int, Any]]) -> None:
    """fine and coarse agree, runs repeat themselves, earlier snapshots stay, locks are dropped."""
    coarse, fine = machine(version), machine(version, fine=True)
    m = ok(ok(coarse, "open_devmem", dsync=dsync)[0], "open_resource", bdf=BDF, bar=0)[0]
    n = fine.with_(m.components)
    for number, move in enumerate(moves):
        name, arguments = asked(m, move, number)
        before = m.value()
        after, outcome, events = run(m, "p", name, **with_pid(name, "p", arguments))
        again, same, repeated = run(m, "p", name, **with_pid(name, "p", arguments))
        assert (again, same, repeated) == (after, outcome, events)
        assert hash(again) == hash(after)
        n, pagewise, steps = run(n, "p", name, **with_pid(name, "p", arguments))
        assert pagewise == outcome
        assert len(steps) >= len(events)
        assert n.value() == after.value()
        assert m.value() == before
        assert not [key for key in after.components if isinstance(key, tuple) and key[0] == "lock"]
        m = after


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL), st.lists(st.booleans(), min_size=40, max_size=40))
def test_no_step_touches_an_earlier_machine(version: str, turns: list[bool]) -> None:
    """A claim and an mmap in any interleaving; every snapshot keeps its value."""
    m, _ = mapped(machine(version, "p", fine=True), PMEM, 3)
    m = begin(m, "driver", "request_mem_region", start=PMEM + PAGE, size=2 * PAGE)
    m = begin(m, "q", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=3 * PAGE)
    seen = [(m, m.value())]
    for turn in turns:
        actor = "driver" if turn else "q"
        if finished(m, actor):
            continue
        before = m.value()
        try:
            m, _ = take_step(m, actor)
        except Blocked:
            assert m.value() == before
            continue
        seen.append((m, m.value()))
    assert all(each.value() == value for each, value in seen)


def test_time_passes_only_when_nothing_else_helps() -> None:
    """RevokeAfterGrace run alone: the clock jumps to the deadline."""
    m, _ = mapped(machine("6.12", policy="RevokeAfterGrace"), PMEM, 1)
    m, outcome, events = run(m, "driver", "request_mem_region", start=PMEM, size=PAGE)
    assert outcome.ok
    assert [e.actor for e in events].count("time") == 1
    assert m["clock"] == 100


def test_run_raises_when_it_waits_for_another() -> None:
    m = machine().with_({("lock", "mmap", "p"): (("other", True),)})
    with pytest.raises(Blocked, match="mmap p"):
        do(m, "munmap", address=0x1000, length=PAGE)


def test_arguments_are_checked() -> None:
    """Misspelt, missing and unhashable arguments are one sentence, before anything runs."""
    m = machine()
    for arguments, sentence in (
        ({"pid": "p", "fd": 0, "length": 1, "share": False}, r"mmap_devmem: .*; got 'share'"),
        ({"pid": "p", "fd": 0}, r"mmap_devmem: expected the arguments .*; got no 'length'"),
        ({"pid": "p", "fd": 0, "length": [1]}, r"mmap_devmem: expected a hashable length"),
    ):
        with pytest.raises(ValueError, match=sentence):
            start(m, "p", "mmap_devmem", **arguments)


def test_a_step_that_waits_for_a_lock_is_blocked() -> None:
    m = step_to(begin(machine(), "u", "open_devmem", pid="p"), "u", "open_port")
    m = begin(m, "u", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=PAGE)
    m = step_to(m, "u", "do_mmap")
    m = begin(m, "v", "munmap", pid="p", address=0, length=PAGE)
    with pytest.raises(Blocked, match="mmap p"):
        take_step(m, "v")


def test_opened_and_closed_equals_never_opened() -> None:
    m = machine()
    after = ok(ok(m, "open_devmem")[0], "close", fd=0)[0]
    assert after.with_({("outcome", "p"): None}) == m.with_({("outcome", "p"): None})


def test_zeroes_written_equal_nothing_written() -> None:
    m, address = mapped(machine(), PMEM, 1)
    written = ok(m, "store", address=address, value=7)[0]
    assert written != m
    assert ok(written, "store", address=address, value=0)[0] == ok(m, "load", address=address)[0]


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    says = r"^operation: expected one of .*mmap_devmem, .*; got 'mmap_tea'$"
    with pytest.raises(ValueError, match=says):
        run(EMPTY, "a", "mmap_tea")


def continuations(source: str) -> Iterator[tuple[str, Any]]:
    """("step", name) and ("operation", name) for each that a step's source continues with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Return):
            value = node.value
            ends = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (("step", end.id) for end in ends if isinstance(end, ast.Name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Call":
            named = [one.value for one in node.keywords if isinstance(one.value, ast.Name)]
            yield from (("step", one.id) for one in named)
            if isinstance(node.args[0], ast.Constant):
                yield ("operation", node.args[0].value)


def test_every_step_and_operation_that_a_step_continues_with_exists() -> None:
    kernels = [KernelProfile(version) for version in ("5.10", "7.3")]
    kernels += [KernelProfile("7.3", repair=repair) for repair in REPAIRS | COPY_REPAIRS]
    kernels += [KernelProfile("6.12", policy_name=name) for name in POLICIES]
    real = [one for one in OPERATIONS.values() if not one.name.startswith("test_")]
    steps = {step for one in real for kernel in kernels for step in one.steps(kernel)}
    known = {"step": {step.__name__ for step in steps}, "operation": set(OPERATIONS)}
    sources = [textwrap.dedent(inspect.getsource(step)) for step in steps]
    found = {named for source in sources for named in continuations(source)}
    assert {("step", "fall_asleep"), ("operation", "request_mem_region")} <= found
    assert not {(kind, name) for kind, name in found if name not in known[kind]}


def test_an_actor_does_one_operation_at_a_time() -> None:
    m = start(machine(), "a", "open_devmem", pid="p")
    with pytest.raises(ValueError, match=r"^a: expected an actor that is in no operation$"):
        start(m, "a", "open_devmem", pid="p")
    assert not finished(start(m, "b", "open_devmem", pid="p"), "b")
