"""What lines of strace show: the access, the machine that it needs, and the symptom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devmemkit.explain.access import Access, AccessError, facts_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description, with_device
from devmemkit.explain.symptom import symptom_of
from devmemkit.model import flags as fl
from devmemkit.model.pci.sysfs import config_path
from devmemkit.model.printable import printable
from devmemkit.text.strace import parse_strace
from devmemkit.text.symptom import WORDS


def traced(
    known: Description,
    text: str,
    got: str | None = None,
    *,
    bdf: str | None = None,
    bar: int | None = None,
    wc: bool = False,
) -> tuple[Machines, Access, str]:
    """The machines, the access and the symptom ("": none) in lines of strace.

    `got` is a symptom that the lines do not show, `bdf`, `bar` and `wc` name the file of a
    descriptor whose open they do not show; without `bar` it is the configuration space. TextError
    for lines without an access.
    """
    if bdf is None and (bar is not None or wc):
        raise AccessError("--strace: expected --bdf with --bar and --wc, got none")
    asked = {"bar": bar, "wc": wc or None} if bar is not None else {"other": config_path(bdf or "")}
    named = {name: value for name, value in asked.items() if value is not None} | {"bdf": bdf}
    shown = parse_strace(text, unknown={"via": "sysfs", **named} if bdf else None)
    access = shown.access
    if bdf and any(access.get(name) != value for name, value in named.items() if name != "other"):
        words = "the file that --bdf, --bar and --wc name" if bar is not None else bdf
        raise AccessError(f"--strace: expected lines about {words}, got lines about another file")
    if bdf := access.get("bdf"):
        known = with_device(known, bdf, access)
    name = symptom_of(got or shown.got).name if got or shown.got else ""
    if name in WORDS and access["op"] == "mmap":
        access = {**access, "op": "load"}
    if access.get("other") and not name:
        path = printable(access["other"])
        raise AccessError(f"--strace: expected a file that holds memory, got {path}")
    traced_access = shown_access(known, access)
    return Machines(known, traced_access), traced_access, got or shown.got


def shown_access(known: Description, given: dict[str, Any]) -> Access:
    """The access with the fields that a trace or a message shows."""
    start = given.get("address", given.get("offset", 0))
    device = known.found.get(given.get("bdf", ""))
    if device and given["via"] == "sysfs" and (bar := device.bar(given.get("bar", 0))):
        start += bar.start
    last = max(start, given.get("offset", 0), given.get("length", 0))
    if last > fl.U64:
        raise AccessError(f"--strace: expected numbers from 0 to 2^64 - 1, got {last:#x}")
    more = {name: value for name, value in given.items() if name not in ("address", "length")}
    access = Access(
        start=start, length=given.get("length", 1), traced=True, **more, **facts_of(known)
    )
    if access.via == "proc" and access.op in ("read", "write"):
        return replace(access, other=access.file)
    return access
