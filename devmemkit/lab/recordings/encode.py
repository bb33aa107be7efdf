"""Stories and their outcomes on a kernel, as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devmemkit.lab.guest.perform import Performed
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import Story


def encode_story(story: Story, performed: Performed) -> dict[str, Any]:
    """A story with each act's outcome and time in the guest."""
    return {
        "name": story.name,
        "says": story.says,
        "cmdline": story.cmdline,
        "cause": story.cause,
        "acts": [
            encode_act(act)
            | encode_end(act.key, performed)
            | ({"ns": performed.ns[act.key]} if act.key in performed.ns else {})
            for act in story.acts
        ],
    }


def decode_story(entry: dict[str, Any]) -> tuple[Story, Performed]:
    """The story that was recorded, and what the kernel did."""
    acts = tuple(decode_act(act) for act in entry["acts"])
    story = Story(entry["name"], entry["says"], acts, entry["cause"], entry["cmdline"])
    times = {act["key"]: act["ns"] for act in entry["acts"] if "ns" in act}
    return story, decode_ends({act["key"]: act for act in entry["acts"]}, times)


def encode_act(act: Act) -> dict[str, Any]:
    """An act without its outcome."""
    entry: dict[str, Any] = {"key": act.key, "actor": act.actor, "operation": act.operation}
    entry["arguments"] = {name: _encode(value) for name, value in act.arguments.items()}
    return entry | {name: value for name in MORE if (value := getattr(act, name))}


MORE = ("says", "needs", "live")
"""Fields of an act that are left out if empty."""


def decode_act(entry: dict[str, Any]) -> Act:
    """The act of an entry; a recorded outcome in it is ignored."""
    more = {name: entry[name] for name in MORE if name in entry}
    arguments = {name: _decode(value) for name, value in entry["arguments"].items()}
    return Act(entry["key"], entry["actor"], entry["operation"], arguments, **more)


def encode_end(key: str, performed: Performed) -> dict[str, Any]:
    """How an act ended in the guest; {} if it was left out."""
    if key in performed.cannot:
        return {"cannot": performed.cannot[key]}
    if (outcome := performed.outcomes.get(key)) is None:
        return {}
    if outcome.ok:
        return {"outcome": {"value": _encode(outcome.value)}}
    names = ("errno", "signal", "si_code", "si_addr")
    told = {name: value for name in names if (value := getattr(outcome, name)) is not None}
    return {"outcome": told}


def decode_ends(ends: Mapping[str, dict[str, Any]], times: dict[str, int]) -> Performed:
    """What the kernel did, from how each act ended, by key."""
    return Performed(
        {key: _decode_outcome(end["outcome"]) for key, end in ends.items() if "outcome" in end},
        {key: end["cannot"] for key, end in ends.items() if "cannot" in end},
        times,
    )


def _encode(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"ref": value.key, "plus": value.plus}
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["bytes"]) if "bytes" in value else Ref(value["ref"], value["plus"])


def _decode_outcome(entry: dict[str, Any]) -> Outcome:
    if "value" in entry:
        return Outcome(_decode(entry["value"]))
    return Outcome(None, **entry)
