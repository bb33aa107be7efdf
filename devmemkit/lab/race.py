"""The mmap-versus-claim race on a real kernel: one CPU maps 1 GiB while another claims.

The judge needs no kernel: it holds a recorded sweep against every interleaving of the model.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any

from devmemkit.explore.endings import race_outcomes
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.model.repairs import PASS
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import CLAIMS, CONTROLS, in_order

MIB = 1 << 20
SHARED_MIB = 1024
BDF, RESOURCE = "0000:00:05.0", 2
"""The device whose BAR is mapped; no driver binds to it."""

PATHS = {"devmem": "/dev/mem", "sysfs": f"/sys/bus/pci/devices/{BDF}/resource{RESOURCE}"}

CLAIM_SIZE = {"whole": SHARED_MIB * MIB, "first page": 4096}

TRIALS = 40
"""Trials for each way to map and each claim."""

TABLES = SHARED_MIB * 2
"""KiB of page tables for the whole BAR: 8 bytes for each page of 4 KiB."""


def sweep(kernel: Kernel, progress: Progress = print, lab: str = "2g") -> dict[str, Any]:
    """Race TRIALS times for each way to map and each claim, and 3 times for each control.

    "version", "release", "bar" (bdf, resource, start, size), "trials". A trial has via and claim
    (see scenarios.race), control ("" for a real trial, else one of CONTROLS), and when the claim
    was to come: delay (ns from the entry of the mmap) or grown (KiB of page tables that the mmap
    had made), else None. Measured, in ns since the mmap was entered: returned; begin and end of
    the claim, which lands in between. Then errno of the mmap (None: mapped), shown (whether
    /proc/iomem showed the claim), alive and dead (pages that a load reached or not, of the claimed
    ones that are mapped: the first page, or the first and last of every 2 MiB), outcome.
    GuestError when the guest fails.
    """
    with boot(kernel, shared_mib=SHARED_MIB, lab=lab) as guest:
        return sweep_in(guest, kernel, progress)


def sweep_in(guest: Guest, kernel: Kernel, progress: Progress) -> dict[str, Any]:
    """The sweep in a guest that runs already; see sweep()."""
    done: list[dict[str, Any]] = []
    start = bar_start(guest)
    for claim in CLAIMS:
        with holding(guest, start, claim):
            for via in VIAS:
                made = _trials(guest, start, via, claim)
                done += made
                progress(f"{kernel.version}: {via}, {claim}: {tally(made)}")
    bar = {"bdf": BDF, "resource": RESOURCE, "start": start, "size": SHARED_MIB * MIB}
    return {"version": kernel.version, "release": kernel.release, "bar": bar, "trials": done}


@contextmanager
def holding(guest: Guest, start: int, claim: str) -> Iterator[None]:
    """Claim the region in the guest, so that race() can release it and claim it again."""
    held = {"start": start, "size": CLAIM_SIZE[claim]}
    guest.do({"operation": "request_mem_region", "name": "driver", **held})
    yield
    guest.do({"operation": "release_mem_region", **held})


def bar_start(guest: Guest) -> int:
    """Physical address of the BAR to race for; GuestError when it has another size."""
    line = guest.read(f"/sys/bus/pci/devices/{BDF}/resource").splitlines()[RESOURCE]
    first, last, _ = (int(word, 16) for word in line.split())
    if last - first + 1 != SHARED_MIB * MIB:
        raise GuestError(f"{BDF}: expected a BAR of {SHARED_MIB} MiB, got {line}")
    return first


def _trials(guest: Guest, start: int, via: str, claim: str) -> list[dict[str, Any]]:
    """All trials for one way to map and one claim, which the guest holds."""

    def one(control: str = "", **when: int) -> dict[str, Any]:
        return race(guest, start, via, claim, control, **when)

    controls = [one("none") for _ in range(3)]
    duration = round(median(trial["returned"] for trial in controls))
    controls += [one("before", delay=-20_000_000 - duration // 10) for _ in range(3)]
    # more page tables than the mmap makes: the claim waits for its end
    controls += [one("after", grown=2 * TABLES) for _ in range(3)]
    if claim != "whole":
        controls += [one("outside", grown=TABLES * part // 8) for part in (1, 2, 3)]
    timed = TRIALS * 3 // 4
    real = [one(delay=round(duration * (-0.1 + 1.3 * n / timed))) for n in range(timed)]
    filling = TRIALS - timed  # the checks' time varies, so some claims wait for page tables
    real += [one(grown=max(1, TABLES * n // filling)) for n in range(filling)]
    return controls + real


def race(
    guest: Guest, start: int, via: str, claim: str, control: str = "", **when: int
) -> dict[str, Any]:
    """One trial, as in sweep(), within holding(); `when` is delay or grown.

    With the control "outside" only the second half of the BAR is mapped.
    """
    size = SHARED_MIB * MIB
    skipped = size // 2 if control == "outside" else 0
    offset = skipped + (start if via == "devmem" else 0)
    call = {"path": PATHS[via], "offset": offset, "start": start + skipped}
    return trial(guest, via, claim, control, when, **call, length=size - skipped)


def trial(
    guest: Guest, via: str, claim: str, control: str, when: dict[str, int], **call: Any
) -> dict[str, Any]:
    """One trial by the agent's `race`, to which `call` gives the mapping; see race()."""
    call |= {"operation": "race", "claim": control != "none", "delay": 0, **when}
    (answer,) = guest.do(call)
    returned, begin, end, shown, error, alive, dead = map(int, answer["text"].split())
    told = {
        "via": via,
        "claim": claim,
        "control": control,
        "delay": when.get("delay"),
        "grown": when.get("grown"),
        "returned": returned,
        "begin": None if control == "none" else begin,
        "end": None if control == "none" else end,
        "shown": shown == 1,
        "errno": errno.errorcode[error] if error else None,
        "alive": alive,
        "dead": dead,
    }
    return told | {"outcome": outcome(told)}


def outcome(trial: dict[str, Any]) -> str:
    """denied (with the errno), killed, survived, torn, alive (no claim), or undecided."""
    if trial["begin"] is None:
        return "alive" if trial["alive"] and not trial["dead"] else "undecided"
    if not trial["shown"]:
        return "undecided"
    if trial["errno"]:
        return f"denied {trial['errno']}"
    if trial["alive"] and trial["dead"]:
        return "torn"
    return "survived" if trial["alive"] else "killed"


@dataclass(frozen=True, slots=True)
class Judged:
    """One way to map and one claim: the outcomes seen, how often, and those the model allows.

    `inside` is the number of claims that began during the mmap; `why` is "" for PASSED.
    """

    via: str
    claim: str
    seen: dict[str, int]
    possible: frozenset[str]
    inside: int
    verdict: Verdict
    why: str


def judge(recorded: dict[str, Any], arch: str = "x86_64") -> list[Judged]:
    """Hold a sweep against the model, each way to map and each claim by itself.

    UNDECIDED when a control is missing or ended wrongly, or no claim overlapped the mmap; FAILED
    when the kernel showed an outcome that no interleaving of the model gives.
    """
    version, repair = recorded["version"], model_repair(recorded)
    judged = []
    for via, claim in product(VIAS, CLAIMS):
        mine = [t for t in recorded["trials"] if (t["via"], t["claim"]) == (via, claim)]
        # nothing of the whole is left outside
        known = CONTROLS[:-1] if claim == "whole" else CONTROLS
        controls = {name: in_order(version, via, claim, name, repair, arch) for name in known}
        possible = race_outcomes(version, via, claim, repair, arch)
        judged.append(judge_trials(via, claim, mine, possible, controls))
    return judged


def model_repair(recorded: dict[str, Any]) -> str:
    """The repair that the model needs for a recording: "" for one without, or with PASS."""
    repair: str = recorded.get("repair", PASS)
    return "" if repair == PASS else repair


def judge_trials(
    via: str,
    claim: str,
    mine: list[dict[str, Any]],
    possible: frozenset[str],
    controls: dict[str, str],
) -> Judged:
    """Hold trials of one kind against the `possible` endings, and each control's by its name."""
    real = [t for t in mine if not t["control"] and t["outcome"] != "undecided"]
    seen = dict(sorted(Counter(t["outcome"] for t in real).items()))
    inside = sum(0 <= t["begin"] < t["returned"] for t in real)
    never = ", ".join(sorted(seen.keys() - possible))
    if why := _control_fault(mine, controls):
        verdict = Verdict.UNDECIDED
    elif not any(t["begin"] < t["returned"] and t["end"] > 0 for t in real):
        verdict, why = Verdict.UNDECIDED, "no claim overlapped the mmap"
    elif never:
        verdict, why = Verdict.FAILED, f"the model never gives: {never}"
    else:
        verdict = Verdict.PASSED
    return Judged(via, claim, seen, possible, inside, verdict, why)


def _control_fault(trials: list[dict[str, Any]], controls: dict[str, str]) -> str:
    for control, expected in controls.items():
        got = {t["outcome"] for t in trials if t["control"] == control and _in_place(t)}
        if got != {expected}:
            said = ", ".join(sorted(got)) or "no trial"
            return f"control {control}: expected {expected}, got {said}"
    return ""


def _in_place(trial: dict[str, Any]) -> bool:
    """Whether a control's claim came when it should: a busy host may delay either side."""
    if trial["control"] == "before":
        return bool(trial["end"] < 0)
    return trial["control"] != "after" or bool(trial["begin"] >= trial["returned"])


def tally(trials: list[dict[str, Any]]) -> str:
    """How often each ending was seen in the trials that are no controls, in words."""
    real = Counter(trial["outcome"] for trial in trials if not trial["control"])
    return ", ".join(f"{count} {name}" for name, count in sorted(real.items()))
