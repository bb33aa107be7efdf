"""Another order of initcalls: what it breaks, found by search; as it is in Linux, what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.explore.check import explore, explore_each
from devmemkit.model.boot import INITCALLS, LEVELS
from devmemkit.scenarios.races.boot import TWICE, WHOLE
from devmemkit.scenarios.races.initcall_order import FINDS, Boot
from devmemkit.scenarios.races.properties import NO_BUG


def broken(boot: Boot) -> set[tuple[str, str]]:
    """The questions that a boot does not stand, by scenario and name."""
    return {
        (made.name, name)
        for made in boot.scenarios()
        for name, result in explore_each(made).items()
        if result.counterexample
    }


RACES = {("files", TWICE), ("files", FINDS), ("files", WHOLE)}


@pytest.mark.parametrize("version", ["5.8", "5.10", "5.12", "6.12", "7.1"])
def test_as_it_is_up_to_7_1_two_make_files_and_programs_may_miss_them(version: str) -> None:
    assert broken(Boot(version)) == RACES


@pytest.mark.parametrize("version", ["7.2", "7.3"])
def test_as_it_is_from_7_2_on_nothing_is_left(version: str) -> None:
    assert broken(Boot(version)) == set()


def test_static_files_need_the_mapping_at_open() -> None:
    assert broken(Boot("6.12", static=True)) == set()
    assert broken(Boot("6.12", static=True, at_open=False)) == {
        ("files", NO_BUG), ("files", WHOLE), ("claims", NO_BUG)
    }  # fmt: skip
    inode_first = {"iomem_init_inode": "core"}
    assert broken(Boot("6.12", inode_first, static=True, at_open=False)) == set()


def test_user_space_before_the_inode_follows_a_null_pointer() -> None:
    assert broken(Boot("7.3", {"iomem_init_inode": "late"})) == {("claims", NO_BUG)}
    assert broken(Boot("7.3", {"iomem_init_inode": "device", "populate_rootfs": "late"})) == set()
    assert not {what for _, what in broken(Boot("4.5", {"iomem_init_inode": "late"}))} & {NO_BUG}


def test_bridges_before_the_walk_leave_only_programs_to_miss_files() -> None:
    """What is probed in between still races; the walk first of all, and everybody makes his own."""
    assert broken(Boot("6.12", {"host_driver_init": "late", "acpi_init": "subsys"})) == RACES
    first = Boot("6.12", {"pci_sysfs_init": "pure"})
    assert broken(first) == set(), "the flag is set before there is a device"


@pytest.mark.parametrize("boot", [Boot("6.12"), Boot("7.3", {"iomem_init_inode": "late"})])
def test_all_questions_at_once_are_answered_as_each_by_itself(boot: Boot) -> None:
    for made in boot.scenarios():
        sometimes = tuple(one for one in made.properties if one.kind == "sometimes")
        at_once = explore_each(made)
        assert at_once.keys() == {p.name for p in made.properties if p.kind != "sometimes"}
        for one in made.properties:
            if one.kind != "sometimes":
                alone = explore(replace(made, properties=(one, *sometimes)))
                other = at_once[one.name]
                assert (other.verdict, other.vacuous) == (alone.verdict, alone.vacuous)
                lines = [r.counterexample and r.counterexample.line() for r in (alone, other)]
                assert lines[0] == lines[1]


def test_order_is_by_level_then_by_link() -> None:
    assert [name for name, _ in Boot().order] == list(INITCALLS)
    moved = Boot(levels={"acpi_init": "fs"})
    assert [name for name, _ in moved.order][:3] == [
        "acpi_init",
        "iomem_init_inode",
        "chr_dev_init",
    ]
    assert set(INITCALLS.values()) <= set(LEVELS)


def test_what_is_no_initcall_or_level_is_told() -> None:
    with pytest.raises(ValueError, match="initcall: expected one of acpi_init"):
        Boot(levels={"coffee": "fs"})
    with pytest.raises(ValueError, match="acpi_init: expected a level of pure"):
        Boot(levels={"acpi_init": "noon"})
