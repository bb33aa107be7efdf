"""The boot's pictures: levels in order, moments at their initcalls, who makes the files."""

from typing import Any

import pytest

from devmemkit.figures.initcalls import (
    PROCESS,
    appearances,
    first_file,
    initcalls,
    levels,
    made_by,
    moments,
)


def timeline(version: str, late: bool) -> dict[str, Any]:
    """A short boot: the files made by pci_sysfs_init, or device by device in acpi_init."""
    calls = [
        ["early_one", "early", 10, 5, 0],
        ["early_two", "early", 20, 5, 0],
        ["acpi_init", "subsys", 30, 50, 0],
        ["iomem_init_inode", "fs", 90, 5, 0],
        ["chr_dev_init", "fs", 100, 5, 0],
        ["pci_proc_init", "device", 110, 5, 0],
        ["other_init", "late", 120, 5, 0],
        *([["pci_sysfs_init", "late", 130, 20, 0]] if late else []),
        ["last_init", "late", 160, 5, 0],
    ]
    us, maker = (140, "pci_sysfs_init") if late else (40, "acpi_init")
    marks = [
        [80, "acpi_init", "PCI devices are found"],
        [95, "iomem_init_inode", "the iomem inode is made"],
        [105, "chr_dev_init", "/dev/mem is made"],
        [us, "a_call", f"the first resource file, by {maker}"],
        [200, "kernel_execve", "the first process runs"],
    ]
    return {
        "version": version,
        "initcalls": [*calls, ["of_a_module", "module", 300, 5, 0]],
        "first_process": 200,
        "moments": sorted(marks),
        "devices": [
            {"made_us": None, "made_by": None},
            {"made_us": us + 5, "made_by": ["a_call", "caller", maker]},
            {"made_us": us, "made_by": ["a_call", "caller", maker]},
        ],
    }


OLD, NEW = timeline("6.18", late=True), timeline("7.3", late=False)


def test_levels_follow_each_other_up_to_the_first_process() -> None:
    found = levels(OLD)
    assert [one.name for one in found] == ["early", "subsys", "fs", "device", "late", PROCESS]
    assert [one.first for one in found] == [0, *(one.end for one in found[:-1])]
    assert found[-1].first == len(OLD["initcalls"]) - 1


def test_a_moment_stands_at_its_initcall_or_at_the_one_that_was_running() -> None:
    places = {one.function: (one.order, one.level) for one in moments(OLD)}
    assert places["chr_dev_init"] == (4, "fs")
    assert places["a_call"] == (7, "late")
    assert places["kernel_execve"] == (len(OLD["initcalls"]) - 1, PROCESS)
    assert {one.function: one.order for one in moments(NEW)}["a_call"] == 2


@pytest.mark.parametrize(("boot", "maker"), [(OLD, "pci_sysfs_init"), (NEW, "acpi_init")])
def test_who_makes_the_first_file(boot: dict[str, Any], maker: str) -> None:
    assert made_by(boot) == maker
    assert first_file(boot).brings.endswith(maker)


def test_a_boot_without_files_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^timeline of 6\.18: expected a resource file, got none$"
    ):
        first_file(OLD | {"devices": []})


@pytest.mark.parametrize("boot", [OLD, NEW], ids=["old", "new"])
def test_the_picture_has_every_level_and_moment(boot: dict[str, Any]) -> None:
    picture = initcalls(boot)
    assert [label for _, label in picture.y.ticks] == [one.name for one in levels(boot)]
    bars = [(bar.left, bar.right) for bar in picture.marks.rects]
    assert bars == [(one.first, one.end) for one in levels(boot)[:-1]]
    dots = picture.marks.markers
    assert len(dots) == len(boot["moments"])
    assert max(dot.x for dot in dots) < picture.x.end
    assert [dot.shape for dot in dots].count("diamond") == 1
    assert {dot.tip.split(":")[0] for dot in dots} == {name for _, name, _ in boot["moments"]}
    assert "order, not duration" in picture.alt
    assert all("order, not duration" in dot.tip for dot in dots)


def test_kernels_are_compared_by_level() -> None:
    picture = appearances({"6.18": OLD, "7.3": NEW})
    files = [dot.x for dot in picture.marks.markers if dot.shape == "diamond"]
    assert files == [3.5, 0.5]  # in the middle of late, of subsys
    assert "Linux 6.18: by pci_sysfs_init, level late" in picture.alt
    assert "Linux 7.3: by acpi_init, level subsys" in picture.alt
