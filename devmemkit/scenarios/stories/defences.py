"""The gap before a driver loads: ways to write into an idle region, and what could stop them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from devmemkit.model.flags import IORESOURCE_EXCLUSIVE, IORESOURCE_SYSTEM_RAM, PAGE_SIZE
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import NAMESPACE, PC
from devmemkit.scenarios.play import SETTLE, Act, Ref, play
from devmemkit.scenarios.stories.script import D, P
from devmemkit.scenarios.words import format_ending

OPEN = "nothing more"


class Defence(NamedTuple):
    """What a kernel is given beyond its release; `what` in words, `raised` after the boot."""

    what: str
    config: Config = Config()
    cmdline: str = ""
    policy: str | None = None
    exclusive: bool = False
    raised: bool = False


DEFENCES = {
    OPEN: Defence("the kernel as its distribution configures it"),
    "iomem=strict": Defence("on the command line", cmdline="iomem=strict"),
    "lockdown": Defence("lockdown=integrity from boot on", cmdline="lockdown=integrity"),
    "lockdown, raised later": Defence("when a file is open already", raised=True),
    "DEVMEM=n": Defence(
        "no /dev/mem", config=Config(devmem=False, strict_devmem=False, io_strict_devmem=False)
    ),
    "DenyIdle": Defence("nobody maps what no driver has claimed", policy="DenyIdle"),
    "exclusive for ever": Defence(
        "the region is marked as virtio-mem marks its own (v5.16)", exclusive=True
    ),
}
"""By name: the defences that could close the gap."""

VALUE = b"corrupt!"
_OPEN, _MAP = P.open_mem(dsync=True), P.map_mem("map", "maps the region", PC.pmem, 1)
_STORE = P("write", "store", "writes", address=Ref("map"), value=int.from_bytes(VALUE, "little"))

ATTEMPTS: dict[str, tuple[Act, ...]] = {
    "maps and writes": (_OPEN, _MAP, _STORE),
    "pwrite(2)": (
        _OPEN,
        P("write", "write_devmem", "writes", fd=Ref("open"), offset=PC.pmem, data=VALUE),
    ),
    "unbinds the driver first": (
        D("bind", "bind", "nd_pmem binds", bdf=NAMESPACE, driver="nd_pmem"),
        D("unbind", "unbind", "nd_pmem goes", bdf=NAMESPACE, needs="bind"),
        _OPEN,
        _MAP,
        _STORE,
    ),
    "a BAR through resource2": (P.open_bar(PC.ivshmem, 2), P.map_bar("map", "maps it"), _STORE),
}
"""Ways to write into what no driver has claimed: persistent memory, and one device's BAR."""

ACCIDENT = ("maps and writes", "pwrite(2)")
"""Ways that a program takes by mistake; an attacker tries all of them."""


@cache
def ended(version: str, defence: str, way: str) -> str:
    """How a way to write ended: "written", or the errno of the act that failed.

    Under one raised later, the process has opened its file before. ValueError for an unknown one.
    """
    if defence not in DEFENCES:
        raise ValueError(f"defence: expected one of {', '.join(DEFENCES)}; got {defence!r}")
    d = DEFENCES[defence]
    machine = before(("P",), KernelProfile(version, d.config, d.cmdline, policy_name=d.policy))
    if d.exclusive:
        root = machine["iomem"].copy()
        node = next(node for node in root.walk() if node.start == PC.pmem)
        node.flags |= IORESOURCE_SYSTEM_RAM | IORESOURCE_EXCLUSIVE
        machine = machine.with_({"iomem": root})
    acts, known = ATTEMPTS[way], {}
    if d.raised:
        opened = [act.key for act in acts].index("open") + 1
        first = play(machine, acts[:opened])
        locked = replace(machine.kernel, cmdline="lockdown=integrity")
        machine = first.moments[-1].machine.with_kernel(locked)
        acts, known = acts[opened:], first.outcomes
    outcomes = play(machine, acts, known).outcomes
    failed = [outcome for outcome in outcomes.values() if not outcome.ok]
    if failed:
        return format_ending(failed[0])
    return "written" if "write" in outcomes else "never came to it"


def closes(version: str, defence: str, ways: tuple[str, ...]) -> bool:
    """Whether a defence stops each of these ways."""
    return all(ended(version, defence, way) != "written" for way in ways)


def _writes(key: str, of: str, says: str) -> Act:
    return P(key, "store", says, address=Ref(of), value=1)


_PHASES = (
    _OPEN,
    _MAP,
    _writes("before the claim", "map", "writes"),
    D.claim(PC.pmem, PAGE_SIZE, "claims the region"),
    D("settle", SETTLE),  # a grace passes
    _writes("claimed, mapped before", "map", "writes again"),
    P.map_mem("again", "maps it anew", PC.pmem, 1),
    _writes("claimed, mapped anew", "again", "writes through that"),
    D.release(PC.pmem, PAGE_SIZE),
    _writes("released, mapped before", "map", "writes through the old mapping"),
    P.map_mem("late", "maps it anew", PC.pmem, 1),
    _writes("released, mapped anew", "late", "writes through that"),
)
PHASES = tuple(act.key for act in _PHASES if act.operation == "store")
"""When a process may write to the region, and through which mapping."""


def phases(version: str, policy: str | None = None) -> dict[str, str]:
    """By phase: "yes" where the process can write, else the errno or signal that stops it.

    If the claim fails, the later phases give its errno.
    """
    machine = before(("P",), KernelProfile(version, policy_name=policy))
    outcomes = play(machine, _PHASES).outcomes
    found = {}
    for act in _PHASES:
        if act.key in PHASES:
            outcome = outcomes.get(act.key) or outcomes[act.arguments["address"].key]
            found[act.key] = format_ending(outcome, "yes")
    if not outcomes["claim"].ok:
        found |= dict.fromkeys(PHASES[1:], f"claim: {outcomes['claim'].errno}")
    return found
