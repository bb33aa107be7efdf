"""What stops a process before the driver; chances beside their closed form."""

from __future__ import annotations

import math

import pytest

from devmemkit.scenarios.stories.defences import (
    ACCIDENT,
    ATTEMPTS,
    DEFENCES,
    PHASES,
    closes,
    ended,
    phases,
)
from devmemkit.scenarios.stories.exposure import Exposure, detected, fletcher64, share, simulate

VERSIONS = ("5.10", "6.1", "6.12", "6.18", "7.3")


@pytest.mark.parametrize("version", VERSIONS)
def test_who_may_write_to_an_idle_region(version: str) -> None:
    """Who may open and map what, and what is asked at open but never again."""
    ways = {name: [ended(version, name, way) for way in ATTEMPTS] for name in DEFENCES}
    assert ways["nothing more"] == ways["iomem=strict"] == ["written"] * 4
    assert ways["lockdown"] == ["EPERM"] * 4
    assert ways["lockdown, raised later"] == ["written", "written", "written", "EPERM"]
    assert ways["DEVMEM=n"] == ["ENOENT", "ENOENT", "ENOENT", "written"]
    assert ways["exclusive for ever"] == ["EPERM", "EPERM", "EPERM", "written"]
    assert ways["DenyIdle"] == ["EPERM", "EPERM", "EPERM", "EINVAL"]


def test_accident_and_intent_are_not_the_same() -> None:
    accident = {name for name in DEFENCES if closes("7.3", name, ACCIDENT)}
    intent = {name for name in DEFENCES if closes("7.3", name, tuple(ATTEMPTS))}
    assert accident - intent == {"DEVMEM=n", "exclusive for ever"}
    assert intent == {"lockdown", "DenyIdle"}
    with pytest.raises(ValueError, match="defence: expected one of nothing more, iomem=strict"):
        ended("7.3", "prayer", "pwrite(2)")


def test_the_hole_punch_ends_access_and_is_no_help_before() -> None:
    yes = dict.fromkeys(PHASES, "yes")
    assert phases("4.4") == yes
    assert phases("4.5") == yes | {"claimed, mapped anew": "EPERM"}
    revoked = {"claimed, mapped before": "SIGBUS", "released, mapped before": "SIGBUS"}
    assert phases("6.12") == yes | revoked | {"claimed, mapped anew": "EPERM"}
    assert phases("6.12", "RevokeAfterGrace") == phases("6.12")
    assert set(phases("6.12", "RefuseClaim").values()) == {"yes", "claim: EBUSY"}
    assert set(phases("6.12", "DenyIdle").values()) == {"EPERM"}


def test_chances_agree_with_their_closed_form() -> None:
    missed = 0
    for number, delay in enumerate((0.1, 1, 3, 10, 30, 100) * 10):
        made = Exposure(delay, writers=3, rate=0.02)
        found = simulate(made, 1000, number)
        missed += not found.low <= made.expected <= found.high
    assert missed <= 8  # of 60 intervals of 95 %: more has a chance of one in a hundred
    assert Exposure(10, 1, 0.1, spread=0).expected == pytest.approx(1 - math.exp(-1))
    assert Exposure(10, 0).expected == simulate(Exposure(10, 0), 100, 1).hits == 0
    assert simulate(Exposure(10, 2), 500, 7) == simulate(Exposure(10, 2), 500, 7)
    assert simulate(Exposure(10, 2), 500, 7) != simulate(Exposure(10, 2), 500, 8)


def test_intervals_are_wilsons() -> None:
    assert (share(0, 10).low, round(share(0, 10).high, 4)) == (0, 0.2775)
    assert (round(share(5, 10).low, 4), round(share(5, 10).high, 4)) == (0.2366, 0.7634)
    with pytest.raises(ValueError, match="trials: expected at least 1"):
        share(1, 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"delay": -1}, "delay: expected a number from 0"),
     ({"delay": "soon"}, "delay: expected a number from 0 to 1e\\+06, got 'soon'"),
     ({"delay": 1, "writers": -2}, "writers: expected"),
     ({"delay": 1, "spread": 2}, "spread: expected a number from 0 to 1, got 2")],
)  # fmt: skip
def test_what_cannot_be_assumed_is_told(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Exposure(**changes)  # type: ignore[arg-type]


def test_a_checksum_finds_accidents_and_no_forger() -> None:
    assert fletcher64(b"\x01\0\0\0\x02\0\0\0") == (1 + 3) << 32 | 3
    assert fletcher64(b"\xff\xff\xff\xff\x01\0\0\0") == 0xFFFFFFFF << 32  # sums wrap at 32 bits
    assert detected(100, 1, on_purpose=False).hits == 100
    assert detected(100, 1, on_purpose=True).hits == 0
