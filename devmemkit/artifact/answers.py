"""Who answers the questions of the ledger: recordings, a live kernel, the explorer, the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from devmemkit.explore.check import explore, explore_each
from devmemkit.explore.policies import QUESTIONS, ROWS
from devmemkit.figures.outcomes import ending, endings
from devmemkit.lab import race, reproducers
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.recording import Recording, path_of, read
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import on_model, stories
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.orders import concurrent
from devmemkit.scenarios.what_if import Boot


class Missing(Exception):
    """There is no recording that could answer."""


@cache
def _read(scenario: str, version: str) -> Recording:
    path = path_of(scenario, version)
    if not path.exists():
        raise Missing(f"expected a recording of {scenario} on Linux {version}, got none")
    return read(path)


@dataclass
class Sources:
    """Recordings by scenario and kernel: those that are `given`, else the files of data/.

    `live` says that they were taken just now.
    """

    given: Mapping[tuple[str, str], Recording] = field(default_factory=dict)
    live: bool = False
    _told: dict[tuple[str, str], dict[str, dict[str, str]]] = field(default_factory=dict)

    def recording(self, scenario: str, version: str) -> Recording:
        """The recording; Missing when there is none, RecordingError when it was altered."""
        if (scenario, version) in self.given:
            return self.given[scenario, version]
        if self.live:
            raise Missing(f"{scenario} was not played on Linux {version}")
        return _read(scenario, version)

    def endings(self, scenario: str, version: str) -> dict[str, dict[str, str]]:
        """How the acts of every story ended there, by the story's name and the act's key."""
        if (scenario, version) not in self._told:
            self._told[scenario, version] = {
                judged.story.name: {
                    key: each[version]
                    for key, each in endings({version: judged.comparison}).items()
                    if each[version] is not None
                }
                for judged in judge(self.recording(scenario, version))
            }
        return self._told[scenario, version]


def _of(found: Mapping[str, Any], what: str, name: str) -> Any:
    if name not in found:
        raise ValueError(f"{what}: expected one of {', '.join(found)}; got {name!r}")
    return found[name]


def _recorded(asked: Sources, version: str, *, scenario: str, story: str, act: str) -> str:
    told = _of(asked.endings(scenario, version), "story", story)
    return str(_of(told, "act", act))


def _model(asked: Sources, version: str, *, scenario: str, story: str, act: str) -> str:
    told = _of({one.name: one for one in stories(scenario)}, "story", story)
    played = on_model(told, version)
    acts = {one.key: one for one in played.acts}
    return ending(_of(acts, "act", act), played.outcomes.get(act))


def _race(asked: Sources, version: str, *, via: str, claim: str) -> str:
    sweep = asked.recording("mmap-vs-claim", version).content["race"]
    seen = {f"{one.via}, {one.claim}": one.seen for one in race.judge(sweep)}
    return "some survived" if _of(seen, "race", f"{via}, {claim}").get("survived") else "none"


def _order(
    asked: Sources,
    version: str,
    *,
    scenario: str,
    via: str = "devmem",
    policy: str = "",
    repair: str = "",
    tasks: int = 1,
) -> str:
    kernel = KernelProfile(version, policy_name=policy or None, repair=repair)
    result = explore(concurrent(scenario, kernel, via, tasks))
    return f"vacuous: never {result.vacuous[0]}" if result.vacuous else result.verdict


def _cell(asked: Sources, version: str, *, policy: str, question: str, via: str = "devmem") -> str:
    name, repair = _of(ROWS, "policy", policy)
    kernel = KernelProfile(version, policy_name=name, repair=repair)
    return str(_of(QUESTIONS, "question", question)(kernel, via).answer)


def _boot(asked: Sources, version: str, *, question: str, static: bool, at_open: bool) -> str:
    boot = Boot(version, static=static, at_open=at_open)
    results = [explore_each(scenario).get(question) for scenario in boot.scenarios()]
    found = [result for result in results if result is not None]
    if not found:
        raise ValueError(f"question: expected one of a boot, got {question!r}")
    return f"{question}: {'no' if any(r.counterexample for r in found) else 'yes'}"


def _edges(asked: Sources, version: str) -> str:
    return str(len(edges(KernelProfile(version))))


def _reproducer(asked: Sources, version: str, *, name: str) -> str:
    entries = asked.recording("reproducers", version).content["reproducers"]
    entry = _of({one["name"]: one for one in entries}, "reproducer", name)
    if entry["sha256"] != reproducers.digest(name):
        raise Missing(f"expected a recording of today's {name}.c, got one of an older")
    return reproducers.verdict(entry)


KINDS: dict[str, tuple[str, Callable[..., str]]] = {
    "recorded": ("recorded", _recorded),
    "race": ("recorded", _race),
    "reproducer": ("recorded", _reproducer),
    "model": ("model", _model),
    "order": ("explored", _order),
    "cell": ("explored", _cell),
    "boot": ("explored", _boot),
    "edges": ("read", _edges),
}
"""By kind: what the answer rests on, and who gives it for one kernel."""
