"""Words in a notebook: what comes from dumps is text, links lead to notebooks alone."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.figures.text import VALUES, Link, reveal, table, values

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: found.append(data))
    return found


def test_markup_in_a_cell_is_text(shown: list[dict[str, Any]]) -> None:
    table([HOSTILE], [[HOSTILE], [Link(HOSTILE, '"><script>')]])
    reveal(HOSTILE, [(HOSTILE, HOSTILE)])
    values(name=HOSTILE)
    for output in shown:
        assert "<img" not in output["text/html"]
        assert "<script" not in output["text/html"]
    assert shown[0]["text/plain"] == f"{HOSTILE}\n{HOSTILE}"
    assert shown[2][VALUES] == {"name": HOSTILE}


def test_a_link_is_a_cell_like_another(shown: list[dict[str, Any]]) -> None:
    table(["what", "where"], [["claims", Link("01", "01-driver-takeover.ipynb")]])
    assert '<a href="01-driver-takeover.ipynb">01</a>' in shown[0]["text/html"]
    assert shown[0]["text/plain"] == "claims  01"
