"""Answers to the ledger's questions, from recordings, a live kernel, the explorer, the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

from devmemkit.artifact.page import expect
from devmemkit.explore.check import Result, explore, explore_each
from devmemkit.explore.policy_matrix import QUESTIONS, table_rows
from devmemkit.figures.outcomes import ending, kernel_ending
from devmemkit.lab import attempts, race, reproducers
from devmemkit.lab.compare import Verdict
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.manifest import REPAIRED_STORIES, kernels_of
from devmemkit.lab.recordings.recording import Recording, load
from devmemkit.lab.repair.sweep import TOUCHED, leaked
from devmemkit.lab.repair.sweep import judge as judge_repaired
from devmemkit.model.kernel import KernelProfile, Noted
from devmemkit.model.repairs import PASS, UNLOCKED
from devmemkit.scenarios.catalogue import on_model, stories
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.races.catalogue import concurrent
from devmemkit.scenarios.races.initcall_order import Boot


class Missing(Exception):
    """There is no answer for this kernel without running it."""


class Answer(NamedTuple):
    """The answer to a question, and what it rests on.

    `decides` is False where the answer leaves the question open: an act that could not be played, a
    search that hit a bound, or a vacuous one.
    """

    text: str
    rests_on: str
    decides: bool = True


_read = cache(load)


@dataclass
class Sources:
    """Recordings by scenario and kernel: those `given`, else the files of data/.

    `live` means that the given ones were taken just now.
    """

    given: Mapping[tuple[str, str], Recording] = field(default_factory=dict)
    live: bool = False
    _told: dict[tuple[str, ...], dict[str, Answer]] = field(default_factory=dict)
    _orders: dict[tuple[Any, ...], list[tuple[Noted, Answer]]] = field(default_factory=dict)

    def recording(self, scenario: str, version: str, lab: str = "2g") -> Recording:
        """The recording; Missing if none was ever taken, RecordingError if its file is gone.

        `lab` is a name of LABS.
        """
        given = self.given.get((scenario, version))
        if given is not None and given.lab == lab:
            return given
        if self.live:
            raise Missing(f"{scenario} was not played")
        if version not in kernels_of(scenario, lab):
            raise Missing("not recorded there")
        return _read(scenario, version, lab)

    @property
    def rests_on(self) -> str:
        """What an answer from a recording rests on."""
        return "live" if self.live else "recorded"

    def endings(self, scenario: str, version: str, story: str, lab: str) -> dict[str, Answer]:
        """How the acts of a story ended there, by the act's key.

        What follows an act that the guest could not carry out does not decide the story.
        """
        where = scenario, version, lab, story
        if where not in self._told:
            recording = self.recording(scenario, version, lab)
            named = {entry["name"]: entry for entry in recording.content["stories"]}
            alone = recording.content | {"stories": [_of(named, "story", story)]}
            (judged,) = judge(replace(recording, content=alone))
            self._told[where] = {
                row.act.key: _ended(
                    str(kernel_ending(row)), self.rests_on, row.verdict is not Verdict.UNDECIDED
                )
                for row in judged.comparison.rows
            }
        return self._told[where]


def _of(found: Mapping[str, Any], what: str, name: str) -> Any:
    expect(what, name, found)
    return found[name]


def _story(
    asked: Sources, version: str, *, scenario: str, story: str, act: str, lab: str = "2g"
) -> Answer:
    """How an act of a story ended: on the kernel where it was recorded, else on the model."""
    try:
        told = asked.endings(scenario, version, story, lab)
    except Missing:
        text = _of(_modelled(scenario, version, story, lab), "act", act)
        return _ended(text, "model")
    answer: Answer = _of(told, "act", act)
    return answer


@cache
def _modelled(scenario: str, version: str, story: str, lab: str) -> dict[str, str]:
    """How the acts of a story end on the model, by the act's key."""
    repair = REPAIRED_STORIES.get(scenario, "")
    told = stories("write-vs-claim" if repair else scenario, lab)
    named = _of({one.name: one for one in told}, "story", story)
    played = on_model(named, version, lab, "" if repair == PASS else repair)
    return {one.key: ending(one, played.outcomes.get(one.key)) for one in played.acts}


def _ended(text: str, rests_on: str, comparable: bool = True) -> Answer:
    played = text != "not played" and not text.startswith("cannot: ")
    return Answer(text, rests_on, played and comparable)


def _race(asked: Sources, version: str, *, via: str, claim: str) -> Answer:
    """Whether a mapping was seen to survive the claim; "none seen" proves nothing."""
    sweep = asked.recording("mmap-vs-claim", version).content["race"]
    seen = {f"{one.via}, {one.claim}": one.seen for one in race.judge(sweep)}
    survived = _of(seen, "race", f"{via}, {claim}").get("survived")
    return Answer("survived" if survived else "none seen", asked.rests_on, bool(survived))


def _repaired(asked: Sources, version: str, *, repair: str) -> Answer:
    """Whether a page was reached after a claim on a kernel with this repair of the mmap.

    That none was decides only where all trials were as they must be, and a page was reached with
    the controls of the experiment.
    """

    def judged(name: str) -> list[race.Judged]:
        sweep = asked.recording(f"mmap-vs-claim-{name}", version).content["race"]
        return judge_repaired(sweep)

    mine = judged(repair)
    if leaked(mine):
        return Answer("leaked", asked.rests_on)
    controls = (PASS, UNLOCKED) if repair in TOUCHED else (PASS,)
    decides = all(leaked(judged(control)) for control in controls)
    decides = decides and all(one.verdict is Verdict.PASSED for one in mine)
    return Answer("none leaked", asked.rests_on, decides)


def _searched(result: Result, named: Mapping[str, str] | None = None) -> Answer:
    """The verdict of a search; a bounded or a vacuous one decides nothing."""
    if result.verdict == "bounded":
        return Answer(f"undecided: bounded by {result.bound}", "explored", False)
    if result.vacuous:
        return Answer(f"vacuous: never {result.vacuous[0]}", "explored", False)
    return Answer((named or {}).get(result.verdict, result.verdict), "explored")


def _order(
    asked: Sources,
    version: str,
    *,
    scenario: str,
    via: str = "devmem",
    policy: str = "",
    repair: str = "",
    tasks: int = 1,
) -> Answer:
    kernel = Noted(version, policy_name=policy or None, repair=repair)
    known = asked._orders.setdefault((scenario, via, policy, repair, tasks), [])
    for noted, answer in known:
        if noted.speaks_for(kernel):
            return answer
    answer = _searched(explore(concurrent(scenario, kernel, via, tasks)))
    known.append((kernel, answer))
    return answer


def _cell(
    asked: Sources, version: str, *, question: str, policy: str = "", via: str = "devmem"
) -> Answer:
    """A cell of the table of policies; of the kernel's own policy if none is named."""
    name, repair = _of(table_rows(), "policy", policy) if policy else (None, "")
    kernel = KernelProfile(version, policy_name=name, repair=repair)
    cell = _of(QUESTIONS, "question", question)(kernel, via)
    return Answer(cell.answer, "explored", cell.decides)


def _boot(
    asked: Sources,
    version: str,
    *,
    question: str,
    static: bool | None = None,
    at_open: bool | None = None,
) -> Answer:
    """Whether a property holds in every order of a boot: "yes", "no"."""
    boot = Boot(version, static=static, at_open=at_open)
    results = [explore_each(scenario).get(question) for scenario in boot.scenarios()]
    found = [result for result in results if result is not None]
    if not found:
        raise ValueError(f"question: expected one of a boot, got {question!r}")
    words = {"found": "no", "not-found": "yes"}
    answers = [_searched(result, words) for result in found]
    # one counterexample settles it; otherwise the search that leaves it open is the answer
    return min(answers, key=lambda one: (one.text != "no", one.decides))


def _edges(asked: Sources, version: str, *, of: Sequence[str]) -> Answer:
    """How many of these symbols, or kinds of them, a claim takes or calls: all, some, none."""
    found = {name for edge in edges(KernelProfile(version)) for name in (edge.symbol, edge.kind)}
    reached = [name in found for name in of]
    return Answer("all" if all(reached) else "some" if any(reached) else "none", "read")


def _reproducer(asked: Sources, version: str, *, name: str) -> Answer:
    """What a program showed beside its control; what it must show on a kernel that was not run."""
    try:
        entries = asked.recording("reproducers", version).content["reproducers"]
    except Missing:
        shown = reproducers.on_model(name, KernelProfile(version))
        return Answer("reproduced" if shown else "not reproduced", "model")
    entry = _of({one["name"]: one for one in entries}, "reproducer", name)
    found = reproducers.verdict(entry)
    return Answer(found, asked.rests_on, found in ("reproduced", "not reproduced"))


def _attempt(asked: Sources, version: str, *, name: str) -> Answer:
    """What the runs of an attempt to get past a claim said (data/attempts.json)."""
    seen = attempts.results().get(version, {}).get("attempts", {})
    if asked.live or name not in seen:
        raise Missing("not tried there")
    found = attempts.verdict(seen[name]["runs"])
    return Answer(found, "recorded", found in ("stopped", "past"))


class Kind(NamedTuple):
    """A kind of evidence: the function that asks one kernel, and the possible answers.

    `can_be` is empty where an answer is how an act ended, which can be any text.
    """

    ask: Callable[..., Answer]
    can_be: Set[str] = frozenset()


OF_CELLS = {"yes", "no", "no: for ever", "no: ends", "never", "at the claim", "at the next touch"}
KINDS: dict[str, Kind] = {
    "story": Kind(_story),
    "race": Kind(_race, {"survived"}),
    "repaired": Kind(_repaired, {"leaked", "none leaked"}),
    "reproducer": Kind(_reproducer, {"reproduced", "not reproduced"}),
    "attempt": Kind(_attempt, {"stopped", "past"}),
    "order": Kind(_order, {"found", "not-found"}),
    "cell": Kind(_cell, {*OF_CELLS, "0", "n"}),
    "boot": Kind(_boot, {"yes", "no"}),
    "edges": Kind(_edges, {"all", "some", "none"}),
}
