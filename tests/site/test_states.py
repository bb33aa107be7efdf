"""The states that a page steps through without Python are those that its Python would show."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from devmemkit.site import embed, prepare, runtime
from devmemkit.site.live.catalogue import EXPLORERS

ELSEWHERE = {
    "takeover": {"kernel": "5.10", "policy": "DenyIdle", "seed": 7},
    "gap": {"kernel": "5.10", "rate": 0.02, "trials": 4000, "delay": 5.0},
    "machine": {"kernel": "6.1", "length": 0x2000, "op": "load"},
}
"""Parameters of notebooks, also some that their explorers do not take."""
WANTED = [(name, {}) for name in EXPLORERS] + list(ELSEWHERE.items())


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """The states of each of WANTED."""
    asked = [{"do": "states", "name": name, "given": given} for name, given in WANTED]
    return prepare.answers(runtime.package(), asked)


def shown(found: dict[str, Any], node: int) -> dict[str, Any]:
    """The state of each widget in a node, by number."""
    places = found["nodes"][node][1:]
    return {str(leaf): found["pool"][at] for leaf, at in zip(found["leaves"], places, strict=True)}


@pytest.mark.slow
def test_every_choice_leads_where_python_leads(told: list[dict[str, Any]]) -> None:
    dice = random.Random(20)
    messages, expected = [], []
    for (name, given), found in zip(WANTED, told, strict=True):
        for group in found["groups"]:
            every = list(product(*group["values"]))
            for _ in range(6):
                before, control = dice.choice(every), dice.randrange(len(group["controls"]))
                value = dice.choice(group["values"][control])
                after = (*before[:control], value, *before[control + 1 :])
                steps = list(zip(group["controls"], group["fields"], before, strict=True))
                step = {"number": group["controls"][control], "field": group["fields"][control]}
                messages += [
                    {"do": "explorer", "name": name, "given": given, "path": steps},
                    {"do": "change", "name": name, "value": value, **step},
                ]
                ends = [group["nodes"][every.index(one)] for one in (before, after)]
                expected.append((found, *ends))
    answers = prepare.answers(runtime.package(), messages)
    moved = 0
    for at, (found, first, last) in enumerate(expected):
        opened, changed = answers[2 * at : 2 * at + 2]
        assert opened["summary"] == found["nodes"][first][0]
        assert shown(found, first) | changed["changes"] == shown(found, last), messages[2 * at + 1]
        assert changed["summary"] == found["nodes"][last][0]
        moved += first != last
    assert moved > len(expected) / 2


@pytest.mark.slow
def test_every_button_leads_where_python_leads(told: list[dict[str, Any]]) -> None:
    dice = random.Random(21)
    messages, expected = [], []
    for (name, given), found in zip(WANTED, told, strict=True):
        for group in found["groups"]:
            places = list(zip(product(*group["values"]), group["nodes"], strict=True))
            for before, node in dice.sample(places, min(4, len(places))):
                steps = list(zip(group["controls"], group["fields"], before, strict=True))
                for button, leads in found["clicks"][node].items():
                    click = {"number": int(button), "field": "click", "value": None}
                    messages += [
                        {"do": "explorer", "name": name, "given": given, "path": steps},
                        {"do": "change", "name": name, **click},
                    ]
                    expected.append((found, node, leads))
    answers = prepare.answers(runtime.package(), messages)
    assert len(expected) > 40
    for at, (found, first, last) in enumerate(expected):
        changed = answers[2 * at + 1]
        assert shown(found, first) | changed["changes"] == shown(found, last), messages[2 * at + 1]


@pytest.mark.slow
def test_the_states_are_bounded_and_small() -> None:
    packed = embed.states([(name, {}) for name in EXPLORERS])
    assert all(packed)
    assert sum(len(one.text) for one in packed if one) < 600_000


def test_parameters_that_make_no_explorer_have_no_states() -> None:
    assert embed.states([("takeover", {"region": "no such region"})]) == [None]
