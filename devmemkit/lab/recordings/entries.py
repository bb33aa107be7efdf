"""Entries of packed sequences, checked before they are decoded: a schema's part, but fast.

There are some hundred thousand of them; schema.json says the same of the acts of stories.
"""

from __future__ import annotations

import re
from typing import Any

from devmemkit.lab.recordings.recording import RecordingError
from devmemkit.model.step import OPERATIONS

PLAYERS = ("P", "Q")
"""The processes that every sequence begins with."""

WORD = "word"
NUMBER = "number"
SWITCH = "switch"
BYTES = "bytes"
REF = "ref"

ARGUMENTS = {
    **dict.fromkeys(("pid", "child", "bdf", "driver", "device"), (WORD,)),
    **dict.fromkeys(("mode", "prot", "advice", "whence"), (WORD,)),
    **dict.fromkeys(("offset", "length", "new_length", "start", "size", "count"), (NUMBER,)),
    **dict.fromkeys(("value", "bar"), (NUMBER,)),
    **dict.fromkeys(("dsync", "shared", "wc"), (SWITCH,)),
    **dict.fromkeys(("fd", "address", "to"), (NUMBER, REF)),
    "data": (BYTES,),
}
"""What random operations are given, by name."""

LONGEST = 1 << 16
"""Of a word, of bytes, and acts of a sequence."""
NAME = re.compile("[A-Z0-9_]{1,40}")
HEX = re.compile("([0-9a-f]{2})*")
NEEDED = {"actor", "operation", "arguments"}
PARTS = {*NEEDED, "needs", "live"}


def key(number: int) -> str:
    """The key of a sequence's act, which no entry has: they are numbered."""
    return f"a{number}"


def check_acts(acts: list[Any], where: str) -> None:
    """RecordingError unless each is an act that the model can be given, after what it needs."""
    known: set[str] = set()
    people = set(PLAYERS)
    if len(acts) > LONGEST:
        raise RecordingError(f"{where}: expected at most {LONGEST} acts, got {len(acts)}")
    for number, entry in enumerate(acts):
        try:
            _check_act(entry, known, people)
        except _Wrong as wrong:
            raise RecordingError(f"{where}, act {number}: {wrong}") from None
        known.add(key(number))


class _Wrong(Exception):
    def __init__(self, expected: str, got: Any) -> None:
        super().__init__(f"expected {expected}, got {str(got)[:60]!r}")


def _check_act(entry: Any, known: set[str], people: set[str]) -> None:
    if not isinstance(entry, dict) or not NEEDED <= entry.keys() <= PARTS:
        raise _Wrong(f"an act of {', '.join(sorted(PARTS))}", entry)
    operation, arguments = entry["operation"], entry["arguments"]
    if _kind(entry["actor"]) != WORD or not entry["actor"]:
        raise _Wrong("a word as actor", entry["actor"])
    if _kind(operation) != WORD or operation not in OPERATIONS:
        raise _Wrong("an operation of the model", operation)
    if "needs" in entry and (_kind(entry["needs"]) != WORD or entry["needs"] not in known):
        raise _Wrong("to need an earlier act", entry["needs"])
    if entry.get("live", True) is not True:
        raise _Wrong("live to be true or left out", entry["live"])
    made = OPERATIONS[operation]
    if not isinstance(arguments, dict) or not all(name in arguments for name in made.needs):
        raise _Wrong(f"the arguments {', '.join(made.needs)} of {operation}", arguments)
    for name, value in arguments.items():
        kind = _kind(value)
        if name not in made.needs and name not in made.defaults:
            raise _Wrong(f"an argument of {operation}", name)
        if kind not in ARGUMENTS.get(name, ()):
            raise _Wrong(f"{name} to be {' or '.join(ARGUMENTS.get(name, ('left out',)))}", value)
        if kind == REF and value["ref"] not in known:
            raise _Wrong(f"{name} to refer to an earlier act", value)
    if arguments.get("pid", "P") not in people:
        raise _Wrong(f"a process of {', '.join(sorted(people))}", arguments["pid"])
    if "child" in arguments:
        people.add(arguments["child"])


def is_end(end: Any) -> bool:
    """Whether it is how an act can end in a guest, or that it was left out: see schema.json."""
    if not isinstance(end, dict) or len(end) > 1:
        return False
    if "outcome" not in end:
        return not end or _is_text(end.get("cannot"))
    outcome = end["outcome"]
    if not isinstance(outcome, dict):
        return False
    if outcome.keys() == {"value"}:
        value = outcome["value"]
        return _kind(value) in (NUMBER, BYTES) or _is_text(value)
    if outcome.keys() == {"errno"}:
        return _is_name(outcome["errno"])
    names = outcome.keys() == {"signal", "si_code", "si_addr"}
    return (
        names
        and _is_name(outcome["signal"])
        and _is_name(outcome["si_code"])
        and _kind(outcome["si_addr"]) == NUMBER
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable()


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _kind(value: Any) -> str:
    """What a value is, of those that occur; empty for any other."""
    if isinstance(value, str):
        return WORD if len(value) <= LONGEST else ""
    if isinstance(value, bool):
        return SWITCH
    if isinstance(value, int):
        return NUMBER if value.bit_length() <= 64 else ""
    if not isinstance(value, dict):
        return ""
    if value.keys() == {"ref", "plus"}:
        return REF if (_kind(value["ref"]), _kind(value["plus"])) == (WORD, NUMBER) else ""
    text = value.get("bytes") if len(value) == 1 else None
    if not isinstance(text, str) or len(text) > 2 * LONGEST:
        return ""
    return BYTES if HEX.fullmatch(text) else ""
