"""Judging recordings without QEMU: the recorded acts are played on the model and compared."""

from __future__ import annotations

import traceback
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from devmemkit.lab.compare import Comparison, Finding, Verdict, compare, format_difference
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_story
from devmemkit.lab.recordings.recording import Recording
from devmemkit.scenarios.play import Act, Played
from devmemkit.scenarios.stories.script import Story


@dataclass(frozen=True)
class Judged:
    """One story on one kernel: what the kernel did, compared with today's model."""

    story: Story
    performed: Performed
    comparison: Comparison

    @property
    def verdict(self) -> Verdict:
        """FAILED for any difference; UNDECIDED if the guest could not bring about the cause."""
        return _verdict(self.comparison, self.performed, self.story.cause)


def judge(recording: Recording) -> Iterator[Judged]:
    """Compare each recorded story with today's model; raises whatever a broken model raises."""
    for entry in recording.content["stories"]:
        story, performed = decode_story(entry)
        found = compare(recording.on_model(story), performed)
        yield Judged(story, performed, found)


def _verdict(found: Comparison, performed: Performed, cause: str) -> Verdict:
    count = found.count()
    if count[Verdict.FAILED]:
        return Verdict.FAILED
    if count[Verdict.UNDECIDED] or cause in performed.cannot:
        return Verdict.UNDECIDED
    return Verdict.PASSED if count[Verdict.PASSED] else Verdict.SKIPPED


def judge_story(recording: Recording, story: Story, performed: Performed) -> Finding:
    """Compare a story with today's model; an act that it cannot play is a difference."""

    def play(acts: Acts) -> Played:
        return recording.on_model(replace(story, acts=acts))

    return judge_acts(story.name, story.acts, performed, play, story.cause)


Acts = tuple[Act, ...]


def judge_acts(
    name: str, acts: Acts, performed: Performed, play: Callable[[Acts], Played], cause: str = ""
) -> Finding:
    """Compare acts, which `play` plays on the model; one that it cannot play is a difference."""
    try:
        found = compare(play(acts), performed)
    except Exception as error:  # a broken model can raise anything
        return Finding.of(name, 0, (_unplayable(acts, error, play),))
    differences = tuple(map(format_difference, found.divergences))
    return Finding(name, _verdict(found, performed, cause), found.compared, differences)


def _unplayable(acts: Acts, error: Exception, play: Callable[[Acts], object]) -> str:
    """The first act that `play` cannot play, and where the model raised `error`, in words."""

    def fails(number: int) -> bool:
        try:
            play(acts[:number])
        except Exception:
            return True
        return False

    act = acts[bisect_left(range(len(acts)), True, key=fails) - 1]
    last = traceback.extract_tb(error.__traceback__)[-1]
    why = f"{type(error).__name__}: {error} at {Path(last.filename).name}:{last.lineno}"
    return f"{act.key} ({act.operation}): the model cannot play it: {why}"
