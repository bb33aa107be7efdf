"""Initcalls over their levels, and what a claim reaches: each mark where its data are."""

from __future__ import annotations

from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.claim_path import SHAPES, claim_path
from devmemkit.figures.marks import Picture
from devmemkit.model.boot import INITCALLS, LEVELS
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.races.initcall_order import Boot


def column(picture: Picture, layer: str, name: str) -> tuple[object, ...]:
    return next(one for one in picture.layers if one.name == layer).column(name)


def test_each_initcall_stands_at_its_level_and_one_that_moved_is_marked() -> None:
    boot = Boot(levels={"chr_dev_init": "late"})
    picture = boot_order(LEVELS, boot.order, INITCALLS)
    places = column(picture, "initcalls", "x")
    assert places == (4.5, 5.5, 6.5, 7.5, 5.5, 8.5, 8.5)  # the fifth: where it usually is
    assert column(picture, "initcalls", "shape")[4:6] == ("x", "diamond")
    assert column(picture, "initcalls", "role").count("now") == 1
    assert column(picture, "names", "text") == tuple(name for name, _ in boot.order)
    assert "chr_dev_init (late)" in picture.alt


def test_every_edge_is_drawn_and_new_ones_are_marked() -> None:
    before, now = (edges(KernelProfile(version)) for version in ("4.5", "6.12"))
    picture = claim_path("Linux 6.12", now, before)
    assert picture.title == "Linux 6.12: 10 edges, 7 of them new"
    assert column(picture, "edges", "role") == ("kernel",) * 3 + ("now",) * 7
    wanted = tuple(SHAPES[edge.kind] for edge in now)
    assert sorted(map(str, column(picture, "edges", "shape"))) == sorted(wanted)
    assert all(edge.symbol in picture.alt for edge in now)
    same = claim_path("Linux 4.5", before, before)
    assert set(column(same, "edges", "role")) == {"kernel"}
