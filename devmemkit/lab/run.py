"""`devmemkit lab run`: a scenario on a real kernel, beside what the model says of it."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.lab import kernels
from devmemkit.lab.catalogue import Progress, by_number
from devmemkit.lab.compare import compare
from devmemkit.lab.guest import boot
from devmemkit.lab.perform import perform
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import recorded
from devmemkit.scenarios.takeover import Takeover

BAR = "0000:00:05.0"

# On idle persistent memory mapped write-back the claiming instrument's own ioremap would fail from
# 6.16 on and take the claim back with it: there the process opens with O_SYNC.
SCENARIOS: dict[str, tuple[Takeover, ...]] = {
    "takeover": (
        Takeover(sync=True),
        Takeover(sync=True, claim_offset=0x1800, claim_size=0x1000),
        Takeover(region=BAR),
        Takeover(region=BAR, sync=True, claim_offset=0x3FF0, claim_size=0x20),
        Takeover(region=BAR, claim_offset=0, claim_size=0x10000),
    )
}


def run(name: str, version: str, *, progress: Progress = print) -> bool:
    """Play a scenario's stories in one guest and print each comparison; whether all agree.

    ValueError for a scenario that does not exist, KernelError and GuestError for a kernel or a
    guest that cannot be had.
    """
    if name not in SCENARIOS:
        raise ValueError(f"scenario: expected one of {', '.join(SCENARIOS)}; got {name!r}")
    KernelProfile(version)  # the model must know it
    # the guests are alike, so that the recording of the nearest older kernel has the same tree
    older = [m for m in recorded() if by_number(m.split("-")[1]) <= by_number(version)]
    older = older or list(recorded())
    stories = [replace(s, kernel=version, machine=older[-1]) for s in SCENARIOS[name]]
    agree = True
    with boot(kernels.get(version, progress=progress)) as guest:
        for story in stories:
            claim = f"+{story.claim_offset:#x}..+{story.claim_offset + story.claim_size - 1:#x}"
            progress(f"\n{story.profile}: {story.node.name}, claim {claim}, sync={story.sync}")
            found = compare(story.played, perform(guest, story.acts))
            progress(str(found))
            agree = agree and not found.divergences
            guest.reset()
    return agree
