"""Words in a notebook: what comes from dumps is text, links lead to notebooks alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devmemkit.figures.text import VALUES, Link, fold, predict, table, values

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: found.append(data))
    return found


def test_markup_in_a_cell_is_text(shown: list[dict[str, Any]]) -> None:
    table([HOSTILE], [[HOSTILE], [Link(HOSTILE, '"><script>')]])
    table([HOSTILE], [[HOSTILE]], behind=HOSTILE)
    fold(HOSTILE, [(HOSTILE, HOSTILE)])
    predict(HOSTILE, [HOSTILE, "<b>"], HOSTILE, [(HOSTILE, HOSTILE)])
    for output in shown:
        assert "<img" not in output["text/html"]
        assert "<script" not in output["text/html"]
    assert shown[0]["text/plain"] == f"{HOSTILE}\n{HOSTILE}"


def test_a_table_that_would_give_an_answer_away_is_behind_words_to_click(
    shown: list[dict[str, Any]],
) -> None:
    table(["end"], [["SIGBUS"]], behind="All ends")
    [data] = shown
    assert data["text/html"].startswith("<details><summary>All ends</summary><div")
    assert "SIGBUS" in data["text/html"]
    assert data["text/plain"] == "SIGBUS"


def test_an_answer_is_bold_unless_it_is_a_sentence(shown: list[dict[str, Any]]) -> None:
    fold("ends", [("Linux 6.12", "SIGBUS"), ("Linux 7.3", "D claims, then P touches a page")])
    assert re.findall("<b>(.*?)</b>", shown[0]["text/html"]) == ["SIGBUS"]


def test_values_are_stored_and_not_shown(shown: list[dict[str, Any]]) -> None:
    values(name=HOSTILE)
    assert shown == [{VALUES: {"name": HOSTILE}}]


def test_each_choice_of_a_prediction_opens_the_answer_and_one_is_right(
    shown: list[dict[str, Any]],
) -> None:
    predict("what comes?", ["EPERM", "SIGBUS"], "SIGBUS", [("Linux 6.12", "a bus error")])
    [data] = shown
    wrong, right = re.findall("<details(.*?)</details>", data["text/html"], re.DOTALL)
    assert "<summary>EPERM</summary><p><b>No: SIGBUS.</b>" in wrong
    assert "<summary>SIGBUS</summary><p><b>Right.</b>" in right
    names = [re.findall('name="([^"]+)"', box) for box in (wrong, right)]
    assert len(names[0]) == 1
    assert names[0] == names[1], "one closes the other"
    outside = re.sub("<details.*?</details>", "", data["text/html"], flags=re.DOTALL)
    for box in (wrong, right, outside):
        assert ("a bus error" in box) is (box is not outside)
    assert "open" not in outside
    assert data["text/plain"].splitlines() == [
        "what comes?", "one of: EPERM; SIGBUS", "answer: SIGBUS", "Linux 6.12: a bus error"
    ]  # fmt: skip


def test_an_answer_that_nobody_can_choose_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'q\?': expected one of a, b; got 'c'"):
        predict("q?", ["a", "b"], "c")


def test_a_link_is_a_cell_like_another(shown: list[dict[str, Any]]) -> None:
    table(["what", "where"], [["claims", Link("01", "01-driver-takeover.ipynb")]])
    assert '<a href="01-driver-takeover.ipynb">01</a>' in shown[0]["text/html"]
    assert shown[0]["text/plain"] == "claims  01"
