"""The endings of the race that each kernel's steps allow, over all interleavings."""

from __future__ import annotations

import pytest

from devmemkit.explore.endings import race_outcomes
from devmemkit.scenarios.races.lab_race import in_order


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12"])
@pytest.mark.parametrize("claim", ["whole", "first page"])
def test_dev_mem_populated_before_it_is_linked_survives_whole(version: str, claim: str) -> None:
    assert race_outcomes(version, "devmem", claim) == {"denied EPERM", "killed", "survived"}


def test_dev_mem_linked_first_can_be_torn_and_is_checked_twice() -> None:
    whole = race_outcomes("7.3", "devmem", "whole")
    assert whole == {"denied EPERM", "denied EINVAL", "killed", "survived", "torn"}
    assert race_outcomes("7.3", "devmem", "first page") == whole - {"torn"}


@pytest.mark.parametrize("claim", ["whole", "first page"])
def test_sysfs_survives_everywhere(claim: str) -> None:
    for version in ("6.1", "6.12", "6.18", "7.3"):
        found = race_outcomes(version, "sysfs", claim)
        assert found == {"denied EINVAL", "killed", "survived"}
    assert race_outcomes("5.10", "sysfs", claim) == {"denied EINVAL", "survived"}


def test_controls() -> None:
    def ends(version: str, via: str) -> list[str]:
        controls = ("none", "before", "after", "outside")
        return [in_order(version, via, "first page", control) for control in controls]

    assert ends("5.10", "devmem") == ["alive", "denied EPERM", "killed", "survived"]
    assert ends("5.10", "sysfs") == ["alive", "denied EINVAL", "survived", "survived"]
    assert ends("7.3", "devmem") == ["alive", "denied EPERM", "killed", "survived"]
    assert ends("7.3", "sysfs") == ["alive", "denied EINVAL", "killed", "survived"]


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="via: expected one of devmem, sysfs; got 'proc'"):
        race_outcomes("7.3", "proc", "whole")
    with pytest.raises(ValueError, match="claim: expected one of whole, first page; got 'half'"):
        race_outcomes("7.3", "sysfs", "half")
    with pytest.raises(ValueError, match="kernel: expected one of"):
        race_outcomes("1.0", "sysfs", "whole")
    for control in ("outside", "never"):
        with pytest.raises(ValueError, match=r"control: expected one of none, .* that fits"):
            in_order("7.3", "sysfs", "whole", control)
