"""The picture of the repairs: a bar for each that was raced so, as long as the trials' shares."""

from __future__ import annotations

from devmemkit.figures.repairs import repairs


def test_a_bar_is_a_share_of_the_trials() -> None:
    seen = {"whole": {"pass": {"survived": 3, "killed": 1}, "fault": {"killed": 4}}}
    picture = repairs(seen | {"touch": {"fault": {"killed": 4, "torn": 0}}})
    assert [label for _, label in picture.y.ticks] == ["pass", "fault", "fault"]
    bars = [(rect.role, rect.left, rect.right, rect.tip) for rect in picture.marks.rects]
    assert bars == [
        ("ok", 0, 0.25, "pass: 1 of 4 killed"),
        ("error", 0.25, 1, "pass: 3 of 4 survived"),
        ("ok", 0, 1, "fault: 4 of 4 killed"),
        ("ok", 0, 1, "fault: 4 of 4 killed"),
    ]
    assert "whole, pass: 1 killed, 3 survived; whole, fault: 4 killed" in picture.alt
    assert "touch, fault: 4 killed." in picture.alt
