"""Whether a recording has everything that its scenario asks for.

Digests detect a changed byte, but anyone can compute new digests; this checks the content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from devmemkit.lab import accesses, race, timeline
from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.recordings.encode import decode_story
from devmemkit.lab.recordings.machine import lab_named
from devmemkit.lab.recordings.manifest import REPAIR_RACES, REPAIRED_STORIES, RecordingError
from devmemkit.lab.repair import sweep as repair
from devmemkit.lab.runs import RUNS
from devmemkit.scenarios.catalogue import stories
from devmemkit.scenarios.machines import VIAS, label
from devmemkit.scenarios.play import SETTLE, needed
from devmemkit.scenarios.races.lab_race import CLAIMS, CONTROLS
from devmemkit.scenarios.stories.script import Story

if TYPE_CHECKING:
    from devmemkit.lab.guest.perform import Performed


def complete(scenario: str, about: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """RecordingError if a story, trial or boot of the scenario is missing or has no outcome."""
    lab = lab_named(about["machine"])
    for fault in _faults(scenario, lab, about["kernel"], content):
        raise RecordingError(f"{scenario}/{label(about['kernel']['version'], lab)}.json: {fault}")


def _faults(
    scenario: str, lab: str, known: Mapping[str, Any], content: Mapping[str, Any]
) -> Iterator[str]:
    if "stories" in content:
        told = "write-vs-claim" if scenario in REPAIRED_STORIES else scenario
        yield from _stories(told, lab, content["stories"])
        wanted, got = REPAIRED_STORIES.get(scenario), content.get("repaired", {}).get("repair")
        if got != wanted:
            yield f"expected the repair {wanted!r}, got {got!r}"
    for name in ("race", "timeline"):
        if name in content:
            got = (content[name]["version"], content[name]["release"])
            if got != (known["version"], known["release"]):
                yield (f"{name}: expected Linux {known['version']}, {known['release']}; "
                       f"got {', '.join(got)}")  # fmt: skip
    if "race" in content:
        yield from _race(content["race"]["trials"])
        yield from _repaired(scenario, content["race"])
    if "timeline" in content:
        yield from _timeline(content["timeline"])
    if "reproducers" in content:
        yield from _once("program", RUNS, [one["name"] for one in content["reproducers"]])
    if "explain" in content:
        yield from _explain(content["explain"]["boots"])


def _once(what: str, wanted: Collection[str], found: list[str]) -> Iterator[str]:
    """What is wrong unless each of these is there once, and nothing else."""
    yield from (f"expected the {what} {name}, found none" for name in wanted if name not in found)
    for name, count in Counter(found).items():
        if name not in wanted:
            yield f"expected a {what} of the scenario, got {name!r}"
        if count > 1:
            yield f"expected each {what} once, got {name} twice"


def _stories(scenario: str, lab: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    wanted = {story.name: story for story in stories(scenario, lab)}
    yield from _once("story", wanted, [entry["name"] for entry in entries])
    for entry in entries:
        story, performed = decode_story(entry)
        for fault in _story(wanted[story.name], story, performed):
            yield f"{story.name}: {fault}"


def _story(wanted: Story, got: Story, performed: Performed) -> Iterator[str]:
    """Faults of a story, of which only the words may have changed since it was played."""
    yield from _once("act", [act.key for act in wanted.acts], [act.key for act in got.acts])
    if got.cmdline != wanted.cmdline:
        yield f"expected the command line {wanted.cmdline!r}, got {got.cmdline!r}"
    if got.cause != wanted.cause:
        yield f"expected the cause {wanted.cause!r}, got {got.cause!r}"
    ended = performed.outcomes.keys() | performed.cannot.keys()
    done = {key for key, outcome in performed.outcomes.items() if outcome.ok}
    for mine, theirs in zip(wanted.acts, got.acts, strict=True):
        if replace(mine, says="") != replace(theirs, says=""):
            yield f"expected the act {mine.key} as the scenario has it, got another"
        if mine.key not in ended and mine.operation != SETTLE and done >= set(needed(mine)):
            yield f"expected an outcome of {mine.key}, found none"


def _race(trials: list[dict[str, Any]]) -> Iterator[str]:
    count = Counter((one["via"], one["claim"], one["control"]) for one in trials)
    for via, claim, control in product(VIAS, CLAIMS, ("", *CONTROLS)):
        wanted, got = 3 if control else race.TRIALS, count[via, claim, control]
        if (control, claim) == ("outside", "whole"):  # nothing is left outside
            wanted = 0
        if got != wanted:
            named = f"{via}, {claim}" + (f", control {control}" if control else "")
            yield f"race: expected {wanted} trials of {named}; got {got}"
    for one in trials:
        if (outcome := race.outcome(one)) != one["outcome"]:
            yield f"race: expected the outcome {outcome} by what was measured, got {one['outcome']}"


def _repaired(scenario: str, told: dict[str, Any]) -> Iterator[str]:
    wanted, got = REPAIR_RACES.get(scenario, ""), told.get("repair", "")
    if got != wanted:
        yield f"race: expected the repair {wanted!r}, got {got!r}"
    touches = told.get("touches", [])
    count = Counter((one["via"], one["window"], one["control"]) for one in touches)
    controls = ("", *repair.TOUCH_CONTROLS) if wanted in repair.TOUCHED else ()
    for one in (asked := {*product(VIAS, repair.WINDOWS, controls)}) | count.keys():
        trials = 0 if one not in asked else 3 if one[2] else race.TRIALS
        if count[one] != trials:
            yield f"touches: expected {trials} trials of {one}, got {count[one]}"
    for one in touches:
        if (outcome := race.outcome(one)) != one["outcome"]:
            yield f"touches: expected the outcome {outcome}, got {one['outcome']}"
    costs = [(one["via"], (one["length"], len(one["mmap"]))) for one in told.get("costs", [])]
    if costs != ([*product(VIAS, repair.COUNTS.items())] if wanted else []):
        yield f"costs: expected each way and length once, got {costs}"


def _timeline(told: dict[str, Any]) -> Iterator[str]:
    devices = told["devices"]
    try:
        made = timeline.made_of(told["calls"], devices)
    except GuestError as error:
        yield str(error)
        return
    for device, by in zip(devices, made, strict=True):
        if {name: device[name] for name in by} != by:
            yield f"expected who made the files of {device['bdf']} as the calls say, got another"
    if timeline.moments(told, devices) != told["moments"]:
        yield "expected the moments that its initcalls say, got others"


def _explain(boots: list[Mapping[str, Any]]) -> Iterator[str]:
    if [(one["cmdline"], one["bound"]) for one in boots] != [*accesses.BOOTS]:
        yield f"expected the boots {accesses.BOOTS}, got others"
    for one in boots:
        if len(one["tried"]) < accesses.COUNT:
            yield f"expected at least {accesses.COUNT} accesses a boot, got {len(one['tried'])}"
