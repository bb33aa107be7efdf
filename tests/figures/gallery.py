"""Every kind of picture as notebooks and explorers show it, from the model and recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from devmemkit.explore.check import explore
from devmemkit.explore.policy_matrix import matrix as answers
from devmemkit.figures.actors import actors
from devmemkit.figures.address_map import address_map
from devmemkit.figures.boot_order import boot_order
from devmemkit.figures.claim_path import claim_path
from devmemkit.figures.exposure import exposure
from devmemkit.figures.history import history
from devmemkit.figures.initcalls import appearances, initcalls
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.figures.matrix import end_cell, matrix
from devmemkit.figures.outcomes import outcomes
from devmemkit.figures.race import race, races
from devmemkit.figures.repairs import repairs
from devmemkit.figures.space_map import space_map
from devmemkit.figures.timeline import timeline
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.recording import recordings
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES, PROPOSALS
from devmemkit.scenarios.claim_path import edges
from devmemkit.scenarios.machines import load_machine, recorded
from devmemkit.scenarios.races.boot import early_claim
from devmemkit.scenarios.races.catalogue import concurrent
from devmemkit.scenarios.races.initcall_order import Boot
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.defences import ATTEMPTS, DEFENCES, ended
from devmemkit.scenarios.stories.exposure import Exposure, simulate
from devmemkit.scenarios.stories.takeover import QUESTIONS, Takeover

Named = Iterator[tuple[str, Picture]]


def stories() -> Named:
    """Maps and timelines, of each kind of claim and after each of a story's last acts."""
    for version in ("4.4", "5.10", "6.12"):
        whole = Takeover(kernel=version)
        yield f"map at the end, {version}", map_of(whole)
        yield f"timeline, {version}", timeline(whole.played)
    odd = Takeover(claim_offset=0x1800, claim_size=0x5000)
    for act in ("fork", "claim"):
        yield f"map after {act}", address_map(odd.played.after(act), odd.node, odd.pages)
    few = address_map(odd.played.after("claim"), odd.node, 8)
    yield "map of eight pages", few
    small = Takeover(claim_offset=0, claim_size=16)
    yield "map of 16 bytes", address_map(small.played.after("claim"), small.node, small.pages)
    grace = Takeover(policy="RevokeAfterGrace").played
    yield "timeline at the claim", timeline(grace, grace.moments_of("claim")[1])
    for via in ("both", "resource"):
        bar = BarStory(via=via)
        yield f"map of a BAR, {via}", map_of(bar)
        yield f"timeline of a BAR, {via}", timeline(bar.played)


def map_of(story: Takeover | BarStory) -> Picture:
    """The address map at the end of a story."""
    return address_map(story.played.moments[-1].machine, story.node, story.pages)


def spaces() -> Named:
    """The address spaces of the recorded machines."""
    for name in (recorded()[0], "qemu-6.12-arm64-16k", "qemu-7.3"):
        root = load_machine(name, KernelProfile("6.12"), state="bound")["iomem"]
        marked = next((node for node in root.walk() if node.name == "nvme"), None)
        yield f"space map, {name}", space_map(name, root, marked=marked)


def orders() -> Named:
    """Swim lanes, initcalls and what a claim reaches."""
    for policy in (None, "RevokeAfterGrace"):
        made = concurrent("mmap-vs-claim", KernelProfile("7.3", policy_name=policy))
        found = explore(made).counterexample
        yield f"lanes, {policy}", lanes(tuple(made.programs), found)
        yield f"lanes, {policy}, step 2", lanes(tuple(made.programs), found, 2, room=16)
    yield "lanes, none found", lanes(("U0", "C0"), None)
    swapped = ("chr_dev_init", "iomem_init_inode")
    early = early_claim(KernelProfile("6.12"), drivers=2, initcalls=swapped)
    yield "lanes, a bug", lanes(tuple(early.programs), explore(early).counterexample)
    yield "boot order", boot_order(Boot(levels={"chr_dev_init": "late"}).order)
    before, now = (edges(KernelProfile(version)) for version in ("4.5", "7.3"))
    yield "claim path", claim_path("Linux 7.3", now, before)
    boots = {one.version: one.content["timeline"] for one in recordings("boot")}
    for version in ("6.12", "7.3"):
        yield f"initcalls, {version}", initcalls(boots[version])
    yield "appearances", appearances(boots)


def overviews() -> Named:
    """The actors under each policy, and the history."""
    for version in VERSIONS:
        yield f"actors, {version}", actors(KernelProfile(version))
    for policy in POLICIES:
        yield f"actors, {policy}", actors(KernelProfile("6.12", policy_name=policy))
    yield "history", history("5.12")


def tables() -> Named:
    """Matrices of policies, defences and kernels, and stories on every kernel."""
    story = Takeover()
    kernels = {f"Linux {v}": story.on(v) for v in VERSIONS}
    kernels |= {str(s.profile): s for s in (story.on("6.12", policy=n) for n in PROPOSALS)}
    rows = {name: [end_cell(one.played, key) for key in QUESTIONS] for name, one in kernels.items()}
    yield "matrix of kernels", matrix("takeover", "One story", list(QUESTIONS.values()), rows)
    cells = list(answers("6.12", "devmem"))
    asked = [*dict.fromkeys(cell.question for cell in cells)][:3]
    by_policy: dict[str, list[tuple[str, str]]] = {}
    for cell in cells:
        if cell.question in asked:
            role = "ok" if cell.good else "error" if cell.decides else "muted"
            by_policy.setdefault(cell.policy, []).append((cell.answer.split(";")[0], role))
    columns = [one.replace(" the ", "\nthe ") for one in asked]
    yield "matrix of policies", matrix("policies", "Who reaches what", columns, by_policy)
    stops = {
        name: [
            (said, "error" if said == "written" else "ok")
            for said in (ended("6.12", name, way) for way in ATTEMPTS)
        ]
        for name in DEFENCES
    }
    heads = ["maps and\nwrites", "pwrite(2)", "unbinds\nfirst", "a BAR by\nresource2"]
    yield "matrix of defences", matrix("defences", "What stops a writer?", heads, stops)
    for name in ("through_both", "driver_binds-sysfs", "hot_removal"):
        found = {
            one.version: told.comparison
            for one in recordings("pci-bars")
            for told in judge(one)
            if told.story.name == name
        }
        yield f"outcomes, {name}", outcomes(name, found)


def races_seen() -> Named:
    """The recorded races, and the exposure."""
    sweeps = {one.version: one.content["race"] for one in recordings("mmap-vs-claim")}
    for version in ("5.10", "7.3"):
        yield f"race, {version}", race(sweeps[version])
    yield "races", races(sweeps)
    mmap = {"mmap as it is": {"denied EPERM": 20, "survived": 11, "killed": 29}}
    mmap |= {"recheck": {"denied EPERM": 20, "torn": 1, "killed": 39}, "fault": {"killed": 60}}
    yield "repairs", repairs({"mmap": mmap, "first touch": {"fault": {"killed": 60}}})

    def point(delay: float, writers: int) -> tuple[Exposure, object]:
        made = Exposure(delay, writers, 0.01)
        return made, simulate(made, 300, 2020)

    series = {
        f"{count} process{'es' * (count != 1)}": [point(delay, count) for delay in (0.1, 3, 100)]
        for count in (1, 10, 100)
    }
    yield "exposure", exposure(series, point(10, 2))


KINDS = (stories, spaces, orders, overviews, tables, races_seen)


@cache
def drawn(kind: Callable[[], Named]) -> dict[str, Picture]:
    """The pictures of a kind by name."""
    return dict(kind())
