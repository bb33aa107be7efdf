"""The list of a machine's components: everything that runs reaches those and no others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import devmemkit
from devmemkit.explore.check import explore
from devmemkit.explore.names import SETS
from devmemkit.explore.policy_matrix import OWN, REPAIRED, matrix
from devmemkit.lab.fuzz.generate import LIFE, PROCESSES, sequence
from devmemkit.lab.reproducers import modelled
from devmemkit.lab.runs import RUNS
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import COMPONENTS, Key, View
from devmemkit.model.step import run
from devmemkit.scenarios.catalogue import SCENARIOS, before, on_model, stories
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.play import play
from devmemkit.scenarios.races.catalogue import ORDERS, concurrent
from devmemkit.scenarios.races.initcall_order import Boot

OLD, NEW = "5.10", "7.3"
SOME = 2000


def everything() -> Iterator[Any]:
    """Stories, reproducers, random sequences, and a part of every exploration."""
    for version in (OLD, NEW):
        kernel = KernelProfile(version)
        yield from (on_model(story, version) for name in SCENARIOS for story in stories(name))
        yield from (modelled(name, kernel) for name in RUNS)
        for index in (0, 1, 2, 3, LIFE - 1):  # of every kind: pmem first, the removal last
            yield play(before(PROCESSES, kernel), sequence(7, index).acts)
        yield run(before("P", kernel), "P", "open_ioport", pid="P")
        for name in ORDERS:
            yield from (explore(concurrent(name, kernel, via, 2), SOME) for via in VIAS)
        yield from (explore(scenario, SOME) for scenario in Boot(version).scenarios())
    yield list(matrix(NEW, rows=("RefuseClaim", "RevokeAfterGrace", "SignalNow", REPAIRED)))


def reached(monkeypatch: pytest.MonkeyPatch) -> set[Key]:
    """The keys that any View read or replaced meanwhile."""
    keys: set[Key] = set()
    plain_get, plain_set, plain_edit = View.get, View.__setitem__, View.edit

    def get(view: View, key: Key, default: Any = None) -> Any:
        keys.add(key)
        return plain_get(view, key, default)

    def put(view: View, key: Key, value: Any) -> None:
        keys.add(key)
        plain_set(view, key, value)

    def edit(view: View, key: Key) -> Any:
        keys.add(key)
        return plain_edit(view, key)

    with monkeypatch.context() as patch:
        patch.setattr(View, "get", get)
        patch.setattr(View, "__setitem__", put)
        patch.setattr(View, "edit", edit)
        for _ in everything():
            pass
    return keys


@pytest.mark.slow
def test_the_list_has_every_component_that_is_reached_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = reached(monkeypatch)
    assert {key if isinstance(key, str) else key[0] for key in keys} == COMPONENTS.keys()
    for key in keys:
        belongs_to, _ = COMPONENTS[key if isinstance(key, str) else str(key[0])]
        assert isinstance(key, str) == (not belongs_to), key
        assert isinstance(key, str) or len(key) == 1 + len(belongs_to.split(", ")), key


def test_a_machine_begins_with_components_of_the_list() -> None:
    for version in (OLD, NEW):
        kernel = KernelProfile(version)
        machines = [before("P", kernel), *(concurrent(n, kernel).machine for n in ORDERS)]
        machines += [scenario.machine for scenario in Boot(version).scenarios()]
        for one in machines:
            assert {k if isinstance(k, str) else k[0] for k in one.components} <= COMPONENTS.keys()


def written_keys(source: str) -> Iterator[str]:
    """First names of the keys that are written out where a View `m` is asked."""
    for node in ast.walk(ast.parse(source)):
        asked, key = None, None
        if isinstance(node, ast.Subscript):
            asked, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            asked, key = node.func.value, node.args[0]  # m.get, m.edit
        if isinstance(key, ast.Tuple) and key.elts:
            key = key.elts[0]
        is_view = isinstance(asked, ast.Name) and asked.id == "m"
        if is_view and isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def test_no_key_that_is_written_out_is_missing() -> None:
    """Also in code that nothing here plays."""
    package = Path(devmemkit.__file__).parent
    sources = [*(package / "model").rglob("*.py"), *(package / "scenarios").rglob("*.py")]
    written = {key for path in sources for key in written_keys(path.read_text("utf-8"))}
    assert written <= COMPONENTS.keys()
    assert len(written) > len(COMPONENTS) // 2


def test_other_lists_of_components_name_those() -> None:
    claim_path = {k.split(" ")[0] for edge in edges(KernelProfile(NEW)) for k in edge.models}
    assert {*SETS, *OWN, *claim_path} <= COMPONENTS.keys()
