"""`devmemkit lab run`: a scenario on real kernels, compared with the model."""

from __future__ import annotations

from collections.abc import Sequence

from devmemkit.lab.compare import Comparison, compare, format_comparisons
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings.record import MEASURED, check, play_stories, record
from devmemkit.lab.recordings.replay import replay
from devmemkit.scenarios.catalogue import on_model, stories


def run(scenario: str, booted: Sequence[Kernel], *, progress: Progress = print) -> bool:
    """Play a scenario on each kernel and print both outcomes; True if all agree.

    ValueError for a scenario that does not exist or a kernel that the model does not know,
    GuestError for a guest that fails.
    """
    if check(scenario) in MEASURED:
        return replay([record(scenario, kernel, progress) for kernel in booted], progress)
    played = stories(scenario)
    found: dict[str, dict[str, Comparison]] = {story.name: {} for story in played}
    for kernel in booted:
        for story, performed in play_stories(kernel, played, progress):
            model = on_model(story, kernel.version)
            found[story.name][kernel.version] = compare(model, performed)
    for story in played:
        progress(f"\n{story.name}: {story.says}\n{format_comparisons(found[story.name])}")
    every = [one for comparisons in found.values() for one in comparisons.values()]
    agree = not any(one.divergences for one in every)
    names = ", ".join(kernel.release for kernel in booted)
    count = sum(len(one.rows) for one in every)
    progress(f"\n{scenario} on {names}: {count} acts, {'all agree' if agree else 'they differ'}")
    return agree
