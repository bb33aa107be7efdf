"""Pictures of races: every trial at its place, with the look of its outcome; bars of repairs."""

from typing import Any

import pytest

from devmemkit.figures.race import EDGE, FIRST, LANES, LAST, LOOKS, landed, race, races
from devmemkit.figures.repairs import repairs
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import CLAIMS
from tests.figures.pictures import column


def trial(outcome: str, begin: int = 50, returned: int = 100, **more: Any) -> dict[str, Any]:
    """A trial of a whole claim through /dev/mem, times in ns."""
    denied = outcome.startswith("denied")
    row = {"via": "devmem", "claim": "whole", "control": "", "begin": begin}
    row |= {"end": begin + 10, "returned": returned}
    row |= {"errno": outcome.split()[1] if denied else None, "shown": True}
    return row | {"outcome": outcome} | more


def sweep(version: str = "6.12", *trials: dict[str, Any]) -> dict[str, Any]:
    """A sweep with a trial of each kind and its undisturbed controls."""
    alone = [
        trial("alive", via=via, claim=claim, control="none") for via in VIAS for claim in CLAIMS
    ]
    rest = [trial("survived", via=v, claim=c) for v in VIAS for c in CLAIMS]
    return {"version": version, "trials": [*alone, *rest, *trials]}


def test_a_denied_mmap_is_measured_by_one_that_nobody_disturbs() -> None:
    found = landed(
        sweep("6.12", trial("denied EPERM", 20, 21), trial("killed", 180, 200)), "devmem", "whole"
    )
    assert [(one.outcome, one.begin) for one in found] == [
        ("denied EPERM", 0.2), ("survived", 0.5), ("killed", 0.9),
    ]  # fmt: skip


def test_every_trial_has_a_mark_in_view() -> None:
    extra = [trial(name, begin) for name, begin in zip(LOOKS, range(-900, 900, 300), strict=True)]
    picture = race(sweep("6.12", *extra))
    marks = picture.marks.markers
    assert len(marks) == 4 + len(LOOKS)
    assert min(mark.x for mark in marks) == FIRST > picture.x.start
    assert max(mark.x for mark in marks) == LAST < picture.x.end == LAST + EDGE
    looks = {(role, shape) for role, shape, _ in LOOKS.values()}
    assert {(mark.role, mark.shape) for mark in marks} == looks
    lanes = dict(picture.y.ticks)
    assert all(mark.tip.startswith(lanes[mark.y]) for mark in marks)


def test_outcomes_differ_in_colour_and_shape() -> None:
    assert len({role for role, _, _ in LOOKS.values()}) == len(LOOKS)
    assert len({shape for _, shape, _ in LOOKS.values()}) == len(LOOKS)


def test_an_empty_lane_says_whether_the_model_knows_the_outcome() -> None:
    words = column(race(sweep("5.10")), "texts", "text")
    assert words.count("the model: never") == 2  # killed through sysfs, where 5.10 never revokes
    assert "possible, not seen" in words


def test_without_controls_the_verdict_is_undecided_and_in_the_picture() -> None:
    picture = race(sweep())
    assert column(picture, "texts", "text").count("UNDECIDED") == 4
    assert "UNDECIDED" in picture.alt


@pytest.mark.parametrize("versions", [("6.12",), ("5.10", "7.3")])
def test_a_strip_a_kernel_and_race_with_shares_that_fill_it(versions: tuple[str, ...]) -> None:
    two = [trial("killed", 50), trial("killed", 52)]
    picture = races({version: sweep(version, *two) for version in versions})
    assert [label for _, label in picture.y.ticks] == list(versions) * 4
    height = {
        (rect.left, f"{int(rect.top // 18)} {rect.role}"): rect.bottom - rect.top
        for rect in picture.marks.rects
    }
    shares = [h for (_, name), h in height.items() if name.endswith("ok")]
    assert len(shares) == len(versions)
    assert shares == [pytest.approx(14 * 2 / 3)] * len(versions)
    assert "2 killed, 1 survived" in picture.alt
    assert f"kernel by kernel. Linux {versions[0]}, /dev/mem" in picture.alt


def test_the_usual_lanes_are_always_there() -> None:
    labels = [label for _, label in race(sweep()).y.ticks]
    assert labels == [*LANES] * 4


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
