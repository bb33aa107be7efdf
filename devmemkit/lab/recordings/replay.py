"""`devmemkit conform`: every recording compared with today's model, without QEMU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from devmemkit.lab import accesses, race, reproducers, timeline
from devmemkit.lab.compare import WORST_FIRST, Finding, Verdict
from devmemkit.lab.recordings.encode import decode_story
from devmemkit.lab.recordings.judge import judge_story
from devmemkit.lab.recordings.recheck import judge_run
from devmemkit.lab.recordings.recording import Recording
from devmemkit.lab.repair import sweep as repair
from devmemkit.model.printable import printable
from devmemkit.scenarios.machines import LABS
from devmemkit.text.columns import columns

Say = Callable[[str], None]


def _quiet(_: str) -> None:
    """Drop a line of progress."""


SHOWN = 20
"""Number of differences of one part that are printed; all are counted."""


def findings(recording: Recording, progress: Say = _quiet) -> Iterator[Finding]:
    """Today's model's verdicts on a recording's parts: stories, ways to race, facts of a boot."""
    content, version = recording.content, recording.version
    if "race" in content:
        judged = repair.judge if "repair" in content["race"] else race.judge
        for way in judged(content["race"], LABS[recording.lab].arch):
            differs = (way.why,) if way.verdict is Verdict.FAILED else ()
            yield Finding(f"{way.via}, {way.claim}", way.verdict, sum(way.seen.values()), differs)
    elif "timeline" in content:
        yield from timeline.judge(content["timeline"])
    elif "conform" in content:
        yield judge_run(recording, progress)
    elif "reproducers" in content:
        yield from reproducers.judge(content["reproducers"], version)
    elif "explain" in content:
        yield from accesses.judge(content["explain"], version)
    else:
        for entry in content["stories"]:
            yield judge_story(recording, *decode_story(entry))


def replay(
    found: Iterable[Recording], say: Say = print, progress: Say = _quiet, quick: bool = False
) -> bool:
    """Compare each recording with the model and print the differences; True if there are none.

    False also if a part is neither PASSED nor FAILED. `quick` leaves the random runs out.
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
        lines.append((recording.label, recording.scenario, str(len(parts)), *counts, str(compared)))
        total += compared
        for part in parts:
            divergences += len(part.differences)
            where = f"{recording.label} {recording.scenario} {part.name}"
            if part.verdict not in (Verdict.PASSED, Verdict.FAILED):
                decided = False
                say(f"{where}: {part.verdict.name}: {part.verdict.value}")
            for difference in part.differences[:SHOWN]:
                say(printable(f"{where}: {difference}"))
            if len(part.differences) > SHOWN:
                say(f"{where}: {len(part.differences) - SHOWN} more")
    say(columns(lines))
    left_out = "; the random runs were not compared" if quick else ""
    say(f"{total} outcomes compared, {divergences} divergences{left_out}")
    return decided and not divergences
