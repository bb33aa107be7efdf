"""`devmemkit conform`: every recording held against today's model, without QEMU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from devmemkit.lab import accesses, race, reproducers, timeline
from devmemkit.lab.compare import WORST_FIRST, Row, Verdict, shown
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.recording import Recording

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One part of a recording: how many outcomes were compared, and what differs, in words."""

    name: str
    verdict: Verdict
    compared: int
    differences: tuple[str, ...]


def findings(recording: Recording) -> Iterator[Finding]:
    """Each story of a recording, way to race, fact of a boot, boot of accesses, or a random run.

    Of a random run only the summary was kept: its acts were compared when they were played.
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
        summary = content["conform"]
        differs = tuple(f"{d['operation']} ({d['rule']})" for d in summary["divergences"])
        verdict = Verdict.FAILED if differs else Verdict.PASSED
        yield Finding("random operations", verdict, summary["ops"], differs)
    elif "reproducers" in content:
        for one in reproducers.judge(content["reproducers"], recording.version):
            yield Finding(*one)
    elif "explain" in content:
        for one in accesses.judge(content["explain"], recording.version):
            yield Finding(*one)
    else:
        for story in judge(recording):
            count = story.comparison.count()
            compared = count[Verdict.PASSED] + count[Verdict.FAILED]
            differs = tuple(map(divergence, story.comparison.divergences))
            yield Finding(story.story.name, story.verdict, compared, differs)


def replay(found: Iterable[Recording], say: Say = print) -> bool:
    """Hold each recording against the model and print what differs; whether nothing does."""
    lines = [("kernel", "scenario", "parts", *(v.name for v in WORST_FIRST), "compared")]
    total, divergences = 0, 0
    for recording in found:
        parts = list(findings(recording))
        verdicts = Counter(part.verdict for part in parts)
        compared = sum(part.compared for part in parts)
        counts = (str(verdicts[verdict]) for verdict in WORST_FIRST)
        lines.append(
            (recording.version, recording.scenario, str(len(parts)), *counts, str(compared))
        )
        total += compared
        for part in parts:
            divergences += len(part.differences)
            for difference in part.differences:
                say(f"{recording.version} {recording.scenario} {part.name}: {difference}")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(map(str.ljust, line, widths)).rstrip())
    say(f"{total} outcomes compared, {divergences} divergences")
    return not divergences


def divergence(row: Row) -> str:
    """A difference in one line: both outcomes, and the model's step that is in question."""
    model, kernel = shown(row.act, row.model), shown(row.act, row.kernel)
    return f"{row.act.key} ({row.rule}): the model says {model}, the kernel {kernel}"
