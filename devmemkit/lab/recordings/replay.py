"""`devmemkit conform`: every recording held against today's model, without QEMU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from devmemkit.lab import accesses, race, reproducers, timeline
from devmemkit.lab.compare import WORST_FIRST, Verdict, divergence
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_story
from devmemkit.lab.recordings.judge import judge_story, unplayable
from devmemkit.lab.recordings.recheck import judge_run
from devmemkit.lab.recordings.recording import Recording
from devmemkit.scenarios.catalogue import on_model
from devmemkit.scenarios.stories.script import Story
from devmemkit.text.columns import columns

Say = Callable[[str], None]

SHOWN = 20
"""Differences of one part that are printed; all of them are counted."""


@dataclass(frozen=True)
class Finding:
    """One part of a recording: how many outcomes were compared, and what differs, in words."""

    name: str
    verdict: Verdict
    compared: int
    differences: tuple[str, ...]


def quiet(_: str) -> None:
    """Say nothing."""


def findings(recording: Recording, progress: Say = quiet) -> Iterator[Finding]:
    """Each story of a recording, way to race, fact of a boot, boot of accesses, or a random run.

    All are judged now, by today's model; that takes some seconds for a random run.
    """
    content = recording.content
    differs: tuple[str, ...]
    if "race" in content:
        for way in race.judge(content["race"]):
            differs = (way.why,) if way.verdict is Verdict.FAILED else ()
            yield Finding(f"{way.via}, {way.claim}", way.verdict, sum(way.seen.values()), differs)
    elif "timeline" in content:
        for fact in timeline.judge(content["timeline"]):
            differs = (fact.why,) if fact.verdict is Verdict.FAILED else ()
            yield Finding(fact.name, fact.verdict, 1, differs)
    elif "conform" in content:
        run = judge_run(recording, progress)
        verdict = Verdict.FAILED if run.differences else Verdict.PASSED
        # what first differs in each sequence, then what may only follow from it
        differs = tuple(each[0] for each in run.differences)
        differs += tuple(one for each in run.differences for one in each[1:])
        yield Finding("random operations", verdict, run.compared, differs)
    elif "reproducers" in content:
        for one in reproducers.judge(content["reproducers"], recording.version):
            yield Finding(*one)
    elif "explain" in content:
        for one in accesses.judge(content["explain"], recording.version):
            yield Finding(*one)
    else:
        for entry in content["stories"]:
            yield _story(*decode_story(entry), recording.version)


def _story(story: Story, performed: Performed, version: str) -> Finding:
    try:
        judged = judge_story(story, performed, version)
    except Exception as error:  # a broken model can raise anything
        why = unplayable(
            story.acts, error, lambda acts: on_model(replace(story, acts=acts), version)
        )
        return Finding(story.name, Verdict.FAILED, 0, (why,))
    count = judged.comparison.count()
    compared = count[Verdict.PASSED] + count[Verdict.FAILED]
    differs = tuple(map(divergence, judged.comparison.divergences))
    return Finding(story.name, judged.verdict, compared, differs)


def replay(
    found: Iterable[Recording], say: Say = print, progress: Say = quiet, quick: bool = False
) -> bool:
    """Hold each recording against the model and print what differs; whether nothing does.

    `quick` leaves the random runs out, and says so.
    A part that decided nothing, for an act of it could not be played, is no success either.
    """
    lines = [("kernel", "scenario", "parts", *(v.name for v in WORST_FIRST), "compared")]
    total, divergences, decided = 0, 0, True
    for recording in found:
        if quick and "conform" in recording.content:
            continue
        parts = list(findings(recording, progress))
        verdicts = Counter(part.verdict for part in parts)
        compared = sum(part.compared for part in parts)
        counts = (str(verdicts[verdict]) for verdict in WORST_FIRST)
        lines.append(
            (recording.version, recording.scenario, str(len(parts)), *counts, str(compared))
        )
        total += compared
        for part in parts:
            divergences += len(part.differences)
            where = f"{recording.version} {recording.scenario} {part.name}"
            if part.verdict not in (Verdict.PASSED, Verdict.FAILED):
                decided = False
                say(f"{where}: {part.verdict.name}: {part.verdict.value}")
            for difference in part.differences[:SHOWN]:
                say(f"{where}: {difference}")
            if len(part.differences) > SHOWN:
                say(f"{where}: {len(part.differences) - SHOWN} more")
    say(columns(lines))
    left_out = "; the random runs were not compared" if quick else ""
    say(f"{total} outcomes compared, {divergences} divergences{left_out}")
    return decided and not divergences
