"""Initcalls over their levels, what a claim reaches, steps in lanes: marks where their data are."""

from __future__ import annotations

from devmemkit.explore.check import explore
from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.claim_path import SHAPES, claim_path
from devmemkit.figures.lanes import lanes
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.races.claims import claim_vs_release, mmap_vs_claim
from devmemkit.scenarios.races.initcall_order import Boot
from tests.figures.pictures import column


def test_each_initcall_stands_at_its_level_and_one_that_moved_is_marked() -> None:
    boot = Boot(levels={"chr_dev_init": "late"})
    picture = boot_order(boot.order)
    places = column(picture, "markers", "x")
    assert places == [4.5, 5.5, 6.5, 7.5, 5.5, 8.5, 8.5]  # the fifth: its usual level
    assert column(picture, "markers", "shape")[4:6] == ["x", "diamond"]
    assert column(picture, "markers", "tip")[4] == "chr_dev_init: usually fs"
    assert column(picture, "markers", "role").count("now") == 1
    assert column(picture, "texts", "text") == [name for name, _ in boot.order]
    assert "chr_dev_init (late)" in picture.alt


def test_every_edge_is_drawn_and_new_ones_are_marked() -> None:
    before, now = (edges(KernelProfile(version)) for version in ("4.5", "6.12"))
    picture = claim_path("Linux 6.12", now, before)
    assert picture.title == "What a claim takes and calls in Linux 6.12"  # no count: it is asked
    assert column(picture, "markers", "role") == ["kernel"] * 3 + ["now"] * 7
    assert sorted(column(picture, "markers", "shape")) == sorted(SHAPES[e.kind] for e in now)
    assert all(edge.symbol in picture.alt for edge in now)
    same = claim_path("Linux 4.5", before, before)
    assert set(column(same, "markers", "role")) == {"kernel"}


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
