"""Names of tasks in values of the model: found, and replaced without touching the value."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from devmemkit.explore.names import renamed, tasks_in


class Held(NamedTuple):
    actor: str
    pages: frozenset[int]


@pytest.mark.parametrize(
    ("value", "swapped"),
    [
        ("U0", "U1"),
        ("U0 3", "U0 3"),  # a name within a longer string is another word
        (7, 7),
        (None, None),
        (("U0", 1, ("U1",)), ("U1", 1, ("U0",))),
        (frozenset({"U0", "C0"}), frozenset({"U1", "C0"})),
        (Held("U1", frozenset({1})), Held("U0", frozenset({1}))),
    ],
)
def test_names_are_exchanged_in_every_kind_of_value(value: Any, swapped: Any) -> None:
    found = renamed(value, {"U0": "U1", "U1": "U0"})
    assert (found, type(found)) == (swapped, type(swapped))


def test_tasks_are_found_wherever_a_value_has_their_names() -> None:
    value = (1, Held("U1", frozenset()), frozenset({"C0"}), "U0 3")
    assert tasks_in(value, ("U0", "U1", "C0")) == {"U1", "C0"}
