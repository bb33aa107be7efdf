"""Judging recordings without QEMU: the recorded acts are played on the model and compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devmemkit.lab.compare import Comparison, Verdict, compare
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings.encode import decode_story
from devmemkit.lab.recordings.recording import Recording
from devmemkit.scenarios.catalogue import on_model
from devmemkit.scenarios.script import Story


@dataclass(frozen=True)
class Judged:
    """One story of one kernel: what the kernel did, beside what the model does now."""

    story: Story
    performed: Performed
    comparison: Comparison

    @property
    def verdict(self) -> Verdict:
        """FAILED for any difference; UNDECIDED when the story's cause did not come about."""
        count = self.comparison.count()
        if count[Verdict.FAILED]:
            return Verdict.FAILED
        if count[Verdict.UNDECIDED] or self.story.cause in self.performed.cannot:
            return Verdict.UNDECIDED
        return Verdict.PASSED if count[Verdict.PASSED] else Verdict.SKIPPED


def judge(recording: Recording) -> Iterator[Judged]:
    """Each recorded story against today's model."""
    for entry in recording.content["stories"]:
        story, performed = decode_story(entry)
        yield Judged(story, performed, compare(on_model(story, recording.version), performed))
