"""The ledger: data/findings.toml, each finding weighed by evidence that is asked again."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devmemkit.artifact.answers import KINDS, Answer, Missing, Sources
from devmemkit.artifact.page import expect
from devmemkit.artifact.scope import Scope, expand
from devmemkit.lab.recordings import manifest
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import data_dir

HOLDS, REFUTED, PARTLY, OPEN = "holds", "refuted", "in part", "undecided"
"""Verdicts on one kernel: all answers speak for the finding; all that speak are against it; some
speak for it and some against; none speaks against it, and one is missing or decides nothing."""

FOR, AGAINST = "for", "against"


@dataclass(frozen=True)
class Evidence:
    """One question of an entry, its answers by kernel, and what each answer says of the finding.

    `answers` has the kernels that were asked, `not_asked` the finding's other kernels, each with
    the reason: the kernel was not run, or the question makes no sense there. `expected` is the
    direction in which it should speak if the finding holds in part; else the verdict tells it.
    """

    shows: str
    kind: str
    directions: Mapping[str, str]
    otherwise: str
    answers: Mapping[str, Answer]
    expected: str = ""
    not_asked: Mapping[str, str] = field(default_factory=dict)

    def speaks(self, version: str) -> str | None:
        """Whether a kernel's answer speaks "for" or "against"; None for neither, or no answer."""
        answer = self.answers.get(version)
        if answer is None or not answer.decides:
            return None
        return self.directions.get(answer.text, self.otherwise or None)


@dataclass(frozen=True)
class Finding:
    """A weighed finding; its verdicts are compared with the `expected` ones."""

    id: str
    says: str
    by: str
    notebook: str
    scope: Scope
    evidence: tuple[Evidence, ...]
    expected: Mapping[str, str]
    nearest: str = ""
    reproducer: str = ""

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels that the finding is about and was weighed on, oldest first."""
        asked = {version for one in self.evidence for version in (*one.answers, *one.not_asked)}
        return tuple(version for version in self.scope.kernels if version in asked)

    def on(self, version: str) -> str:
        """The verdict on one kernel, from the answers of that kernel alone."""
        asked = [one.speaks(version) for one in self.evidence if version in one.answers]
        if AGAINST in asked:
            return PARTLY if FOR in asked else REFUTED
        return HOLDS if asked and None not in asked else OPEN

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each kernel."""
        return {version: self.on(version) for version in self.kernels}

    @property
    def rests_on(self) -> dict[str, tuple[str, ...]]:
        """What the verdict on each kernel rests on: recorded, live, explored, model, read."""
        found: dict[str, tuple[str, ...]] = {}
        for version in self.kernels:
            speaking = (one for one in self.evidence if one.speaks(version) is not None)
            found[version] = tuple(dict.fromkeys(one.answers[version].rests_on for one in speaking))
        return found

    @property
    def reproduced(self) -> bool:
        """Whether the verdicts and each piece of evidence are those that the ledger expects."""
        return self.verdicts == {v: self.expected.get(v) for v in self.kernels} and all(
            one.speaks(version) in ((one.expected,) if one.expected else (FOR, AGAINST))
            for one in self.evidence
            for version in one.answers
        )


@dataclass
class Ledger:
    """Weighs entries: asks `sources`, on `kernels` only if any are named."""

    sources: Sources = field(default_factory=Sources)
    kernels: Sequence[str] = ()

    def weigh(self, entry: Mapping[str, Any]) -> Finding:
        """Weigh one entry of the ledger; ValueError if it is malformed."""
        where = entry.get("id", "?")
        try:
            scope = Scope(entry.get("since", ""), entry.get("until", ""))
            if not entry["evidence"]:
                raise ValueError("expected evidence, got an empty list")
            evidence = [self._weigh(one, scope) for one in entry["evidence"]]
            if any((PARTLY in entry["expected"]) != bool(one.expected) for one in evidence):
                raise ValueError("expected `speaks` with all evidence of what holds in part only")
            told = {name: entry[name] for name in ("id", "says", "by", "notebook")}
            told |= {name: entry.get(name, "") for name in ("nearest", "reproducer")}
            expected = self._expected(entry["expected"], scope)
            weighed = tuple(one for one in evidence if one.answers or one.not_asked)
            return Finding(**told, scope=scope, evidence=weighed, expected=expected)
        except manifest.RecordingError:
            raise  # it names the recording
        except KeyError as error:
            raise ValueError(f"findings.toml: {where}: expected {error}, got none") from None
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"findings.toml: {where}: {error}") from None

    def _expected(self, told: Mapping[str, Sequence[str]], scope: Scope) -> dict[str, str]:
        if unknown := told.keys() - {HOLDS, REFUTED, PARTLY}:
            raise ValueError(f"expected verdicts that there are, got {sorted(unknown)}")
        expected = {v: verdict for verdict, names in told.items() for v in expand(names)}
        if expected.keys() != set(scope.kernels):
            wrong = sorted(expected.keys() ^ set(scope.kernels))
            raise ValueError(
                f"expected a verdict for each kernel {scope}, none for others; not so for "
                f"{', '.join(wrong)}"
            )
        return {v: expected[v] for v in scope.kernels if not self.kernels or v in self.kernels}

    def _weigh(self, entry: Mapping[str, Any], scope: Scope) -> Evidence:
        arguments = dict(entry)
        shows, name = arguments.pop("shows"), arguments.pop("kind")
        expect("kind", name, KINDS)
        kind = KINDS[name]
        directions = {answer: way for way in (FOR, AGAINST) for answer in arguments.pop(way, ())}
        otherwise = arguments.pop("otherwise", "")
        expected = arguments.pop("speaks", "")
        if expected not in (FOR, AGAINST, ""):
            raise ValueError(f"speaks: expected for or against, got {expected!r}")
        if unknown := directions.keys() - (kind.can_be or directions.keys()):
            can_be = ", ".join(sorted(kind.can_be))
            raise ValueError(f"expected an answer of {can_be}; got {sorted(unknown)}")
        if otherwise and (kind.can_be or otherwise not in (FOR, AGAINST)):
            raise ValueError(f"otherwise: expected for or against, of an act; got {otherwise!r}")
        ways = {*directions.values(), otherwise} - {""}
        if ways != {FOR, AGAINST} and not (name == "race" and ways == {AGAINST}):
            raise ValueError("expected an answer that speaks for and one against, got one of them")
        mine = Scope(arguments.pop("since", ""), arguments.pop("until", ""))
        why = arguments.pop("why", "")
        if bool(why) == (set(scope.kernels) <= set(mine.kernels)):
            raise ValueError("expected `why` beside a scope of evidence, and only there")
        answers: dict[str, Answer] = {}
        not_asked: dict[str, str] = {}
        for version in scope.kernels:
            if self.kernels and version not in self.kernels:
                continue
            if version not in mine.kernels:
                not_asked[version] = why
                continue
            try:
                answers[version] = kind.ask(self.sources, version, **arguments)
            except Missing as missing:
                not_asked[version] = str(missing)
        return Evidence(shows, name, directions, otherwise, answers, expected, not_asked)


def entries(path: Path | None = None) -> list[dict[str, Any]]:
    """The entries of data/findings.toml, not yet weighed; ValueError for a malformed file."""
    try:
        told = tomllib.loads((path or data_dir() / "findings.toml").read_text(encoding="utf-8"))
        found = [dict(entry) for entry in told["finding"]]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"findings.toml: expected findings, got: {error}") from None
    if not found:
        raise ValueError("findings.toml: expected findings, got an empty list")
    ids = [entry.get("id") for entry in found]
    if twice := {str(id) for id in ids if ids.count(id) > 1}:
        raise ValueError(f"findings.toml: expected ids that differ, got twice: {sorted(twice)}")
    return found


def ledger(
    path: Path | None = None,
    live: str = "",
    tell: Callable[[str], None] = print,
    progress: Callable[[str], None] = lambda line: None,
) -> Iterator[Finding]:
    """Every finding of data/findings.toml, weighed now by what was recorded.

    Or, on a `live` kernel, the findings about it, by what it does in a guest; `tell` gets a line on
    each guest, `progress` one before each finding. ValueError names a malformed entry.
    RecordingError, before anything else, for data that is not what was recorded.
    """
    manifest.check()
    told = entries(path)
    asked = _live(live, told, tell) if live else Ledger()
    for number, entry in enumerate(told, 1):
        progress(f"{number} of {len(told)}: {entry.get('id')}")
        if (finding := asked.weigh(entry)).kernels:
            yield finding


def _live(name: str, told: Sequence[Mapping[str, Any]], tell: Callable[[str], None]) -> Ledger:
    """A ledger for one kernel, with recordings taken now in a guest."""
    from devmemkit.lab.kernels import cache
    from devmemkit.lab.recordings.record import record

    try:
        version = KernelProfile(name).version
    except ValueError as error:
        raise ValueError(f"--live: {error}") from None
    if version not in manifest.RECORDED:
        known = ", ".join(manifest.RECORDED)
        raise ValueError(f"--live: expected a kernel that was recorded ({known}), got {name!r}")
    measured = {"race": "mmap-vs-claim", "reproducer": "reproducers"}
    wanted = {
        measured.get(one["kind"]) or one["scenario"]
        for entry in told
        for one in entry["evidence"]
        if one["kind"] in ("story", *measured)
    }
    kernel = cache.get(version)
    given = {}
    for scenario in sorted(wanted - manifest.REPAIRED_STORIES.keys()):
        tell(f"{scenario} on Linux {kernel.release} ...")
        given[scenario, version] = record(scenario, kernel, tell)
    return Ledger(Sources(given, live=True), (version,))


def to_json(finding: Finding) -> dict[str, Any]:
    """A finding with its evidence and verdicts, as JSON."""
    plain = ("id", "says", "by", "notebook", "nearest", "reproducer", "expected")
    computed = ("verdicts", "rests_on", "reproduced")
    return {
        **{name: getattr(finding, name) for name in plain + computed},
        "scope": str(finding.scope),
        "evidence": [
            {
                "shows": one.shows,
                "kind": one.kind,
                "answers": {version: answer.text for version, answer in one.answers.items()},
                "rests_on": {v: answer.rests_on for v, answer in one.answers.items()},
                "speaks": {version: one.speaks(version) for version in one.answers},
                "not_asked": one.not_asked,
            }
            for one in finding.evidence
        ],
    }
