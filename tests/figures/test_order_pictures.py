"""Initcalls over their levels, and what a claim reaches: each mark where its data are."""

from __future__ import annotations

from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.claim_path import SHAPES, claim_path
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.claim_path import edges
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
