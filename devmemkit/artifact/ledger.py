"""The ledger of claims: data/claims.toml, each claim weighed by evidence that is asked anew."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devmemkit.artifact.answers import KINDS, Missing, Sources
from devmemkit.model.kernel import VERSIONS
from devmemkit.scenarios.machines import data_dir

HOLDS, REFUTED, PARTLY, OPEN = "holds", "refuted", "in part", "not evaluated"
OLDEST_RUN = "5.10"
"""The oldest kernel that was run; what is said of older ones rests on the model alone."""


ORDER = tuple(VERSIONS)


class LedgerError(ValueError):
    """An entry that cannot be weighed; one sentence with the claim's id."""


def _only_model(version: str) -> bool:
    return ORDER.index(version) < ORDER.index(OLDEST_RUN)


@dataclass(frozen=True)
class Evidence:
    """One question of an entry and its answers by kernel, None where nothing can answer it."""

    shows: str
    kind: str
    rests_on: str
    answers: Mapping[str, str | None]
    expect: str
    then: str

    @property
    def expected(self) -> bool:
        """Whether every kernel answered as it did when the entry was written."""
        return set(self.answers.values()) == {self.expect}

    def speaks(self, version: str) -> bool | None:
        """Whether the answer of a kernel speaks for the claim; None when there is none."""
        answer = self.answers.get(version)
        return None if answer is None else (answer == self.expect) == (self.then == "for")


@dataclass(frozen=True)
class Claim:
    """A claim that was weighed; `expected` are the verdicts that it is compared with."""

    id: str
    says: str
    by: str
    notebook: str
    evidence: tuple[Evidence, ...]
    expected: Mapping[str, str]
    nearest: str = ""
    reproducer: str = ""

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels that it is weighed on, oldest first."""
        asked = {version for one in self.evidence for version in one.answers}
        return tuple(version for version in VERSIONS if version in asked)

    def on(self, version: str) -> str:
        """The verdict on one kernel: what follows from the answers of that kernel."""
        return _verdict(one.speaks(version) for one in self.evidence if version in one.answers)

    @property
    def verdicts(self) -> dict[str, str]:
        return {version: self.on(version) for version in self.kernels}

    @property
    def verdict(self) -> str:
        """The verdict over all kernels: it holds, it is refuted, or both in part."""
        return _verdict(one.speaks(v) for one in self.evidence for v in one.answers)

    @property
    def reproduced(self) -> bool:
        """Whether every kernel's verdict is the expected one."""
        return self.verdicts == {v: self.expected.get(v) for v in self.kernels}


def _verdict(speaking: Iterable[bool | None]) -> str:
    said = set(speaking)
    if None in said or not said:
        return OPEN
    return PARTLY if len(said) == 2 else HOLDS if True in said else REFUTED


@dataclass
class Ledger:
    """Who answers: recordings, unless `sources` has others; on `kernels` only, if any are named."""

    sources: Sources = field(default_factory=Sources)
    kernels: Sequence[str] = ()

    def weigh(self, entry: Mapping[str, Any]) -> Claim:
        """One entry of the ledger; LedgerError when it cannot be."""
        where = entry.get("id", "?")
        try:
            expected = {
                version: verdict
                for verdict, versions in entry["expected"].items()
                for version in versions
            }
            if unknown := set(entry["expected"]) - {HOLDS, REFUTED, PARTLY}:
                raise LedgerError(f"expected verdicts that there are, got {sorted(unknown)}")
            evidence = [self._weigh(one) for one in entry["evidence"]]
            if self.kernels:
                expected = {v: verdict for v, verdict in expected.items() if v in self.kernels}
            return Claim(
                entry["id"],
                entry["says"],
                entry["by"],
                entry["notebook"],
                tuple(one for one in evidence if one.answers),
                expected,
                entry.get("nearest", ""),
                entry.get("reproducer", ""),
            )
        except KeyError as error:
            raise LedgerError(f"claims.toml: {where}: expected {error}, got none") from None
        except (TypeError, ValueError) as error:
            raise LedgerError(f"claims.toml: {where}: {error}") from None

    def _weigh(self, entry: Mapping[str, Any]) -> Evidence:
        arguments = dict(entry)
        shows, kind, then = (arguments.pop(key) for key in ("shows", "kind", "then"))
        kernels, expect = (arguments.pop(key) for key in ("kernels", "expect"))
        if kind not in KINDS or then not in ("for", "against"):
            known = f"a kind of {', '.join(KINDS)}, for or against"
            raise LedgerError(f"expected {known}; got {kind!r}, {then!r}")
        rests_on, ask = KINDS[kind]
        answers: dict[str, str | None] = {}
        for version in kernels:
            if self.kernels and version not in self.kernels:
                continue
            if version not in VERSIONS:
                raise LedgerError(f"kernel: expected one of {', '.join(VERSIONS)}; got {version!r}")
            try:
                answers[version] = ask(self.sources, version, **arguments)
            except Missing:
                answers[version] = None
        if rests_on == "recorded" and self.sources.live:
            rests_on = "live"
        if answers and all(map(_only_model, answers)) and rests_on != "model":
            rests_on = f"{rests_on}: model only"
        return Evidence(shows, kind, rests_on, answers, expect, then)


def entries(path: Path | None = None) -> list[dict[str, Any]]:
    """The entries of data/claims.toml, not yet weighed; LedgerError for what is no ledger."""
    try:
        told = tomllib.loads((path or data_dir() / "claims.toml").read_text(encoding="utf-8"))
        return list(told["claim"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LedgerError(f"claims.toml: expected claims, got: {error}") from None


def ledger(path: Path | None = None) -> Iterator[Claim]:
    """Every claim of data/claims.toml, weighed now; LedgerError names the one that cannot be."""
    weighing = Ledger()
    return (weighing.weigh(entry) for entry in entries(path))


def to_json(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """The claims with their evidence and verdicts, as JSON."""
    return [
        {
            "id": claim.id,
            "says": claim.says,
            "by": claim.by,
            "notebook": claim.notebook,
            "nearest": claim.nearest,
            "reproducer": claim.reproducer,
            "evidence": [
                {
                    "shows": one.shows,
                    "kind": one.kind,
                    "rests_on": one.rests_on,
                    "answers": dict(one.answers),
                    "speaks": {version: one.speaks(version) for version in one.answers},
                }
                for one in claim.evidence
            ],
            "verdict": claim.verdict,
            "verdicts": claim.verdicts,
            "expected": dict(claim.expected),
            "reproduced": claim.reproduced,
        }
        for claim in claims
    ]
