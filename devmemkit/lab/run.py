"""`devmemkit lab run`: a scenario on real kernels, compared with the model."""

from __future__ import annotations

from collections.abc import Sequence

from devmemkit.lab.compare import format_comparisons
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.record import MEASURED, check, record
from devmemkit.lab.recordings.replay import replay


def run(scenario: str, booted: Sequence[Kernel], *, progress: Progress = print) -> bool:
    """Play a scenario on each kernel and print both outcomes; True if all agree.

    ValueError for a scenario that does not exist or a kernel that the model does not know,
    GuestError for a guest that fails.
    """
    check(scenario)
    found = {kernel.version: record(scenario, kernel, progress) for kernel in booted}
    if scenario in MEASURED:
        return replay(found.values(), progress)
    count, agree = 0, True
    for same in zip(*map(judge, found.values()), strict=True):
        comparisons = {v: one.comparison for v, one in zip(found, same, strict=True)}
        story = same[0].story
        progress(f"\n{story.name}: {story.says}\n{format_comparisons(comparisons)}")
        count += sum(len(one.rows) for one in comparisons.values())
        agree = agree and not any(one.divergences for one in comparisons.values())
    names = ", ".join(kernel.release for kernel in booted)
    progress(f"\n{scenario} on {names}: {count} acts, {'all agree' if agree else 'they differ'}")
    return agree
