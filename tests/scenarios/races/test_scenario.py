"""Programs: acts one after the other, those that need what failed left out, loops."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.races.scenario import Program, act_at, position, proceed

OPEN = Act("open", "P", "open_devmem", {"pid": "P"})
MAP = Act("map", "P", "mmap_devmem", {"pid": "P", "fd": Ref("open"), "length": 0x1000})
CLOSE = Act("close", "P", "close", {"pid": "P", "fd": Ref("open")})
AFTER = Act("after", "P", "open_devmem", {"pid": "P"}, needs="map")


def view(**components: object) -> View:
    return View(Machine(KernelProfile("6.12"), dict(components)))


def over(m: View, outcome: Outcome) -> View:
    """The view after the operation at work ended so."""
    return View(m.machine.with_(m.writes | {("stack", "P"): None, ("outcome", "P"): outcome}))


def test_outcomes_are_filled_in_and_forgotten_when_nobody_needs_them() -> None:
    program = Program((OPEN, MAP, CLOSE))
    m = view()
    proceed(m, "P", program)
    assert (position(m, "P"), act_at(m, "P", program)) == ((0, {}), "open_devmem")
    m = over(m, Outcome(3))
    proceed(m, "P", program)
    assert dict(m["stack", "P"][0])["fd"] == 3
    assert position(m, "P") == (1, {"open": Outcome(3)})
    m = over(m, Outcome(0x7F00))
    proceed(m, "P", program)
    assert position(m, "P") == (2, {"open": Outcome(3)})
    m = over(m, Outcome(0))
    proceed(m, "P", program)
    assert (position(m, "P"), act_at(m, "P", program)) == ((3, {}), "")


def test_an_act_that_needs_one_that_failed_is_left_out() -> None:
    program = Program((OPEN, MAP, AFTER), keep=("open",))
    m = view()
    proceed(m, "P", program)
    failed = Outcome(None, "EPERM")
    m = over(m, failed)
    proceed(m, "P", program)
    assert position(m, "P") == (3, {"open": failed})
    assert m.get(("stack", "P")) is None


def test_a_loop_goes_on_from_where_it_says() -> None:
    program = Program((OPEN, CLOSE), again=0)
    m = view()
    proceed(m, "P", program)
    m = over(m, Outcome(3))
    proceed(m, "P", program)
    m = over(m, Outcome(0))
    proceed(m, "P", program)
    assert act_at(m, "P", program) == "open_devmem"
    endless = Program((OPEN, MAP), again=1)
    m = view()
    proceed(m, "P", endless)
    m = over(m, Outcome(None, "EPERM"))
    with pytest.raises(ValueError, match="P: expected a loop with an act that can be played"):
        proceed(m, "P", endless)
