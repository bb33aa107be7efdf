"""The endings of the race that each kernel's steps allow, over all interleavings."""

from __future__ import annotations

from itertools import product

import pytest

from devmemkit.explore.endings import race_outcomes, touch_outcomes
from devmemkit.scenarios.races.lab_race import in_order, touch_in_order


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


@pytest.mark.parametrize("claim", ["whole", "first page"])
def test_arm64_has_the_same_endings_but_for_the_check_of_cache_types(claim: str) -> None:
    for version, via in product(("6.1", "6.12", "7.3"), ("devmem", "sysfs")):
        without = {"denied EINVAL"} if (version, via) == ("7.3", "devmem") else set()
        theirs = race_outcomes(version, via, claim)
        assert race_outcomes(version, via, claim, "", "arm64") == theirs - without
        assert in_order(version, via, claim, "after", "", "arm64") == "killed"


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


LEAKS = {"survived", "torn"}


@pytest.mark.parametrize("version", ["6.12", "7.3"])
@pytest.mark.parametrize(
    ("repair", "leaks"),
    [("", True), ("recheck", False), ("fault", False), ("link-first", True), ("hold-rmap", True)],
)
def test_which_repaired_maps_leak(version: str, repair: str, leaks: bool) -> None:
    for via in ("devmem", "sysfs"):
        for claim in ("whole", "first page"):
            assert bool(LEAKS & race_outcomes(version, via, claim, repair)) == leaks


@pytest.mark.parametrize("version", ["6.12", "7.3"])
@pytest.mark.parametrize("via", ["devmem", "sysfs"])
def test_a_fault_without_its_lock_inserts_a_page_that_was_claimed(version: str, via: str) -> None:
    """Every page but the one in the fault is dead, as the next fault sees the claim."""
    assert touch_outcomes(version, via, "fault") == {"killed"}
    assert touch_outcomes(version, via, "fault-unlocked") == {"killed", "torn"}
    assert not LEAKS & race_outcomes(version, via, "whole", "fault-unlocked")
    for repair in ("fault", "fault-unlocked"):
        ends = [touch_in_order(version, via, one, repair) for one in ("none", "before", "after")]
        assert ends == ["alive", "killed", "killed"]
