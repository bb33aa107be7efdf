"""The stories by scenario name, for notebooks, lab and command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

from devmemkit.model.features import is_between
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.machines import LABS, Lab, kernel_in, label, load_machine, recorded
from devmemkit.scenarios.play import Played, play, processes
from devmemkit.scenarios.stories.claims import claims
from devmemkit.scenarios.stories.command_line import iomem_relaxed, lockdown_integrity
from devmemkit.scenarios.stories.edges import edges
from devmemkit.scenarios.stories.held import held_copies
from devmemkit.scenarios.stories.pci_bars import bars, ioremap_conflicts
from devmemkit.scenarios.stories.pmem import preload_gap, refused_claim
from devmemkit.scenarios.stories.script import Story
from devmemkit.scenarios.stories.sealed import sealed
from devmemkit.scenarios.stories.takeover import Takeover


def takeover(lab: Lab) -> tuple[Story, ...]:
    """The driver takeover of notebook 01, through /dev/mem, at several places."""
    # On idle persistent memory mapped write-back the claiming instrument's own ioremap would fail
    # from 6.16 on and take the claim back with it: there the process opens with O_SYNC.
    memory, bar = (
        partial(Takeover, machine=f"qemu-{label('6.12', lab.name)}", region=f"{start:#x}")
        for start in (lab.pmem, lab.ivshmem_bar)
    )
    takeovers = {
        "pmem": memory(sync=True),
        "pmem-unaligned": memory(sync=True, claim_offset=0x1800, claim_size=0x1000),
        "bar": bar(),
        "bar-two-pages": bar(sync=True, claim_offset=0x3FF0, claim_size=0x20),
        "bar-whole": bar(claim_offset=0, claim_size=0x10000),
    }
    return tuple(
        Story(name, f"{one.node.name}: {one.claim_size:#x} bytes at +{one.claim_offset:#x} claimed",
              one.acts, "claim")
        for name, one in takeovers.items()
    )  # fmt: skip


SCENARIOS: dict[str, Callable[[Lab], tuple[Story, ...]]] = {
    "takeover": takeover,
    "claims": claims,
    "pci-bars": bars,
    "ioremap-conflict": ioremap_conflicts,
    "iomem-relaxed": iomem_relaxed,
    "lockdown": lockdown_integrity,
    "preload-gap": preload_gap,
    "refused-claim": refused_claim,
    "edges": edges,
    "write-vs-claim": held_copies,
    "sealed": sealed,
}


@cache
def stories(name: str, lab: str = "2g") -> tuple[Story, ...]:
    """A scenario's stories on a machine of LABS, each followed by its control; or ValueError."""
    if name not in SCENARIOS:
        raise ValueError(f"scenario: expected one of {', '.join(SCENARIOS)}; got {name!r}")
    on = LABS[lab]
    found = [story for story in SCENARIOS[name](on) if story.arch in ("", on.arch)]
    return tuple(one for story in found for one in (story, story.control) if one is not None)


def machine_of(version: str, lab: str = "2g") -> str:
    """The recorded machine of a kernel, or of the nearest older kernel, whose guest is alike."""
    names = [name for name in recorded() if name == f"qemu-{label(kernel_in(name), lab)}"]
    older = [name for name in names if is_between(version, kernel_in(name), "")]
    return older[-1] if older else names[0]


def before(pids: Iterable[str], kernel: KernelProfile, lab: str = "2g") -> Machine:
    """A machine of the lab under a kernel, with fresh processes `pids`."""
    tasks = {key: part for pid in pids for key, part in new_task(pid).items()}
    return load_machine(machine_of(kernel.version, lab), kernel).with_(tasks)


def on_model(story: Story, version: str, lab: str = "2g", repair: str = "") -> Played:
    """The story, played on the model of a kernel, on a machine of the lab."""
    kernel = KernelProfile(version, cmdline=story.cmdline, repair=repair)
    return play(before(processes(story.acts), kernel, lab), story.acts)
