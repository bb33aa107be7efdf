"""What people ask with: lines of strace, or a symptom without the operation that gave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import Access, AccessError, access_of, device_of, facts_of
from devmemkit.explain.calls import calls_of
from devmemkit.explain.candidates import UNKNOWN, Cause
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.symptom import causes, symptom_of
from devmemkit.explain.verdict import verdict
from devmemkit.model import flags as fl
from devmemkit.model.pci.device import Bar
from devmemkit.model.pci.sysfs import config_path
from devmemkit.model.printable import printable
from devmemkit.scenarios.play import play
from devmemkit.scenarios.words import format_ending
from devmemkit.text.lspci import Device
from devmemkit.text.message import access_in, bar_in, call_in, tells_failure
from devmemkit.text.strace import parse_strace
from devmemkit.text.symptom import ANY, SIGNALS, WORDS, Symptom, parse_symptom, refused

TOUCHES = ("load", "store")
"""Operations that give signals."""

OPS = ("mmap", "read", "write", *TOUCHES)
"""Operations in the order in which a symptom is looked for, if nobody names one."""

OF_OPEN = ("ENOENT", "ENXIO", "EROFS")
"""Errnos that only open gives."""

OF_CALLS = (
    *("EPERM", "EACCES", "EINVAL", "ENOENT", "EAGAIN", "ENODEV", "ENOMEM", "ENXIO"),
    *("EROFS", "EFAULT", "EIO", "ENOSYS"),
)
"""The errnos of which one is meant where words have none, the likeliest first."""

SINGLE = ("", "open", "iopl")
"""Operations of one call, which need no address; "" is what lockdown refused."""

PLACE = ("address", "length", "bdf", "bar", "wc")
"""The fields of an access that say where it is."""

SOMEWHERE = 0xE000_0000
"""Where a place is supposed that nobody tells: where BARs usually are, and RAM may be."""


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
        found = causes(machines, access, symptom) if symptom else ()
        if symptom and not found and not asked.get("bdf"):
            with suppress(AccessError):  # unless the lines show the descriptor's file
                at = traced(known, strace, got, bdf=ANY, bar=0)
                if other := causes(*at):
                    return *at, other
        return machines, access, symptom, found
    if got is not None:
        access, found = causes_for(known, got, op=op, **asked)
        if told := parse_symptom(got):
            known = shown_by(known, told)
        return Machines(known, access), access, got, found
    access = access_of(known, op=op or "mmap", **asked)
    return Machines(known, access), access, "", ()


def causes_for(
    known: Description, got: str, *, op: str | None = None, **asked: Any
) -> tuple[Access, tuple[Cause, ...]]:
    """An access and the causes of its symptom; without `op` of the first operation that has any.

    What is not asked is taken from the line of dmesg or the message; without a BAR it is the
    device's configuration space, without any place it is anywhere. Words that tell a failure
    without its errno have the causes of each errno that the access can give.
    ValueError as access_of and causes.
    """
    asked = {name: value for name, value in asked.items() if value is not None}
    if not tells_failure(got):
        return _causes_of(known, symptom_of(got), got, op, asked)
    found: list[tuple[Access, tuple[Cause, ...]]] = []
    for name in OF_CALLS:
        usual = "devmem" if bar_in(got) is None else "sysfs"
        via = {} if asked.keys() & {"bdf", "via"} else {"via": access_in(got).get("via", usual)}
        access, causes = _causes_of(known, Symptom(name), got, op, via | asked)
        causes = tuple(one for one in causes if one.function != UNKNOWN)
        causes = tuple(replace(one, what=f"{name}: {one.what}", advice=()) for one in causes)
        found.append((access, causes))
    access = next((access for access, causes in found if causes), found[0][0])
    if not access.nowhere and not access.other:  # how it ends on the likeliest machine is first
        machines = Machines(known, access)
        (_, likeliest), *_ = machines.cases()
        ends = verdict(machines.machine(likeliest), access).outcome
        found.sort(key=lambda one: not any(it.what.startswith(f"{ends}: ") for it in one[1]))
    return access, tuple(one for _, causes in found for one in causes)


def _causes_of(
    known: Description, symptom: Symptom, got: str, op: str | None, asked: dict[str, Any]
) -> tuple[Access, tuple[Cause, ...]]:
    """An access and the causes of a symptom that is described by the words `got`."""
    known = shown_by(known, symptom)
    shown = _shown(symptom, got)
    if not (asked.get("bdf") or "address" in asked):
        asked = {name: shown[name] for name in ("via", *PLACE) if name in shown} | asked
        if "bdf" in asked and asked["bdf"] not in known.found:
            known = _with_device(known, asked["bdf"], asked)
            asked["nowhere"] = True
    elif symptom.cause:
        shown = {}  # the place says more than the line
    else:
        shown |= {name: asked[name] for name in PLACE if name in asked}
        shown |= {"via": asked.get("via") or ("sysfs" if asked.get("bdf") else "devmem")}
    if (bdf := asked.get("bdf")) and not known.found:
        known = _with_device(known, bdf, {"via": "sysfs"} | asked)
        asked["nowhere"] = True
    if op is None and shown.get("op") in SINGLE and "via" in shown:
        access = _access(known, shown)
        found = causes(Machines(known, access), access, symptom)
        if found or shown["op"] != "open" or tells_failure(got):
            return access, found
        shown = {**shown, "op": ""}  # the tool's open is more than the call
    if op is None and symptom.name not in WORDS:  # a signal comes with a load or a store
        op = shown.get("op") or ("open" if symptom.name in OF_OPEN else None)
        asked["failed"] = call_in(got)
    ops = (op,) if op else TOUCHES if symptom.name in SIGNALS else OPS
    if "bdf" in shown and "other" in shown:
        return _first(known, symptom, (_access(known, {**shown, "op": one}) for one in ops))
    if (bdf := asked.get("bdf")) and asked.get("bar") is None and op in (None, "read", "write"):
        access = _config_space(known, bdf, op or "write", asked)
        if found := causes(Machines(known, access), access, symptom):
            return access, found
    if {"address", "bdf", "bar", "offset"}.isdisjoint(asked):
        return _anywhere(known, symptom, ops, asked, bar_in(got) or 0)
    return _first(known, symptom, _accesses(known, ops, asked))


def shown_by(known: Description, symptom: Symptom) -> Description:
    """The description with the architecture whose kernel prints the symptom's line."""
    told = known.shown_architecture is None and symptom.arch
    return replace(known, arch=symptom.arch) if told else known


def _accesses(known: Description, ops: Iterable[str], asked: Mapping[str, Any]) -> list[Access]:
    """The access by each operation that can be asked about; AccessError if none can."""
    accesses: list[Access] = []
    errors: list[AccessError] = []
    for one in ops:
        try:
            accesses.append(access_of(known, op=one, anywhere=True, **asked))
        except AccessError as error:
            errors.append(error)
    if not accesses:
        raise errors[0]
    return accesses


def _first(
    known: Description, got: Symptom, accesses: Iterable[Access]
) -> tuple[Access, tuple[Cause, ...]]:
    """The first access that has causes of the symptom, else the first one."""
    found = ((access, causes(Machines(known, access), access, got)) for access in accesses)
    without = []
    for one in found:
        if one[1]:
            return one
        without.append(one)
    return without[0]


def _anywhere(
    known: Description, got: Symptom, ops: Sequence[str], asked: Mapping[str, Any], bar: int
) -> tuple[Access, tuple[Cause, ...]]:
    """The file in which the symptom has most causes on every kernel, /dev/mem if both have."""
    known = replace(known, iomem=None, ioports=None, devices={})
    places: dict[str, dict[str, Any]] = {
        "devmem": {"address": SOMEWHERE},
        "sysfs": {"bdf": ANY, "bar": bar},
        "port": {"address": 0},
    }
    found = []
    for via, place in places.items():
        if asked.get("via") == via or (asked.get("via") is None and via != "port"):
            place = {**asked, **place, "via": via, "nowhere": True}
            there = _with_device(known, ANY, {"via": via, "bar": bar}) if via == "sysfs" else known
            found.append(_first(there, got, _accesses(there, ops, place)))
    if not found:
        return _first(known, got, _accesses(known, ops, asked))
    return max(found, key=lambda one: sum(", if " not in cause.what for cause in one[1]))


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
    offset, length = asked.get("offset", 0), asked.get("length", 4)
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
    undecided = tells_failure(got)
    symptom = symptom_of(got) if got and not undecided else Symptom("ok")
    if not {access.bdf, symptom.bdf} <= {"", *known.found}:
        return False
    if symptom.arch not in ("", known.architecture):
        return False
    if calls[0].key != "open" or not access.op or access.via == "driver":
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
        end = start + max(1 << known.page_shift, 1 << (length - 1).bit_length()) - 1
        bars = (Bar(given.get("bar", 0), start, end, fl.IORESOURCE_MEM | fl.IORESOURCE_PREFETCH),)
    device = Device(bdf, bars, driver="", missing=tuple(bar.index for bar in bars))
    return replace(known, iomem=None, ioports=None, devices={bdf: device})
