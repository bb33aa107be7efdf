"""The graph: every state and step, all predecessors, and the states that break a property."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devmemkit import cli
from devmemkit.explore.check import explore
from devmemkit.explore.export import graph
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.step import Frame, Next, operation
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.claims import mmap_vs_claim
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property
from tests.explore.toys import scenario


def test_the_graph_is_whole() -> None:
    made = mmap_vs_claim(KernelProfile("6.12"))
    found = json.loads(json.dumps(graph(made)))
    assert (len(found["states"]), len(found["steps"]), found["bound"]) == (72, 122, "")
    for at, before in enumerate(found["before"]):
        assert before == [step[0] for step in found["steps"] if step[1] == at]
    assert [at for at, before in enumerate(found["before"]) if not before] == [0]
    widths = {len(state) for state in found["states"]}
    assert widths == {len(found["components"])} == {len(found["values"])}
    tasks = {(step[2], step[3]) for step in found["steps"]}
    assert ("C0", "insert") in tasks
    bad = found["broken"]["nobody reaches what a driver has claimed"]
    steps = explore(made).counterexample.steps  # type: ignore[union-attr]
    depth = {0: 0}
    for one, other, *_ in found["steps"]:  # breadth first: the first way is the shortest
        depth.setdefault(other, depth[one] + 1)
    assert min(depth[at] for at in bad) == len(steps)


def test_a_state_in_which_two_properties_are_broken_is_listed_for_both() -> None:
    small = Property("always", "the count is small", lambda m: m["count"] < 2)
    odd = Property("always", "the count is odd", lambda m: m["count"] % 2 == 1)
    broken = graph(scenario("toy_add", properties=(small, odd)))["broken"]
    assert broken == {small.name: [2], odd.name: [2]}


def test_states_are_numbers_of_values() -> None:
    found = graph(scenario("toy_add"))
    at = found["components"].index("count")
    assert found["values"][at] == [None, "1", "2"]
    assert [found["values"][at][state[at]] for state in found["states"]][-1] == "2"


def test_a_bounded_graph_says_so() -> None:
    found = graph(mmap_vs_claim(KernelProfile("6.12"), users=2), 20)
    assert found["bound"] == "20 states"
    assert all(at < len(found["states"]) for step in found["steps"] for at in step[:2])


def count_up(m: View, f: Frame) -> Next:
    m["count"] = m["count"] + 1
    return count_up


operation("toy_count_up", count_up)


@pytest.mark.parametrize("most", [253, 254, 255])
def test_a_bounded_graph_learns_nothing_beyond_its_bound(most: int) -> None:
    """The next state would need a field wider than eight bits."""
    program = Program((Act("act", "T0", "toy_count_up"),))
    machine = Machine(KernelProfile("6.12"), {"clock": 0, "count": 0})
    found = graph(Concurrent("toy", machine, {"T0": program}, ()), most)
    assert found["bound"] == f"{most} states"
    assert len(found["states"]) == most
    assert len(found["steps"]) == most - 1


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "graph.json"
    assert cli.main(["explore", "claim-vs-release", "--graph", str(path)]) == 0
    assert json.loads(path.read_text())["scenario"] == "claim-vs-release"
    assert cli.main(["explore", "claim-vs-release", "--graph", str(tmp_path)]) == 2
    assert (
        f"devmemkit explore: {tmp_path}: expected a file, got a folder" in capsys.readouterr().err
    )
