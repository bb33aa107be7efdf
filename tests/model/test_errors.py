"""How an action ends: what an error says, and which parts of an outcome compare."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import Blocked, KernelBug, KernelError, Outcome, Trap


def test_what_an_error_says() -> None:
    error = KernelError("EBUSY", "it is taken", "1000-1fff : claim", page=1)
    assert (error.name, error.why) == ("EBUSY", "it is taken")
    assert (error.conflict, error.page) == ("1000-1fff : claim", 1)
    assert (str(error), str(KernelError("EINVAL"))) == ("EBUSY: it is taken", "EINVAL")
    trap = Trap("SIGBUS", "BUS_ADRERR", 0x10)
    assert (trap.signal, trap.code, trap.address) == ("SIGBUS", "BUS_ADRERR", 16)
    assert str(trap) == "SIGBUS/BUS_ADRERR at 0x10"
    blocked = Blocked("a lock", until=7)
    assert (str(blocked), blocked.on, blocked.until) == ("a lock", "a lock", 7)
    assert Blocked("a lock").until is None


@pytest.mark.parametrize("name", ["why", "conflict", "page"])
def test_what_is_for_people_does_not_compare(name: str) -> None:
    told = Outcome(None, "EBUSY", **{name: 1})
    assert told == Outcome(None, "EBUSY")
    assert hash(told) == hash(Outcome(None, "EBUSY"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("value", 1), ("errno", "EPERM"), ("signal", "SIGBUS"), ("si_code", "BUS_ADRERR"),
     ("si_addr", 1), ("bug", "null pointer")],
)  # fmt: skip
def test_what_ended_otherwise_is_another_outcome(name: str, value: object) -> None:
    other = Outcome(**{name: value})  # type: ignore[arg-type]
    assert other != Outcome()
    assert other.ok == (name in ("value", "si_code", "si_addr"))


def test_outcomes_of_errors() -> None:
    refused = Outcome.of(KernelError("EBUSY", "taken", "1000-1fff : claim", page=3))
    assert (refused.value, refused.errno, refused.why) == (None, "EBUSY", "taken")
    assert (refused.conflict, refused.page) == ("1000-1fff : claim", 3)
    assert Outcome.of(KernelError("EBUSY")).conflict is None
    assert Outcome.of(Trap("SIGBUS", "BUS_ADRERR", 16)) == Outcome(
        None, signal="SIGBUS", si_code="BUS_ADRERR", si_addr=16
    )
    assert Outcome.of(KernelBug("null pointer")) == Outcome(None, bug="null pointer")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(0x1F), "0x1f"),
        (Outcome(b"x"), "b'x'"),
        (Outcome(None, "EPERM"), "EPERM"),
        (Outcome(None, bug="null pointer"), "kernel bug: null pointer"),
        (Outcome(None, None, "SIGBUS", "BUS_ADRERR", 16), "SIGBUS (BUS_ADRERR) at 0x10"),
    ],
)
def test_an_outcome_in_words(outcome: Outcome, said: str) -> None:
    assert str(outcome) == said
