"""`devmemkit explain`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from devmemkit.explain.access import OPS, VIAS, AccessError, number
from devmemkit.model.pci.device import BDF
from devmemkit.model.printable import printable
from devmemkit.text.pasted.devices import full_bdf

if TYPE_CHECKING:
    from devmemkit.explain.description import Description
    from devmemkit.explain.paste import Paste

FILES = ("iomem", "ioports", "lspci", "resource", "config")
"""The options that name a file of the machine."""


def argument(text: str) -> int:
    """An address or a size: 0x1000, 4096, 64K."""
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


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "explain",
        description="Say how an access to device memory ends, which check decides, and what would "
        "change that, safest first. Only texts that describe a machine are read: no device is "
        "opened.",
        examples=(
            "explain --machine qemu-6.12 --address 0xfebc0000",
            "explain --machine qemu-6.12 --bdf 00:03.0 --bar 0 --got EINVAL",
            "explain --got 'Operation not permitted' --address 0xfe000000",
            "explain --iomem dump.txt --kernel 6.12 --address 0xfe000000",
        ),
    )
    add = parser.add_argument_group("the machine (default: this one)").add_argument
    add("--machine", metavar="MACHINE", help="recorded, a folder that snapshot wrote, or a dump")
    texts = "all of these texts, commands and messages in one file, in any order ('-': from stdin)"
    add("--paste", metavar="FILE", help=texts)
    add("--iomem", metavar="FILE", help="a dump of /proc/iomem")
    add("--ioports", metavar="FILE", help="a dump of /proc/ioports")
    add("--lspci", metavar="FILE", help="output of lspci -v")
    add("--resource", metavar="FILE", help="resource files of sysfs with names, or one with --bdf")
    add("--config", metavar="FILE", help="the kernel's configuration")
    add("--kernel", metavar="RELEASE", help="release, as uname -r prints it")
    add("--arch", metavar="ARCH", help="architecture, as uname -m prints it")
    add("--cmdline", metavar="TEXT", help="text of /proc/cmdline")
    states = ("none", "integrity", "confidentiality")
    add("--lockdown", choices=states, help="the kernel's lockdown state")
    add("--root", choices=("yes", "no"), help="whether the process is root's")
    add("--rawio", choices=("yes", "no"), help="whether the process has CAP_SYS_RAWIO")
    add = parser.add_argument_group("the access").add_argument
    add("--address", type=argument, metavar="A", help="physical address, or number of a port")
    add("--length", type=argument, metavar="L", help="bytes (default: 4; a page for mmap)")
    add("--bdf", type=bdf, metavar="BDF", help="PCI device, such as 0000:03:00.0 or 03:00.0")
    add("--bar", type=int, choices=range(7), metavar="N", help="BAR of the device: 0 to 6")
    add("--offset", type=argument, metavar="O", help="offset into the BAR (default: 0)")
    usual = "default: devmem with --address, sysfs with --bdf"
    add("--via", choices=VIAS, help=f"/dev/mem, resourceN, /proc/bus/pci or /dev/port ({usual})")
    add("--op", choices=OPS, help="operation (default: mmap; with --got the first that gives it)")
    add("--exec", action="store_true", help="map with PROT_EXEC")
    add("--private", action="store_true", help="map with MAP_PRIVATE")
    add("--sync", action="store_true", help="open with O_SYNC")
    add("--wc", action="store_true", help="use resourceN_wc, which is write-combining")
    told = "lines of strace instead of these options, but for --bdf, --bar and --wc, which name a "
    told += "file: the access, and its symptom ('-': from stdin)"
    add("--strace", action="append", metavar="LINE", help=told)
    add = parser.add_argument_group("the answer").add_argument
    got = "list causes of a symptom: EPERM, 'Bad address', SIGBUS, zeros, ..., or a line of dmesg"
    add("--got", metavar="SYMPTOM", help=got)
    add("--json", action="store_true", help="print the answer as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the answer, or the causes of a symptom."""
    print(_explained(options))
    return 0


def this_machine(options: argparse.Namespace) -> bool:
    """Whether the options name no other machine."""
    return not any(getattr(options, name) for name in ("machine", "paste", *FILES))


def described(options: argparse.Namespace, *, this: bool = True) -> Description:
    """The machine that the options describe; if they describe none, this one or an unknown one."""
    from devmemkit.explain import machines, snapshot
    from devmemkit.explain.description import Description, dump_of, with_lspci, with_resource
    from devmemkit.explain.stored import description_of
    from devmemkit.host.files import read
    from devmemkit.text.architecture import parse_architecture
    from devmemkit.text.release import parse_release
    from devmemkit.text.system_files import parse_config

    if options.machine is not None:
        known = machines.described(options.machine)
    elif options.paste:
        known = _pasted(options).known
    elif not this or not this_machine(options):
        known = Description()
    else:
        known = description_of(snapshot.take(), "this machine")
        # root reads more of this machine; the process that is asked about need not be root
        known = replace(known, root=known.root and None, capable=known.capable and None)
        if options.arch and parse_architecture(options.arch) != known.architecture:
            known = Description()
        elif options.kernel not in (None, known.release):
            # the rest is of the kernel that runs; so is all of it if another one met a symptom
            kept = ["iomem", "ioports", "devices", "cmdline", "phys_bits", "mtrr_uc", "arch"]
            told = options.got or options.strace
            known = Description(**{name: getattr(known, name) for name in kept if not told})
    is_so = {"yes": True, "no": False}
    facts: dict[str, Any] = {
        "release": options.kernel,
        "cmdline": options.cmdline,
        "lockdown": options.lockdown,
        "root": is_so.get(options.root),
        "capable": is_so.get(options.rawio),
    }
    if options.arch is not None:
        facts["arch"] = parse_architecture(options.arch)
    for name in ("iomem", "ioports"):
        if file := getattr(options, name):
            facts[name] = dump_of(read(file), printable(file), ports=name == "ioports")
    if options.config:
        text = read(options.config, what="a kernel's configuration")
        config = text.decode("utf-8", "surrogateescape")
        facts["config"] = parse_config(config, source=options.config)
    if options.kernel is not None:
        parse_release(options.kernel)
    known = replace(known, **{name: fact for name, fact in facts.items() if fact is not None})
    if options.lspci:
        text = read(options.lspci, what="output of lspci -v")
        known = with_lspci(known, text, printable(options.lspci))
    if options.resource:
        text = read(options.resource, what="a device's resource file")
        known = with_resource(known, options.bdf, text, printable(options.resource))
    return known


def _pasted(options: argparse.Namespace) -> Paste:
    from devmemkit.explain.paste import read_paste
    from devmemkit.host.files import read
    from devmemkit.text import TextError

    if isinstance(options.paste, str):  # once: it may be standard input
        source = "standard input" if options.paste == "-" else printable(options.paste)
        text = read(options.paste, what="a text").decode("utf-8", "surrogateescape")
        options.paste = read_paste(text, source, bdf=options.bdf)
        if all(part.kind in ("log", "other") for part in options.paste.parts):
            wanted = "a dump, a configuration, a command, a call or a message"
            raise TextError(source, 1, f"expected {wanted}; got nothing of these")
    paste: Paste = options.paste
    return paste


def _explained(options: argparse.Namespace) -> str:
    from devmemkit.explain.asking import asked_of, may_be_of
    from devmemkit.explain.told import told

    asked = _asked(options) | {"got": options.got}
    known = described(options)
    notes: list[str] = []
    if options.paste:
        paste = _pasted(options)
        asked, notes = paste.asking(**asked), [*paste.notes]
    got = asked.pop("got", None)
    if this := this_machine(options) and known != described(options, this=False):
        notes = ["this is about this machine (see --help for the options that describe another)"]
    try:
        found = asked_of(known, got, **asked)
        fits = not (this and found[2]) or may_be_of(known, found[1], found[2])
    except AccessError:
        if not (this and (got or options.strace)):
            raise
        fits = False  # it lacks the device
    if not fits:
        found = asked_of(described(options, this=False), got, **asked)
        notes = ["this machine cannot give that, so the answer uses no fact of this machine"]
    strace = "" if options.bdf else asked.get("strace", "")
    answer = told(*found, got=got, strace=strace, notes=notes)
    return answer.json if options.json else answer.text


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of asked_of that describe the access."""
    from devmemkit.host.files import read

    file, place = ("bdf", "bar", "wc"), ("address", "length", "offset", "via")
    names = ("op", *place, "exec", "private", "sync")
    asked = {name: getattr(options, name) for name in (*names, *file)}
    if not options.strace:
        return asked
    if given := [name for name in names if not (asked[name] is None or asked[name] is False)]:
        raise AccessError(f"--strace: expected no other option of the access, got --{given[0]}")
    lines = (read("-").decode("utf-8", "replace") if one == "-" else one for one in options.strace)
    return {"strace": "\n".join(lines), **{name: asked[name] for name in file}}
