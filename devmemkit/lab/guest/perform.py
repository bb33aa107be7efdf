"""Performing a story on a real kernel: the same acts that play() performs on the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devmemkit.lab.guest.boot import Guest
from devmemkit.model.errors import Outcome
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.play import SETTLE, Act, Ref, processes

WHOLE = {"tree": "iomem", "parent": (), "flags": 0, "bars": None}
"""Arguments of the model only, with the one value that a driver in the guest implements."""


@dataclass(frozen=True)
class Performed:
    """What a guest did: each act's outcome by key, in story order, as from play().

    `cannot` says, by key, why an act could not be carried out there; `ns` is the time of each
    act in the guest.
    """

    outcomes: dict[str, Outcome]
    cannot: dict[str, str]
    ns: dict[str, int]


def perform(guest: Guest, acts: tuple[Act, ...]) -> Performed:
    """Perform the acts in the guest, in order, by the rules of play(); SETTLE does nothing.

    ValueError for an argument that no guest can be given, GuestError when the guest fails.
    """
    pids = processes(acts)
    first: list[dict[str, Any]] = [{"operation": "process", "pid": pid} for pid in pids]
    done = [act for act in acts if act.operation != SETTLE]
    answers = guest.play(first + requests(done, after=len(first)))
    pairs = list(zip(done, answers[len(first) :], strict=True))
    return Performed(
        {a.key: _outcome(a, r) for a, r in pairs if "skipped" not in r and "cannot" not in r},
        {a.key: r["cannot"] for a, r in pairs if "cannot" in r},
        {a.key: r["ns"] for a, r in pairs if "skipped" not in r},
    )


def requests(acts: list[Act], *, after: int = 0) -> list[dict[str, Any]]:
    """The acts as calls, `after` other calls: the model's defaults filled in, Refs by index."""
    index = {act.key: number for number, act in enumerate(acts, after)}
    made = []
    for act in acts:
        arguments = {**OPERATIONS[act.operation].defaults, **act.arguments}
        request: dict[str, Any] = {"operation": act.operation}
        for name, value in arguments.items():
            if name in WHOLE:
                if value != WHOLE[name]:
                    raise ValueError(f"{act.key}: expected {name}={WHOLE[name]!r}, got {value!r}")
            elif value is not None:
                request[name] = _encoded(value, index, f"{act.key}.{name}")
        if act.needs:
            request["needs"] = index[act.needs]
        made.append(request)
    return made


def _encoded(value: Any, index: dict[str, int], where: str) -> Any:
    if isinstance(value, Ref):
        return {"ref": index[value.key], "plus": value.plus}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int):
        return value
    raise ValueError(f"{where}: expected a number, text, bytes or a Ref, got {value!r}")


def _outcome(act: Act, answer: dict[str, Any]) -> Outcome:
    if "errno" in answer:
        return Outcome(None, answer["errno"])
    if "signal" in answer:
        return Outcome(None, None, answer["signal"], answer["si_code"], answer["si_addr"])
    if "bytes" in answer:
        return Outcome(bytes.fromhex(answer["bytes"]))
    return Outcome(answer["text"] if "text" in answer else answer["value"])
