"""`devmemkit lab`."""

from __future__ import annotations

import argparse
import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devmemkit.cli.parser import count
from devmemkit.cli.screen import aside, refusing
from devmemkit.model.printable import printable
from devmemkit.model.repairs import COPY_IN_KERNEL, IN_KERNEL, PASS, REPAIRS, UNLOCKED

ARCHS = ("x86_64", "arm64", "arm64-16k")
REPAIRED = {"mmap-vs-claim": IN_KERNEL, "write-vs-claim": COPY_IN_KERNEL}
"""The scenarios that can be played on a repaired kernel, and its repairs."""
CHOICES = tuple(dict.fromkeys((*IN_KERNEL, *COPY_IN_KERNEL)))
REPAIR = (
    "play it on a kernel that a module of ours, built for it, repairs; with mmap-vs-claim: "
    f"{', '.join(REPAIRS)}, or a control: {PASS}, {UNLOCKED}; with write-vs-claim: bounce-locked, "
    f"or the control {PASS} (may be repeated)"
)
ARCH = (
    "of the guest: x86_64 (default) or arm64, as uname -m prints it, too; arm64-16k has pages of "
    "16 KiB"
)
MEMORY = "of the guest: 2g (default), or 5g, which reaches above the BARs, as read(2) does then"

if TYPE_CHECKING:
    from devmemkit.lab.kernels.kernel import Kernel


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "lab",
        description="List the kernels that can be booted, play a scenario on one in a QEMU guest, "
        "or record what kernels do. A kernel is fetched from Debian when it is first needed.",
        examples=(
            "lab list",
            "lab run pci-bars --kernel 5.10 --kernel 7.3",
            "lab run takeover --kernel vmlinuz --modules lib/modules/6.12.1",
            "lab run takeover --kernel 6.12 --arch arm64",
            "lab record takeover --kernel 6.12",
            "lab run mmap-vs-claim --kernel 6.12 --repair recheck",
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    listed, played, recorded = (
        actions.add_parser(name, help=what, description=f"{what.capitalize()}.")
        for name, what in (
            ("list", "list the known kernels: cached, to be had, recorded"),
            ("run", "play a scenario on real kernels, beside the model"),
            ("record", "play scenarios on real kernels and store their outcomes"),
        )
    )
    listed.add_argument("--refresh", action="store_true", help="read the package lists now")
    played.add_argument("scenario", metavar="SCENARIO", help="such as takeover or pci-bars")
    recorded.add_argument("scenario", metavar="SCENARIO", nargs="*", help="default: all")
    for action in (played, recorded):
        add, is_run = action.add_argument, action is played
        version = "version (may be repeated), or with --modules the path of an image"
        add("--kernel", required=is_run, action="append", metavar="KERNEL", help=version)
        add("--repair", action="append", choices=CHOICES, metavar="REPAIR", help=REPAIR)
        add("--modules", type=Path, metavar="DIR", help="lib/modules/RELEASE of the image")
        add("--memory", choices=("2g", "5g"), default="2g", help=MEMORY)
    for action in (listed, played, recorded):
        add_arch(action)
    guests, cpus = "guests at a time, but one for a race (default: each CPU)", os.cpu_count() or 1
    recorded.add_argument("--jobs", type=count, default=cpus, metavar="N", help=guests)
    anew = "record all again, also what an interrupted run has written"
    recorded.add_argument("--anew", action="store_true", help=anew)


def add_arch(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the guest's architecture."""
    parser.add_argument("--arch", type=architecture, choices=ARCHS, help=ARCH)


def architecture(text: str) -> str:
    """The architecture of that name, as distributions and uname -m have it, or the text itself."""
    from devmemkit.text.architecture import named

    return named(text) or text


def lab_asked(arch: str | None, memory: str = "2g", repair: list[str] | None = None) -> str:
    """The name in LABS of the machine that is asked for; ValueError for one that there is not."""
    if arch in (None, "x86_64"):
        return memory
    if memory != "2g":
        raise ValueError(f"--memory: expected 2g for {arch}, got {memory}")
    if repair:
        raise ValueError(f"--repair: expected --arch x86_64, got {arch}")
    return str(arch)


def run(options: argparse.Namespace) -> int:
    """Run the action; 1 when an outcome differs."""
    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError

    errors = (ValueError, FileNotFoundError, GuestError, KernelError)
    with refusing(f"lab {options.action}", *errors):
        if options.action == "run":
            from devmemkit.lab.recordings.record import check, run

            lab = lab_asked(options.arch, options.memory, options.repair)
            names = scenarios([options.scenario], options.repair)
            for name in names:  # a wrong name is refused before anything is fetched
                check(name, lab)
            booted = kernels(options.kernel, options.modules, lab)
            # all of them, in any case
            agree = [run(name, booted, lab=lab) for name in names]
            return 0 if all(agree) else 1
        if options.action == "record":
            return _record(options)
        from devmemkit.lab.kernels.listing import list_kernels

        archs = [options.arch] if options.arch else ARCHS
        tables = (
            list_kernels(_recorded(one), refresh=options.refresh, flavour=one) for one in archs
        )
        print("\n\n".join(tables))
        return 0


def _recorded(flavour: str) -> set[str]:
    """The versions of which there are recordings on a machine with such kernels."""
    from devmemkit.lab.recordings.recording import folder
    from devmemkit.scenarios.machines import LABS, PC

    here = {lab.name for lab in LABS.values() if lab.flavour == flavour}
    names = (path.stem.partition("-") for path in folder().glob("*/*.json"))
    return {version for version, _, lab in names if (lab or PC.name) in here}


def scenarios(names: list[str], repairs: list[str] | None) -> list[str]:
    """The scenarios to play: with `repairs`, the named one once with each of them.

    ValueError when it cannot be played with one of them.
    """
    if not repairs:
        return names
    if len(names) != 1 or names[0] not in REPAIRED:
        got = printable(", ".join(names)) or "all scenarios"
        raise ValueError(f"--repair: expected the scenario {' or '.join(REPAIRED)}, got {got}")
    known = REPAIRED[names[0]]
    if other := [repair for repair in repairs if repair not in known]:
        raise ValueError(f"--repair: expected one of {', '.join(known)}; got {other[0]}")
    return [f"{names[0]}-{repair}" for repair in dict.fromkeys(repairs)]


def kernels(names: list[str], modules: Path | None, lab: str = "2g") -> list[Kernel]:
    """The kernels to boot, by version; with `modules`, the one image at the path in `names`.

    ValueError for a kernel that the model does not know or that is not one for this machine of
    LABS; KernelError for one that cannot be had.
    """
    from devmemkit.lab.kernels import cache
    from devmemkit.model.kernel import KernelProfile
    from devmemkit.scenarios.machines import LABS

    flavour = LABS[lab].flavour
    if modules is not None:
        if len(names) != 1:
            raise ValueError(f"--modules: expected one --kernel IMAGE, got {len(names)}")
        kernel = cache.custom(Path(names[0]), modules)
        KernelProfile(kernel.version)  # the model must know it
        if kernel.flavour != flavour:
            said = f"--arch: expected {kernel.flavour}, which the image is; got {flavour}"
            raise ValueError(said)
        return [kernel]
    for name in names:
        if "/" in name:
            shown = printable(name)
            raise ValueError(f"{shown}: expected --modules DIR with an image's path, got none")
    versions = [KernelProfile(name).version for name in dict.fromkeys(names)]
    return [cache.get(version, flavour=flavour) for version in versions]


def _record(options: argparse.Namespace) -> int:
    from devmemkit.artifact.page import expect
    from devmemkit.lab.recordings import manifest
    from devmemkit.lab.recordings.record import check
    from devmemkit.lab.recordings.session import Job, record_all
    from devmemkit.scenarios.machines import data_dir

    known = ("machine", *manifest.NAMES)
    names = scenarios(options.scenario, options.repair) or list(known)
    for name in names:  # a wrong name is refused before anything boots
        expect("scenario", name, known)
    if options.modules is not None and not options.kernel:
        raise ValueError("expected --kernel IMAGE with --modules DIR, got none")
    data_dir()  # outside of a checkout nothing is fetched or booted
    lab = lab_asked(options.arch, options.memory, options.repair)
    named = options.scenario or options.repair
    on = {name: manifest.kernels_of(name, lab) for name in names}
    for name in names if named else ():
        if name != "machine":
            check(name, lab)
    built = manifest.REPAIR_RACES | manifest.REPAIRED_STORIES
    versions = options.kernel or list(dict.fromkeys(chain(*on.values())))
    found = kernels(versions, options.modules, lab)
    jobs = [
        Job(name, kernel, lab)
        for kernel in found
        for name in names
        if kernel.version in on[name]
        # a repair needs the kernel's headers, which may not be had
        or (options.kernel and manifest.is_on(lab, name) and (named or name not in built))
    ]
    record_all(jobs, options.jobs, anew=options.anew, progress=aside)
    return 0
