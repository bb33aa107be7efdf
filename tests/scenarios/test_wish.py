"""Green and red: an act's end is judged by whose page it is at that moment."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import Outcome
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.scenarios.wish import as_wished


@pytest.mark.parametrize(
    ("kernel", "policy", "key", "wished"),
    [
        ("6.12", "as released", "map", True),  # nobody owns it yet
        ("6.12", "as released", "claim", True),
        ("6.12", "as released", "load_after", False),  # dies
        ("6.12", "as released", "load_private", False),  # dies, on its own copy
        ("6.12", "as released", "write_from", True),  # EFAULT: the page is the driver's
        ("6.12", "as released", "ptrace", True),
        ("6.12", "as released", "pread", True),
        ("6.12", "as released", "map_again", True),
        ("6.12", "as released", "load_beyond", True),
        ("6.12", "as released", "load_released", False),
        ("6.12", "as released", "load_new", True),
        ("4.5", "as released", "load_after", False),  # reaches what is the driver's
        ("4.5", "as released", "load_private", True),  # its own copy
        ("4.4", "as released", "map_again", False),
        ("4.4", "as released", "map_beyond", True),
        ("4.5", "as released", "load_released", True),  # the driver has gone
        ("6.16", "as released", "ioremap", None),  # a driver is refused
        ("6.12", "RefuseClaim", "claim", None),
        ("6.12", "RefuseClaim", "load_after", True),
        ("6.12", "RefuseClaim", "ioremap", None),  # not played
        ("6.12", "DenyIdle", "map", None),  # nobody's, and refused
    ],
)
def test_of_the_takeover(kernel: str, policy: str, key: str, wished: bool | None) -> None:
    assert as_wished(Takeover(kernel=kernel, policy=policy).played, key) is wished


@pytest.mark.parametrize(("kernel", "wished"), [("5.10", False), ("6.12", False)])
def test_a_bar_that_survives_is_as_bad_as_a_death(kernel: str, wished: bool) -> None:
    played = BarStory(kernel=kernel).played
    assert as_wished(played, "load_p") is wished
    assert played.outcomes["load_p"].ok is (kernel == "5.10")


def test_the_end_on_a_real_kernel_is_judged_where_one_is_given() -> None:
    played = Takeover(kernel="6.12").played
    assert as_wished(played, "load_after", Outcome(7)) is False
    assert as_wished(played, "load_beyond", Outcome(7)) is True
    assert as_wished(played, "map_again", Outcome(0x7000_0000_0000)) is False
