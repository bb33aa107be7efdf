"""Swim lanes: one row a step, in the lane of its task, what is to come subdued."""

from __future__ import annotations

from devmemkit.explore.check import explore
from devmemkit.figures.lanes import lanes
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from tests.figures.pictures import column


def test_each_step_is_in_the_lane_of_its_task() -> None:
    made = claim_vs_release(KernelProfile("6.12"))
    example = explore(made).counterexample
    picture = lanes(tuple(made.programs), example)
    places = {text.text: text.x for text in picture.marks.texts}
    at = [places[task] for task in ("C0", "R0", "C0")]
    assert column(picture, "markers", "x") == at
    assert column(picture, "markers", "y") == [0, 1, 2]
    assert [*places][-3:] == ["insert", "release = done", "both_ends = done"]
    assert "C0:insert R0:release C0:both_ends" in picture.alt


def test_what_is_to_come_is_subdued_and_the_step_taken_last_is_framed() -> None:
    made = mmap_vs_claim(KernelProfile("6.12"))
    example = explore(made).counterexample
    picture = lanes(tuple(made.programs), example, 2)
    roles = column(picture, "markers", "role")
    assert roles[:3] == ["process", "process", "muted"]
    assert column(picture, "outlines", "bottom") == [1.5]
    assert lanes(tuple(made.programs), example, 0).marks.outlines == []


def test_time_has_a_lane_where_it_passes_and_nothing_found_is_an_empty_row() -> None:
    made = mmap_vs_claim(KernelProfile("6.12", policy_name="RevokeAfterGrace"))
    example = explore(made).counterexample
    assert example is not None
    assert ("time" in column(lanes(("U0", "C0"), example), "texts", "text")) == any(
        step.task == "time" for step in example.steps
    )
    empty = lanes(("U0", "C0"), None)
    assert empty.marks.markers == []
    assert empty.alt.endswith("violated: nothing.")
