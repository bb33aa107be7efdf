"""`devmemkit conform`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devmemkit.cli.lab import add_arch, kernels, lab_asked
from devmemkit.cli.screen import aside, refusing, status

if TYPE_CHECKING:
    from devmemkit.lab.recordings.recording import Recording


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "conform",
        description="Compare the model with every recording of real kernels, outcome by outcome; "
        "with --live, with random operations on a kernel in a guest. The exit status is 1 when an "
        "outcome differs.",
        examples=("conform", "conform --quick", "conform --live 6.12 --seed 7 --ops 20000"),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--live", metavar="KERNEL", help="play random operations on this kernel")
    what.add_argument("--quick", action="store_true", help="leave out the recorded random runs")
    add = parser.add_argument
    add("--modules", type=Path, metavar="DIR", help="lib/modules/RELEASE; --live is an image then")
    add_arch(parser)
    add("--seed", type=int, default=1, metavar="N", help="of the operations (default: %(default)s)")
    add("--ops", type=int, default=10_000, metavar="N", help="how many (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Print what differs, then a table; 1 when something differs."""
    from concurrent.futures import BrokenExecutor

    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError
    from devmemkit.lab.recordings.recording import recordings
    from devmemkit.lab.recordings.replay import replay

    with refusing("conform", FileNotFoundError, GuestError, KernelError):
        if options.live:
            return _live(options)
        if options.modules is not None:
            raise ValueError("expected --live IMAGE with --modules DIR, got none")
        if options.arch:
            raise ValueError(f"expected --live KERNEL with --arch {options.arch}, got none")
        found = recordings(lab="*")
        if not found:
            raise ValueError("data/recordings: expected recordings, found none")
        try:
            return 0 if replay(_each(found), print, aside, options.quick) else 1
        except BrokenExecutor:
            raise ValueError("one of its processes was ended by somebody") from None


def _each(found: Sequence[Recording]) -> Iterator[Recording]:
    for number, one in enumerate(found, 1):
        status.doing = f"{one.label} {one.scenario} ({number} of {len(found)} recordings)"
        yield one


def _live(options: argparse.Namespace) -> int:
    from devmemkit.lab.fuzz import conform as live
    from devmemkit.lab.guest.boot import GuestError

    lab = lab_asked(options.arch)
    (kernel,) = kernels([options.live], options.modules, lab)
    found = live.conform(kernel, options.seed, options.ops, print, lab=lab)
    print(live.report(found.to_dict()))
    if found.ended == "interrupted":
        raise KeyboardInterrupt
    if not found.complete:
        raise GuestError(found.ended)
    return 1 if found.divergences else 0
