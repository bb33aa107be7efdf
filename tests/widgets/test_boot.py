"""The boot explorer without a browser: every choice is searched, and shown as it was found."""

from __future__ import annotations

import pytest

from devmemkit.widgets.boot import NOTHING, BootExplorer


def broken(explorer: BootExplorer) -> int:
    return sum(result.verdict == "found" for _, result in explorer.results.values())


@pytest.mark.slow
def test_moving_an_initcall_searches_anew_and_back_again(in_step) -> None:
    explorer = BootExplorer("7.3")
    assert (broken(explorer), explorer.shown.value) == (0, NOTHING)
    in_step(explorer)
    explorer.levels["iomem_init_inode"].value = "late"
    assert broken(explorer) == 1
    assert explorer.shown.value == "claims: no null pointer is followed"
    assert "violated after 5 steps" in explorer.status.value
    in_step(explorer)
    explorer.back.click()
    assert broken(explorer) == 0
    assert explorer.boot.levels == {}
    in_step(explorer)


@pytest.mark.slow
def test_static_files_are_a_choice_and_each_finding_can_be_shown(in_step) -> None:
    explorer = BootExplorer("6.12")
    assert len(explorer.shown.options) == broken(explorer) == 3
    for question in explorer.shown.options:
        explorer.shown.value = question
        in_step(explorer)
    explorer.files.value = "static"
    assert broken(explorer) == 0
    explorer.mapping.value = "at creation"
    assert broken(explorer) == 3
    assert "never put to the test: no state in which a device has a file" in explorer.status.value
    in_step(explorer)
