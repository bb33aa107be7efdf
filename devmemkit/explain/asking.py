"""What people ask with: lines of strace, or a symptom without the operation that gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import Access, AccessError, access_of, device_of, facts_of
from devmemkit.explain.calls import calls_of
from devmemkit.explain.candidates import Cause
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.symptom import causes, symptom_of
from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from devmemkit.model.pci.sysfs import config_path
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import play
from devmemkit.scenarios.words import format_ending
from devmemkit.text.lspci import Device
from devmemkit.text.strace import parse_strace
from devmemkit.text.symptom import SIGNALS, WORDS, Symptom, access_in, refused

TOUCHES = ("load", "store")
"""Operations that give signals."""

OPS = ("mmap", "read", "write", *TOUCHES)
"""Operations in the order in which a symptom is looked for, if nobody names one."""

SINGLE = ("", "open", "iopl")
"""Operations of one call, which need no address; "" is what lockdown refused."""

PLACE = ("address", "length", "bdf", "bar", "wc")
"""The fields of an access that say where it is."""

SOMEWHERE = 1 << 32
"""Where a BAR is placed whose address nobody knows."""


def asked_of(
    known: Description,
    got: str | None,
    *,
    strace: str | None = None,
    op: str | None = None,
    **asked: Any,
) -> tuple[Machines, Access, str, tuple[Cause, ...]]:
    """The machines and the access that are asked about, the symptom ("": none) and its causes."""
    if strace is not None:
        machines, access, symptom = traced(known, strace, got, **asked)
        return machines, access, symptom, causes(machines, access, symptom) if symptom else ()
    if got is not None:
        access, found = causes_for(known, got, op=op, **asked)
        return Machines(known, access), access, got, found
    access = access_of(known, op=op or "mmap", **asked)
    return Machines(known, access), access, "", ()


def causes_for(
    known: Description, got: str, *, op: str | None = None, **asked: Any
) -> tuple[Access, tuple[Cause, ...]]:
    """An access and the causes of its symptom; without `op` of the first operation that has any.

    What is not asked is taken from the line of dmesg or the message; without a BAR it is the
    device's configuration space. ValueError as access_of and causes.
    """
    symptom = symptom_of(got)
    shown = _shown(symptom, got)
    if asked.get("address") is None and not asked.get("bdf"):
        asked = {name: shown[name] for name in ("via", *PLACE) if name in shown} | {
            name: value for name, value in asked.items() if value is not None
        }
        if "bdf" in asked:
            known = _with_device(known, asked["bdf"], asked)
    elif symptom.cause:
        shown = {}  # the place says more than the line
    else:
        shown |= {name: asked[name] for name in PLACE if asked.get(name) is not None}
        shown |= {"via": asked.get("via") or ("sysfs" if asked.get("bdf") else "devmem")}
    if (bdf := asked.get("bdf")) and not known.found:
        given = {"via": "sysfs"} | {name: one for name, one in asked.items() if one is not None}
        known = _with_device(known, bdf, given)
    if op is None and shown.get("op") in SINGLE and "via" in shown:
        access = _access(known, shown)
        return access, causes(Machines(known, access), access, got)
    if op is None and symptom.name not in WORDS:  # a signal comes with a load or a store
        op = shown.get("op") or None
    if (bdf := asked.get("bdf")) and asked.get("bar") is None and op in (None, "read", "write"):
        access = _config_space(known, bdf, op or "write", asked)
        if found := causes(Machines(known, access), access, got):
            return access, found
    accesses: list[Access] = []
    errors: list[AccessError] = []
    for one in (op,) if op else TOUCHES if symptom.name in SIGNALS else OPS:
        try:
            accesses.append(access_of(known, op=one, anywhere=True, **asked))
        except AccessError as error:
            errors.append(error)
        else:
            if found := causes(Machines(known, accesses[-1]), accesses[-1], got):
                return accesses[-1], found
    if not accesses:
        raise errors[0]
    return accesses[0], ()


def _shown(symptom: Symptom, got: str) -> dict[str, Any]:
    """What a line of dmesg or a message shows of the access."""
    if words := refused(got):
        node = "/dev/mem" in words  # which open refuses, whatever address is meant
        more = {"op": "open"} if node else {"op": "", "other": printable(words)}
        return {"via": "devmem", **more}
    if symptom.where:
        start, last = symptom.where
        return {"address": start, "length": last - start + 1}
    return {} if symptom.cause else access_in(got)


def _config_space(known: Description, bdf: str, op: str, asked: dict[str, Any]) -> Access:
    """A read or write of a device's configuration space, which holds no memory."""
    device_of(known, bdf)
    offset, length = asked.get("offset") or 0, asked.get("length") or 4
    return Access(
        "sysfs", op, offset, length, bdf, offset=offset, other=config_path(bdf), **facts_of(known)
    )


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
        known = _with_device(known, bdf, access)
    name = symptom_of(got or shown.got).name if got or shown.got else ""
    if name in WORDS and access["op"] == "mmap":
        access = {**access, "op": "load"}
    if access.get("other") and not name:
        path = printable(access["other"])
        raise AccessError(f"--strace: expected a file that holds memory, got {path}")
    traced_access = _access(known, access)
    return Machines(known, traced_access), traced_access, got or shown.got


def may_be_of(known: Description, access: Access, got: str) -> bool:
    """Whether a symptom can be the machine's: it has the device, and open can end as shown."""
    machines, calls = Machines(known, access), calls_of(access)[:1]
    symptom = symptom_of(got) if got else Symptom("ok")
    if not {access.bdf, symptom.bdf} <= {"", *known.found}:
        return False
    if calls[0].key != "open" or not access.op:
        return True
    every = (machines.machine(case) for _, case in machines.cases())
    ends = {format_ending(play(one, calls).outcomes["open"]) for one in every}
    fits = {symptom.name} if access.op == "open" else {"ok"}
    return bool(ends & (fits if access.traced else {"ok", symptom.name}))


def _access(known: Description, given: dict[str, Any]) -> Access:
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


def _with_device(known: Description, bdf: str, given: Mapping[str, Any]) -> Description:
    """The description with the trace's device; one that has not got it is of another machine."""
    if bdf in known.found:
        return known
    start = given.get("address", SOMEWHERE)
    bars: tuple[Bar, ...] = ()
    if given["via"] == "sysfs" or "address" in given:
        length = given.get("offset", 0) + given.get("length", 1)
        end = start + max(fl.PAGE_SIZE, 1 << (length - 1).bit_length()) - 1
        bars = (Bar(given.get("bar", 0), start, end, fl.IORESOURCE_MEM | fl.IORESOURCE_PREFETCH),)
    device = Device(bdf, bars, driver="", missing=tuple(bar.index for bar in bars))
    return replace(known, iomem=None, ioports=None, devices={bdf: device})
