"""The ledger of claims: data/claims.toml, each claim weighed by evidence that is asked anew."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from devmemkit.explore.check import explore, explore_each
from devmemkit.explore.policies import QUESTIONS, ROWS
from devmemkit.figures.outcomes import endings
from devmemkit.lab import race
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.recording import Recording, recordings
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.orders import concurrent
from devmemkit.scenarios.what_if import Boot

HOLDS, REFUTED, PARTLY = "holds", "refuted", "in part"


class LedgerError(ValueError):
    """An entry that cannot be weighed; one sentence with the claim's id."""


@dataclass(frozen=True)
class Evidence:
    """One question of an entry, and its answers by kernel; `speaks` for the claim or not."""

    shows: str
    rests_on: str
    answers: dict[str, str]
    expected: bool
    speaks: bool


@dataclass(frozen=True)
class Claim:
    """A claim that was weighed."""

    id: str
    says: str
    by: str
    notebook: str
    evidence: tuple[Evidence, ...]

    @property
    def verdict(self) -> str:
        """What follows from the evidence: it holds, it is refuted, or both in part."""
        speaking = {one.speaks for one in self.evidence}
        if len(speaking) == 2:
            return PARTLY
        return HOLDS if True in speaking else REFUTED


@cache
def _recording(scenario: str, version: str) -> Recording:
    found = recordings(scenario, version)
    if not found:
        raise LedgerError(f"expected a recording of {scenario} on Linux {version}, got none")
    return found[0]


@cache
def _endings(scenario: str, story: str, version: str) -> dict[str, str]:
    told = next((j for j in judge(_recording(scenario, version)) if j.story.name == story), None)
    if told is None:
        raise LedgerError(f"expected a story of {scenario}, got {story!r}")
    found = endings({version: told.comparison})
    return {key: each[version] for key, each in found.items() if each[version] is not None}


def _recorded(version: str, *, scenario: str, story: str, act: str) -> str:
    found = _endings(scenario, story, version)
    if act not in found:
        raise LedgerError(f"expected one of the acts {', '.join(found)}, got {act!r}")
    return found[act]


def _race(version: str, *, via: str, claim: str) -> str:
    sweep = _recording("mmap-vs-claim", version).content["race"]
    seen = [one.seen for one in race.judge(sweep) if (one.via, one.claim) == (via, claim)]
    if not seen:
        raise LedgerError(f"expected a race through devmem or sysfs, got {via!r}, {claim!r}")
    return "some survived" if seen[0].get("survived") else "none survived"


def _order(
    version: str, *, scenario: str, via: str = "devmem", repair: str = "", tasks: int = 1
) -> str:
    kernel = KernelProfile(version, repair=repair)
    result = explore(concurrent(scenario, kernel, via, tasks))
    return f"vacuous: never {result.vacuous[0]}" if result.vacuous else result.verdict


def _cell(version: str, *, policy: str, question: str, via: str = "devmem") -> str:
    name, repair = ROWS[policy]
    return QUESTIONS[question](KernelProfile(version, policy_name=name, repair=repair), via).answer


def _boot(version: str, *, question: str, static: bool, at_open: bool) -> str:
    boot = Boot(version, static=static, at_open=at_open)
    results = [explore_each(scenario).get(question) for scenario in boot.scenarios()]
    asked = [result for result in results if result is not None]
    if not asked:
        raise LedgerError(f"expected a question of a boot, got {question!r}")
    return f"{question}: {'no' if any(r.counterexample for r in asked) else 'yes'}"


def _edges(version: str) -> str:
    return str(len(edges(KernelProfile(version))))


KINDS: dict[str, tuple[str, Callable[..., str]]] = {
    "recorded": ("recorded", _recorded),
    "race": ("recorded", _race),
    "order": ("explored", _order),
    "cell": ("explored", _cell),
    "boot": ("explored", _boot),
    "edges": ("read", _edges),
}
"""By kind: what the answer rests on, and who gives it for one kernel."""


def _weigh(entry: dict[str, Any]) -> Evidence:
    arguments = dict(entry)
    shows, kind, then = (arguments.pop(key) for key in ("shows", "kind", "then"))
    kernels, expect = (arguments.pop(key) for key in ("kernels", "expect"))
    if kind not in KINDS or then not in ("for", "against"):
        known = f"a kind of {', '.join(KINDS)}, for or against"
        raise LedgerError(f"expected {known}; got {kind!r}, {then!r}")
    rests_on, ask = KINDS[kind]
    answers = {version: ask(version, **arguments) for version in kernels}
    expected = set(answers.values()) == {expect}
    return Evidence(shows, rests_on, answers, expected, expected == (then == "for"))


def ledger(path: Path | None = None) -> Iterator[Claim]:
    """Every claim of data/claims.toml, weighed now; LedgerError names the one that cannot be."""
    told = tomllib.loads((path or data_dir() / "claims.toml").read_text(encoding="utf-8"))
    for entry in told["claim"]:
        where = entry.get("id", "?")
        try:
            weighed = tuple(_weigh(one) for one in entry["evidence"])
            yield Claim(entry["id"], entry["says"], entry["by"], entry["notebook"], weighed)
        except KeyError as error:
            raise LedgerError(f"claims.toml: {where}: expected {error}, got none") from None
        except (TypeError, ValueError) as error:
            raise LedgerError(f"claims.toml: {where}: {error}") from None
