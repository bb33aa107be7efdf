"""Random accesses: `explain` predicts each from the guest's own files, then the guest tries it.

A store or a port write that could hit a device or the machine's own memory is tried only if it is
predicted to fail at its first page.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from devmemkit.explain import snapshot
from devmemkit.explain.access import Access
from devmemkit.explain.calls import calls_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.hypothesis import Asked, Changed, Hypothesis, Some
from devmemkit.explain.stored import description_of
from devmemkit.explain.verdict import end_of
from devmemkit.lab.compare import Finding
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.guest.machine import BOARDS
from devmemkit.lab.guest.perform import perform
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.places import access_of, harmless
from devmemkit.lab.recordings.machine import binds, devices
from devmemkit.scenarios.machines import LABS
from devmemkit.scenarios.play import Act, play

SEED = 2026
BOOTS = (("", False), ("", True), ("iomem=relaxed", True), ("lockdown=integrity", False))
"""The states in which accesses are tried: command line, and whether drivers are bound."""

COUNT = 200
"""Minimum number of accesses in one boot."""
LEAST = 16
"""Times that one boot tries for each possible outcome, and as often with a changed mode or mount
or through resourceN_wc."""
PATIENCE = 16000
"""Maximum number of accesses that are considered in one boot."""


def _read(asked: Asked) -> Some:
    return () if asked.access.via == "proc" else calls_of(replace(asked.access, op="read"))


READ = Hypothesis("read", "read(2) was used where only mmap can reach", "", _read)
"""Tried by the lab alone: for a user, a read is an access of its own."""

LEFT_OUT = (
    *("lockdown", "no node", "no devmem", "empty node", "removed", "removed later", "missing"),
    *("traced", "ram", "fork", "claim fails", "other cache type than O_SYNC"),
)
PLAYABLE = {
    one.name: one for one in (*HYPOTHESES, READ) if not one.gives and one.name not in LEFT_OUT
}
"""The hypotheses that can be played in a guest that goes on."""

RARE = ("claimed after", "copied", "other cache type", "opened read-only")
OF_FILE = ("let in", "noexec", "nodev", "mounted read-only")
LIKELY = (*PLAYABLE, *(*RARE, *OF_FILE) * 4)
"""The hypotheses to try; those that lead to rare outcomes are listed more often."""


def texts_of(guest: Guest, config: Mapping[str, str], flavour: str) -> snapshot.Texts:
    """A guest's snapshot, read from its own files; `config` is that of its package."""
    read = dict.fromkeys(snapshot.FILES, "")
    for name, path in snapshot.FILES.items():
        with suppress(OSError):
            read[name] = guest.read(f"/{path}")
    bits = BOARDS[flavour].phys_bits
    return snapshot.texts(read, devices(guest), config, phys_bits=bits)


class Predictor:
    """What `explain` says of accesses on the one machine that a snapshot describes."""

    def __init__(self, texts: snapshot.Texts, source: str) -> None:
        self.machines = Machines(description_of(texts, source))
        if self.machines.questions:  # a guest leaves nothing open
            names = ", ".join(question.name for question in self.machines.questions)
            raise GuestError(f"{source}: expected all to be known, got no answer for {names}")
        self.machine = self.machines.machine({})

    def changed(self, access: Access, hypothesis: str) -> Changed | None:
        """The machine and the calls under a hypothesis ("": none); None if it cannot hold."""
        if not hypothesis:
            return self.machine, calls_of(access)
        changed = PLAYABLE[hypothesis].apply(self.machines.known, self.machine, access)
        if changed is None or changed[0].kernel != self.machine.kernel:  # a guest keeps its kernel
            return None
        return changed[0], tuple(_for_guest(call, access) for call in changed[1])


def predicted(changed: Changed) -> str:
    """How the calls end on the machine, by the model."""
    return end_of(changed[1], play(*changed).outcomes)


def _for_guest(act: Act, access: Access) -> Act:
    """The claim reduced to one page, of which the guest's driver is able: the access's first."""
    if act.operation != "request_mem_region":
        return act
    start, size = act.arguments["start"], act.arguments["size"]
    page = access.page_size
    first = access.pages[0] * page
    at = first if start <= first < start + size else start & -page
    return replace(act, arguments={"start": at, "size": page})


def accesses(
    predictor: Predictor, seed: str, lab: str = "2g"
) -> Iterator[tuple[Access, str, tuple[Act, ...], str]]:
    """Random accesses: the hypothesis ("": none), the calls, how the model says they end.

    `lab` is a name of LABS. Each outcome that comes up among PATIENCE tries comes at least LEAST
    times, if it can.
    """
    chance = random.Random(seed)
    count: Counter[tuple[str, bool]] = Counter()
    for _ in range(PATIENCE):
        access = access_of(chance, predictor.machines.known, lab)
        access = replace(access, page_shift=LABS[lab].page_shift)
        hypothesis = "" if chance.random() < 0.55 else chance.choice(LIKELY)
        changed = predictor.changed(access, hypothesis)
        if changed is None:
            continue
        end = predicted(changed)
        kind = end, access.wc or hypothesis in OF_FILE
        wanted = count[kind] < LEAST or (count.total() < COUNT and chance.random() < 0.2)
        if wanted and harmless(*changed, access, end, lab):
            count[kind] += 1
            yield access, hypothesis, changed[1], end


def attempt(kernel: Kernel, progress: Progress, lab: str = "2g") -> dict[str, Any]:
    """Predict accesses and try them on a kernel, in each of BOOTS; GuestError when a guest fails.

    "boots": cmdline, bound, files (a snapshot), tried: access, twist, foretold, got.
    """
    return {"boots": [_boot(kernel, *state, progress, lab) for state in BOOTS]}


def _boot(
    kernel: Kernel, cmdline: str, bound: bool, progress: Progress, lab: str
) -> dict[str, Any]:
    tried: list[dict[str, Any]] = []
    reset = {"operation": "reset", "keep": 1}  # drivers stay bound: binding takes long
    with boot(kernel, cmdline, lab=lab) as guest:
        guest.do(*binds(lab) if bound else ())
        files = texts_of(guest, kernel.config, kernel.flavour)
        predictor = Predictor(files, kernel.release)
        for access, hypothesis, acts, end in accesses(predictor, f"{SEED}/{cmdline}/{bound}", lab):
            guest.do(reset)
            performed = perform(guest, acts)
            if performed.cannot:
                raise GuestError(f"{access} ({hypothesis}): {performed.cannot}")
            got = end_of(acts, performed.outcomes)
            if got != end:
                progress(f"{access} ({hypothesis}): predicted {end}, got {got}")
            row = {"access": packed(access), "twist": hypothesis, "foretold": end, "got": got}
            tried.append(row)
        guest.do(reset)
        left = set(guest.read("/proc/iomem").splitlines()) ^ set(files["iomem"].splitlines())
        if left:
            raise GuestError(f"expected /proc/iomem to be as before, got {', '.join(sorted(left))}")
    progress(f"{kernel.version} {cmdline} {'bound' if bound else 'idle'}: {len(tried)} accesses")
    return {"cmdline": cmdline, "bound": bound, "files": files, "tried": tried}


def packed(access: Access) -> dict[str, Any]:
    """An access as JSON, without its default values."""
    usual = asdict(Access("", "", 0, 0))
    return {name: value for name, value in asdict(access).items() if value != usual[name]}


def judge(content: Mapping[str, Any], version: str) -> Iterator[Finding]:
    """Compare what today's `explain` predicts with what the kernel did, boot by boot."""
    for one in content["boots"]:
        name = f"{one['cmdline'] or 'as booted'}, {'bound' if one['bound'] else 'idle'}"
        predictor = Predictor(one["files"], f"{version} {name}")
        differs = []
        for row in one["tried"]:
            access = Access(**{"start": 0, "length": 0, **row["access"]})
            changed = predictor.changed(access, row["twist"])
            end = predicted(changed) if changed else "nothing"
            if end != row["got"]:
                said = f"{access} ({row['twist'] or 'plain'})"
                differs.append(f"{said}: explain says {end}, the kernel {row['got']}")
        yield Finding.of(name, len(one["tried"]), differs)
