"""Repaired mmaps where no driver claims: they map what an unrepaired one maps."""

from __future__ import annotations

import pytest

from devmemkit.model.repairs import REPAIRS
from tests.model.machines import PMEM, bar_mapped, live, machine, mapped


@pytest.mark.parametrize("version", ["6.12", "7.3"])
@pytest.mark.parametrize("repair", ["", *REPAIRS])
def test_without_a_claim_every_page_is_mapped(version: str, repair: str) -> None:
    m, at = mapped(machine(version, repair=repair), PMEM, 3)
    assert live(m, at, 3) == [True] * 3
    m, at = bar_mapped(machine(version, repair=repair), 0, 2)
    assert live(m, at, 2) == [True] * 2
