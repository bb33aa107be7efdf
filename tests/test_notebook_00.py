"""Notebook 00: its verdicts are those that the ledger expects, its links and cells work."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devmemkit.artifact.ledger import entries
from devmemkit.artifact.scope import ORDER, by_verdict, expand
from tests.notebook import FOLDER, Cells

CELLS = Cells("00-overview")


def test_verdicts_are_those_that_the_ledger_expects() -> None:
    named = CELLS.stored()
    for entry in entries():
        expected = {v: verdict for verdict, on in entry["expected"].items() for v in expand(on)}
        told = by_verdict({v: expected[v] for v in ORDER if v in expected})
        assert named["verdicts"].pop(entry["id"]) == told
    assert named["verdicts"] == {}
    assert named["unexpected"] == []
    assert named["milestones"] == ["4.5", "5.8", "5.12", "5.15", "5.16", "6.16", "6.19", "7.2"]


def test_its_links_lead_to_the_other_notebooks() -> None:
    text = "".join("".join(cell["source"]) for cell in CELLS.whole["cells"])
    links = set(re.findall(r"\(([\w-]*\.ipynb)\)", text))
    assert links == {path.name for path in FOLDER.glob("*.ipynb")} - {CELLS.path.name}


@pytest.mark.slow
def test_every_cell_runs_for_a_kernel_before_all_of_it() -> None:
    CELLS.runs({"kernel": "4.4"})


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel": "6.13"}, "kernel: expected one of 4.4, .*; got '6.13'"),
        ({"policy": "Prayer"}, "policy: expected one of as released, NoProtection"),
    ],
)
def test_what_cannot_be_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, sentence, 2)
