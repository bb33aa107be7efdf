"""The story of a BAR: what differs between kernels, files and claims."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.scenarios.stories.bar_story import BarStory, memory_bars
from devmemkit.scenarios.words import format_act

DIES = "SIGBUS, BUS_ADRERR"


def got(story: BarStory, *keys: str) -> list[str]:
    return [format_act(story.played, key) for key in keys]


def test_before_v5_12_resource_files_hang_on_an_inode_that_no_claim_looks_at() -> None:
    for version, revoked in (("4.5", "")), ("5.10", "Q"), ("5.12", "PQ"), ("7.3", "PQ"):
        story = BarStory(version)
        ends = dict(zip("PQ", got(story, "load_p", "load_q"), strict=True))
        assert {who for who, end in ends.items() if end == DIES} == set(revoked), version
        mappings = [vma for pid in "PQ" for vma in story.played.after("map_q")["vmas", pid]]
        assert {vma.pgoff for vma in mappings} == {story.range.start >> 12}
        shared = {vma.file.f_mapping for vma in mappings} == {"iomem"}
        assert shared == (revoked == "PQ")


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "6.18", "7.3"])
def test_resource_files_ask_about_the_first_page_only(version: str) -> None:
    whole, middle = BarStory(version), BarStory(version, claim_offset=0x3000, claim_size=0x2000)
    assert got(whole, "again_p", "again_q") == ["EINVAL", "EPERM"]
    assert got(middle, "again_p", "again_q") == ["mapped", "EPERM"]
    assert got(middle, "load_again") == ["0x0000000000005151"]


def test_since_v5_12_a_removed_device_stays_mapped() -> None:
    assert got(BarStory("5.10"), "removed_p", "gone_p") == [DIES, "ENODEV"]
    assert got(BarStory("6.12"), "removed_p", "gone_p") == ["0x0000000000005151", "ENODEV"]


def test_a_bar_smaller_than_a_page_and_a_claim_across_two() -> None:
    small = BarStory(device="0000:00:05.0", bar=0)
    assert (small.pages, small.claim) == (1, (0xFEBF5000, 0xFEBF50FF))
    assert got(small, "load_p", "again_p") == [DIES, "EINVAL"]
    odd = BarStory(claim_offset=0x1FF0, claim_size=0x20)
    table = odd.played.after("claim")["pagetable", "P"]
    base = odd.played.outcomes["map_p"].value >> 12
    assert [bool(table.present(base + page, base + page)) for page in (1, 2)] == [False, True]


def test_who_maps_is_a_choice() -> None:
    assert {act.actor for act in BarStory(via="resource").acts} == {"P", "D"}
    assert {act.actor for act in BarStory(via="devmem").acts} == {"Q", "D"}
    assert len(memory_bars(BarStory().before)) == 4


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"device": "0000:00:09.0"}, "device: expected one of 0000:00:02.0, .* got '0000:00:09.0'"),
        ({"bar": 1}, "bar: expected one of 0, 2; got 1"),
        ({"via": "tea"}, "via: expected one of both, resource, devmem; got 'tea'"),
        ({"claim_offset": 0x400_0000}, "claim_offset: expected less than 0x4000000"),
        ({"claim_size": 0x500_0000}, "claim_offset \\+ claim_size: expected at most 0x4000000"),
        ({"kernel": "6.13"}, "kernel: expected one of"),
        ({"policy": "Prayer"}, "policy: expected one of"),
        ({"machine": "toaster"}, "machine: expected qemu-5.10"),
    ],
)
def test_what_cannot_be_is_told(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        BarStory(**changes)
