"""The access that a symptom is about, where nobody tells the operation or the place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import PLACE, Access, AccessError, access_of, device_of, facts_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.cause import Cause
from devmemkit.explain.description import SOMEWHERE, Description, with_device
from devmemkit.explain.symptom import causes_of
from devmemkit.explain.traces import shown_access
from devmemkit.explain.trials import Trials
from devmemkit.model.pci.sysfs import config_path
from devmemkit.model.printable import printable
from devmemkit.text.message import access_in, bar_in, call_in, denied_in, tells_failure
from devmemkit.text.symptom import ANY, SIGNALS, WORDS, Symptom, refused

TOUCHES = ("load", "store")
"""Operations that give signals."""

OPS = ("mmap", "read", "write", *TOUCHES)
"""Operations in the order in which a symptom is looked for, if nobody names one."""

OF_OPEN = ("ENOENT", "ENXIO", "EROFS")
"""Errnos that only open gives."""

SINGLE = ("", "open", "iopl")
"""Operations of one call, which need no address; "" is what lockdown refused."""

DENIED = ("security module", "no capability", "only logged")
"""The causes that lines of SELinux and AppArmor name, which show the call."""

Found = tuple[Access, tuple[Cause, ...]]
"""An access, and the causes of the symptom if it is about that access."""


class Guess:
    """Tries the accesses that may be meant until one has causes of the symptom.

    What it played for one symptom it does not play again for the next.
    """

    def __init__(self, *, advised: bool = True) -> None:
        self._advised = advised
        self._trials: list[Trials] = []

    def about(
        self, known: Description, symptom: Symptom, got: str, op: str | None, asked: dict[str, Any]
    ) -> Found:
        """An access and the causes of a symptom that is described by the words `got`."""
        known = shown_by(known, symptom)
        shown = _shown(symptom, got)
        if not (asked.get("bdf") or "address" in asked):
            asked = {name: shown[name] for name in ("via", *PLACE) if name in shown} | asked
            if "bdf" in asked and asked["bdf"] not in known.found:
                known = with_device(known, asked["bdf"], asked)
                asked["nowhere"] = True
        elif symptom.cause and symptom.cause not in DENIED:
            shown = {}  # the place says more than the line
        else:
            if symptom.cause:
                shown = {"op": shown["op"]} if shown["op"] else {}
            shown |= {name: asked[name] for name in PLACE if name in asked}
            shown |= {"via": asked.get("via") or ("sysfs" if asked.get("bdf") else "devmem")}
        if (bdf := asked.get("bdf")) and not known.found:
            known = with_device(known, bdf, {"via": "sysfs"} | asked)
            asked["nowhere"] = True
        if op is None and shown.get("op") in SINGLE and "via" in shown:
            access = shown_access(known, shown)
            found = self._causes(known, access, symptom)
            if found or shown["op"] != "open" or tells_failure(got):
                return access, found
            shown = {**shown, "op": ""}  # the tool's open is more than the call
        if op is None and symptom.name not in WORDS:  # a signal comes with a load or a store
            op = shown.get("op") or ("open" if symptom.name in OF_OPEN else None)
            asked["failed"] = call_in(got)
        ops = (op,) if op else TOUCHES if symptom.name in SIGNALS else OPS
        if "bdf" in shown and "other" in shown:
            return self._first(
                known, symptom, (shown_access(known, {**shown, "op": one}) for one in ops)
            )
        if (bdf := asked.get("bdf")) and asked.get("bar") is None and op in (None, "read", "write"):
            usual = "read" if symptom.name == "ones" else "write"
            access = _config_space(known, bdf, op or usual, asked)
            if found := self._causes(known, access, symptom):
                return access, found
        if {"address", "bdf", "bar", "offset"}.isdisjoint(asked):
            return self._anywhere(known, symptom, ops, asked, bar_in(got) or 0)
        return self._first(known, symptom, _accesses(known, ops, asked))

    def _first(self, known: Description, got: Symptom, accesses: Iterable[Access]) -> Found:
        """The first access that has causes of the symptom, else the first one."""
        found = ((access, self._causes(known, access, got)) for access in accesses)
        without = []
        for one in found:
            if one[1]:
                return one
            without.append(one)
        return without[0]

    def _anywhere(
        self,
        known: Description,
        got: Symptom,
        ops: Sequence[str],
        asked: Mapping[str, Any],
        bar: int,
    ) -> Found:
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
                there = (
                    with_device(known, ANY, {"via": via, "bar": bar}) if via == "sysfs" else known
                )
                found.append(self._first(there, got, _accesses(there, ops, place)))
        if not found:
            return self._first(known, got, _accesses(known, ops, asked))
        return max(found, key=lambda one: sum(", if " not in cause.what for cause in one[1]))

    def _causes(self, known: Description, access: Access, symptom: Symptom) -> tuple[Cause, ...]:
        for trials in self._trials:
            if trials.access == access and trials.known == known:
                break
        else:
            trials = Trials(Machines(known, access), access)
            self._trials.append(trials)
        return causes_of(trials, symptom, advised=self._advised)


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


def _shown(symptom: Symptom, got: str) -> dict[str, Any]:
    """What a line of dmesg or a message shows of the access."""
    if words := refused(got):
        node = "/dev/mem" in words  # which open refuses, whatever address is meant
        more = {"op": "open"} if node else {"op": "", "other": printable(words)}
        return {"via": "devmem", **more}
    if symptom.cause in DENIED:
        return denied_in(got)
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


def shown_by(known: Description, symptom: Symptom) -> Description:
    """The description with the architecture whose kernel prints the symptom's line."""
    told = known.shown_architecture is None and symptom.arch
    return replace(known, arch=symptom.arch) if told else known
