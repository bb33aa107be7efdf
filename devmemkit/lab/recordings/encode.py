"""Stories and what a kernel made of them, as JSON and back."""

from __future__ import annotations

from typing import Any

from devmemkit.lab.guest.perform import Performed
from devmemkit.model.errors import Outcome
from devmemkit.scenarios.script import Story
from devmemkit.scenarios.story import Act, Ref


def encode_story(story: Story, performed: Performed) -> dict[str, Any]:
    """A story with each act's outcome and time in the guest."""
    return {
        "name": story.name,
        "says": story.says,
        "cmdline": story.cmdline,
        "cause": story.cause,
        "acts": [_encode_act(act, performed) for act in story.acts],
    }


def decode_story(entry: dict[str, Any]) -> tuple[Story, Performed]:
    """The story that was recorded, and what the kernel did."""
    acts = tuple(_decode_act(act) for act in entry["acts"])
    story = Story(entry["name"], entry["says"], acts, entry["cause"], entry["cmdline"])
    seen = entry["acts"]
    return story, Performed(
        {act["key"]: _decode_outcome(act["outcome"]) for act in seen if "outcome" in act},
        {act["key"]: act["cannot"] for act in seen if "cannot" in act},
        {act["key"]: act["ns"] for act in seen if "ns" in act},
    )


def _encode_act(act: Act, performed: Performed) -> dict[str, Any]:
    entry: dict[str, Any] = {"key": act.key, "actor": act.actor, "operation": act.operation}
    entry["arguments"] = {name: _encode(value) for name, value in act.arguments.items()}
    entry |= {name: value for name in ("says", "needs", "live") if (value := getattr(act, name))}
    if act.key in performed.outcomes:
        entry["outcome"] = _encode_outcome(performed.outcomes[act.key])
    if act.key in performed.cannot:
        entry["cannot"] = performed.cannot[act.key]
    if act.key in performed.ns:
        entry["ns"] = performed.ns[act.key]
    return entry


def _decode_act(entry: dict[str, Any]) -> Act:
    more = {name: entry[name] for name in ("says", "needs", "live") if name in entry}
    arguments = {name: _decode(value) for name, value in entry["arguments"].items()}
    return Act(entry["key"], entry["actor"], entry["operation"], arguments, **more)


def _encode(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"ref": value.key, "plus": value.plus}
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["bytes"]) if "bytes" in value else Ref(value["ref"], value["plus"])


def _encode_outcome(outcome: Outcome) -> dict[str, Any]:
    if outcome.ok:
        return {"value": _encode(outcome.value)}
    names = ("errno", "signal", "si_code", "si_addr")
    return {name: value for name in names if (value := getattr(outcome, name)) is not None}


def _decode_outcome(entry: dict[str, Any]) -> Outcome:
    if "value" in entry:
        return Outcome(_decode(entry["value"]))
    return Outcome(None, **entry)
