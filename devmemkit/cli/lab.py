"""The lab's part of the command line: `devmemkit lab` and `devmemkit conform`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devmemkit.model.printable import printable

if TYPE_CHECKING:
    from devmemkit.lab.kernels.kernel import Kernel


def add_parsers(commands: Any) -> None:
    """Add the commands to argparse's sub-parsers."""
    lab = commands.add_parser("lab", help="real kernels: list them, play a scenario, record it")
    actions = lab.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="which are cached, can be had, are recorded")
    listed.add_argument("--refresh", action="store_true", help="read the package lists now")
    played = actions.add_parser("run", help="play a scenario live, beside the model")
    played.add_argument("scenario", metavar="SCENARIO")
    kept = actions.add_parser("record", help="play scenarios live and keep what the kernels did")
    kept.add_argument(
        "scenario", metavar="SCENARIO", nargs="*", help="all of them if none is named"
    )
    for parser in (played, kept):
        _add_kernel(parser, required=parser is played)
    conform = commands.add_parser("conform", help="hold the model against recordings, or a kernel")
    what = conform.add_mutually_exclusive_group()
    what.add_argument("--live", metavar="KERNEL", help="random operations on this one")
    what.add_argument("--quick", action="store_true", help="all but the recorded random runs")
    conform.add_argument("--modules", type=Path, metavar="DIR", help="--live is an image's path")
    conform.add_argument("--seed", type=int, default=1, metavar="S")
    conform.add_argument("--ops", type=int, default=10_000, metavar="N")


def _add_kernel(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument(
        "--kernel",
        required=required,
        action="append",
        metavar="V",
        help="such as 6.12 (may be repeated), or with --modules the path of an image",
    )
    parser.add_argument(
        "--modules", type=Path, metavar="DIR", help="the image's lib/modules/RELEASE"
    )


def lab(options: argparse.Namespace) -> int:
    """`devmemkit lab ACTION`: 0, 1 when something differs, 2 for what cannot be."""
    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError
    from devmemkit.lab.recordings.recording import RecordingError

    try:
        if options.action == "run":
            from devmemkit.lab.recordings.record import check
            from devmemkit.lab.run import run

            name = check(options.scenario)  # a wrong name is told before anything is fetched
            return 0 if run(name, _kernels(options.kernel, options.modules)) else 1
        if options.action == "record":
            return _record(options)
        return _list(options.refresh)
    except (ValueError, FileNotFoundError, GuestError, KernelError, RecordingError) as error:
        print(f"devmemkit lab {options.action}: {error}", file=sys.stderr)
        return 2


def _kernels(names: list[str], modules: Path | None) -> list[Kernel]:
    from devmemkit.lab.kernels import cache
    from devmemkit.model.kernel import KernelProfile

    if modules is not None:
        if len(names) != 1:
            raise ValueError(f"--modules: expected one --kernel IMAGE, got {len(names)}")
        found = [cache.custom(Path(names[0]), modules)]
    else:
        versions = [_version(name) for name in dict.fromkeys(names)]
        found = [cache.get(version) for version in versions]
    for kernel in found:
        KernelProfile(kernel.version)  # the model must know it
    return found


def _version(name: str) -> str:
    from devmemkit.model.kernel import KernelProfile

    try:
        return KernelProfile(name).version
    except ValueError:
        if "/" not in name and not Path(name).exists():
            raise
    raise ValueError(f"{printable(name)}: expected --modules DIR with an image's path, got none")


def _record(options: argparse.Namespace) -> int:
    from devmemkit.lab.recordings import machine, manifest
    from devmemkit.lab.recordings.record import NAMES, record
    from devmemkit.lab.recordings.recording import path_of

    known = ("machine", *NAMES)
    for name in options.scenario:  # a wrong name is told before anything boots
        if name not in known:
            raise ValueError(f"scenario: expected one of {', '.join(known)}; got {name!r}")
    if options.modules is not None and not options.kernel:
        raise ValueError("expected --kernel IMAGE with --modules DIR, got none")
    for kernel in _kernels(options.kernel or list(manifest.RECORDED), options.modules):
        for name in options.scenario or known:
            if name == "machine":
                written: tuple[Path, ...] = (machine.take(kernel),)
            else:
                path = path_of(name, kernel.version)
                written = record(name, kernel, print).write(path)
            manifest.write(*written)
            for path in written:
                print(f"{path}: written", flush=True)
    return 0


def _list(refresh: bool) -> int:
    from devmemkit.lab.kernels.listing import list_kernels
    from devmemkit.lab.recordings.recording import folder

    print(list_kernels({path.stem for path in folder().glob("*/*.json")}, refresh=refresh))
    return 0


def conform(options: argparse.Namespace) -> int:
    """`devmemkit conform`: 0, 1 when something differs, 2 for what cannot be, 130 interrupted."""
    from concurrent.futures import BrokenExecutor

    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError
    from devmemkit.lab.recordings.recording import RecordingError, recordings
    from devmemkit.lab.recordings.replay import replay

    try:
        if options.live:
            return _conform_live(options)
        if options.modules is not None:
            raise ValueError("expected --live IMAGE with --modules DIR, got none")
        found = recordings()
        if not found:
            raise RecordingError("data/recordings: expected recordings, found none")
        return 0 if replay(found, print, _aside, options.quick) else 1
    except BrokenExecutor:
        print("devmemkit conform: one of its processes was ended by somebody", file=sys.stderr)
        return 2
    except (ValueError, FileNotFoundError, GuestError, KernelError, RecordingError) as error:
        print(f"devmemkit conform: {error}", file=sys.stderr)
        return 2


def _aside(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _conform_live(options: argparse.Namespace) -> int:
    from devmemkit.lab.fuzz import conform as live
    from devmemkit.lab.guest.boot import GuestError

    (kernel,) = _kernels([options.live], options.modules)
    found = live.conform(kernel, options.seed, options.ops, print)
    print(live.report(found.to_dict()))
    if found.ended == "interrupted":
        raise KeyboardInterrupt
    if not found.complete:
        raise GuestError(found.ended)
    return 1 if found.divergences else 0
