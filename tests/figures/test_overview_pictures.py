"""The actors and the history: what connects whom under a kernel, and since when."""

from __future__ import annotations

import pytest

from devmemkit.figures.actors import BOXES, actors, arrows
from devmemkit.figures.history import history, milestones
from devmemkit.figures.svg import to_svg
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES
from tests.figures.pictures import column


def connected(version: str, policy: str | None = None) -> set[tuple[str, str]]:
    return {(a.start, a.end) for a in arrows(KernelProfile(version, policy_name=policy))}


def test_the_two_sides_do_not_know_of_each_other_in_v4_4() -> None:
    sides = {"process", "file", "vma", "pages", "memory"}, {"driver", "tree"}
    assert all(any({start, end} <= side for side in sides) for start, end in connected("4.4"))
    assert connected("4.5") - connected("4.4") == {("file", "tree")}
    since = connected("5.8") - connected("4.5")
    assert {("tree", "space"), ("space", "pages"), ("vma", "space")} <= since


def test_policies_differ_in_what_connects_them() -> None:
    assert ("space", "tree") in connected("6.12", "RefuseClaim")
    assert ("space", "pages") not in connected("6.12", "RefuseClaim")
    assert ("driver", "file") in connected("6.12", "RevokeAfterGrace")
    says = {a.says for a in arrows(KernelProfile("6.12", policy_name="DenyIdle"))}
    assert "busy, idle: EPERM" in says
    assert "hangs on (/dev/mem only)" in {a.says for a in arrows(KernelProfile("5.10"))}
    assert "chr_dev_init" in {a.says for a in arrows(KernelProfile("5.10"))}


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_is_connected_is_drawn(version: str) -> None:
    for policy in (None, *POLICIES):
        kernel = KernelProfile(version, policy_name=policy)
        picture = actors(kernel)
        names = {name for arrow in arrows(kernel) for name in (arrow.start, arrow.end)}
        assert len(picture.marks.rects) == len(names)
        assert names <= BOXES.keys()
        assert len(picture.marks.lines) == len(arrows(kernel))
        to_svg(picture)


def test_the_history_is_in_order_and_what_is_to_come_is_subdued() -> None:
    rows = milestones()
    assert [row.version for row in rows] == [
        "4.5", "5.8", "5.12", "5.15", "5.16", "6.16", "6.19", "7.2"
    ]  # fmt: skip
    picture = history("5.12")
    assert column(picture, "markers", "role") == ["now"] * 3 + ["muted"] * 5
    heights = column(picture, "markers", "y")
    assert heights == sorted(heights)
