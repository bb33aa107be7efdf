"""`devmemkit explain` and `devmemkit snapshot`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devmemkit.cli.screen import complain
from devmemkit.explain.access import OPS, VIAS, AccessError, access_of, number
from devmemkit.model.pci.device import BDF
from devmemkit.model.printable import printable
from devmemkit.text.lspci import full_bdf

if TYPE_CHECKING:
    from devmemkit.explain.description import Description


def argument(text: str) -> int:
    """A number of the command line."""
    try:
        return number(text)
    except AccessError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def bdf(text: str) -> str:
    """A PCI address, with or without its domain."""
    if BDF.fullmatch(full_bdf(text)) is None:
        shown = printable(text[:40])
        raise argparse.ArgumentTypeError(f"expected an address like 0000:03:00.0, got '{shown}'")
    return full_bdf(text)


def add_parsers(commands: Any) -> None:
    """Add `explain` and `snapshot` to the command line."""
    parser = commands.add_parser(
        "explain", help="say what an access to device memory comes to, why, and what to do"
    )
    machine = parser.add_argument_group("the machine (default: this one)")
    machine.add_argument(
        "--machine", metavar="NAME", help="recorded, what snapshot wrote, or a dump"
    )
    for name, what in (
        ("iomem", "a dump of /proc/iomem"),
        ("ioports", "a dump of /proc/ioports"),
        ("lspci", "what lspci -v printed"),
        ("resource", "a device's resource file, with --bdf"),
        ("config", "the kernel's configuration"),
    ):
        machine.add_argument(f"--{name}", metavar="FILE", help=what)
    machine.add_argument("--kernel", metavar="RELEASE", help="what uname -r says")
    machine.add_argument("--cmdline", metavar="TEXT", help="what /proc/cmdline says")
    states = ("none", "integrity", "confidentiality")
    machine.add_argument("--lockdown", choices=states, help="the state in force")
    access = parser.add_argument_group("the access")
    access.add_argument("--address", type=argument, metavar="A", help="physical, or a port")
    access.add_argument("--length", type=argument, metavar="L", help="bytes")
    access.add_argument("--bdf", type=bdf, metavar="DOMAIN:BUS:DEVICE.FUNCTION")
    access.add_argument("--bar", type=int, choices=range(7), metavar="N")
    access.add_argument("--offset", type=argument, metavar="O", help="into the BAR")
    access.add_argument("--via", choices=VIAS)
    access.add_argument("--op", choices=OPS, default="mmap")
    access.add_argument("--exec", action="store_true", help="with PROT_EXEC")
    access.add_argument("--private", action="store_true", help="MAP_PRIVATE")
    access.add_argument("--sync", action="store_true", help="opened with O_SYNC")
    parser.add_argument("--got", metavar="SYMPTOM", help="EPERM, SIGBUS, zeros, ...: say why")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")
    taken = commands.add_parser("snapshot", help="write down this machine for explain")
    taken.add_argument("folder", type=Path, metavar="DIR")


def run(options: argparse.Namespace) -> int:
    """Run one of the two; 2 for what cannot be asked."""
    from devmemkit.explain import snapshot
    from devmemkit.explain.stored import has_addresses

    try:
        if options.command == "snapshot":
            texts = snapshot.take()
            snapshot.write(options.folder, texts)
            print(f"wrote {', '.join(sorted(texts))} to {printable(str(options.folder))}")
            if not has_addresses(texts.get("iomem", "")):
                print("(without the addresses of /proc/iomem, which only root reads)")
            return 0
        print(_explained(options))
    except ValueError as error:
        complain(options.command, error)
        return 2
    return 0


def described(options: argparse.Namespace) -> Description:
    """The machine that the options name; this one where they name none."""
    from devmemkit.explain import machines, snapshot
    from devmemkit.explain.description import Description, dump_of, with_lspci, with_resource
    from devmemkit.explain.stored import description_of
    from devmemkit.host.files import read
    from devmemkit.text.config import parse_config
    from devmemkit.text.release import parse_release
    from devmemkit.text.system_files import parse_lockdown

    files = [options.iomem, options.ioports, options.lspci, options.resource, options.config]
    if options.machine is not None:
        known = machines.described(options.machine)
    elif not any(files):
        known = description_of(snapshot.take(), "this machine")
    else:
        known = Description()
    if options.iomem:
        known = replace(known, iomem=dump_of(read(options.iomem), options.iomem))
    if options.ioports:
        known = replace(known, ioports=dump_of(read(options.ioports), options.ioports))
    if options.lspci:
        text = read(options.lspci, what="what lspci -v printed")
        known = with_lspci(known, text, printable(options.lspci))
    if options.resource:
        if options.bdf is None:
            raise AccessError("--resource: expected --bdf with it, to say whose it is, got none")
        text = read(options.resource, what="a device's resource file")
        known = with_resource(known, options.bdf, text, printable(options.resource))
    if options.config:
        text = read(options.config, what="a kernel's configuration")
        config = parse_config(text.decode("utf-8", "surrogateescape"), source=options.config)
        known = replace(known, config=config)
    if options.kernel is not None:
        parse_release(options.kernel)
        known = replace(known, release=options.kernel)
    if options.cmdline is not None:
        known = replace(known, cmdline=options.cmdline)
    if options.lockdown is not None:
        known = replace(known, lockdown=parse_lockdown(f"[{options.lockdown}]"))
    return known


def _explained(options: argparse.Namespace) -> str:
    from devmemkit.explain.answer import as_json, explain
    from devmemkit.explain.cases import Machines
    from devmemkit.explain.render_text import as_text, causes_text
    from devmemkit.explain.symptom import causes

    known = described(options)
    access = access_of(
        known,
        **{
            name: getattr(options, name)
            for name in (
                *("address", "length", "bdf", "bar", "offset", "via", "op"),
                *("exec", "private", "sync"),
            )
        },
    )
    meant = Machines(known)
    if options.got is not None:
        found = causes(meant, access, options.got)
        if options.json:
            listed = [asdict(cause) for cause in found]
            return json.dumps({"access": str(access), "got": options.got, "causes": listed})
        return causes_text(access, options.got, found)
    answer = explain(meant, access)
    return json.dumps(as_json(answer), indent=1) if options.json else as_text(answer)
