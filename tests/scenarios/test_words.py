"""Outcomes and pages in words."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.words import format_ending, format_outcome, page_states
from tests.model.machines import PAGE, PMEM, claim_, machine, mapped, ok

SIGBUS = Outcome(None, signal="SIGBUS", si_code="BUS_ADRERR", si_addr=16)
BUG = Outcome(None, bug="null pointer")


@pytest.mark.parametrize(
    ("operation", "outcome", "phrase", "word"),
    [
        ("load", None, "not played", "none"),
        ("load", SIGBUS, "SIGBUS, BUS_ADRERR", "SIGBUS"),
        ("load", Outcome(0x1F), "0x000000000000001f", "works"),
        ("read_devmem", Outcome(b"\x01\x02"), "0x0000000000000201", "works"),
        ("mmap_devmem", Outcome(None, "EPERM"), "EPERM", "EPERM"),
        ("mremap", Outcome(0x1000), "mapped", "works"),
        ("open_proc_pci", Outcome(3), "open", "works"),
        ("open_devmem", BUG, "kernel bug", "kernel bug"),
        ("store", Outcome(0), "written", "works"),
    ],
)
def test_an_outcome_in_a_phrase_and_in_a_cell(
    operation: str, outcome: Outcome | None, phrase: str, word: str
) -> None:
    assert format_outcome(Act("key", "P", operation), outcome) == phrase
    assert outcome is None or format_ending(outcome, "works") == word


def test_page_states() -> None:
    m, address = mapped(machine("7.3"), PMEM, 4, shared=False)
    m, _ = ok(m, "store", address=address + PAGE, value=1)
    m = claim_(m, PMEM + 2 * PAGE, PAGE)
    assert page_states(m, "p", m["vmas", "p"][0]) == ["live", "private", "zapped", "live"]
