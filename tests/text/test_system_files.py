"""Lockdown state and address sizes; any other text leaves them unknown."""

from __future__ import annotations

from devmemkit.text.system_files import parse_address_sizes, parse_lockdown


def test_lockdown_and_address_sizes() -> None:
    assert parse_lockdown("none [integrity] confidentiality\n") == "integrity"
    assert parse_lockdown("") == parse_lockdown("[else]") == ""
    line = "address sizes\t: 39 bits physical, 48 bits virtual\n"
    assert parse_address_sizes(f"model name\t: X\n{line}") == 39
    assert parse_address_sizes("address sizes\t: 99 bits physical") is None
