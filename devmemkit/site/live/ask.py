"""A visitor's question: what was pasted, what was chosen beside it, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from devmemkit.explain.access import PLACE, number
from devmemkit.explain.asking import asked_of
from devmemkit.explain.description import Description
from devmemkit.explain.paste import Paste, read_paste
from devmemkit.explain.told import told
from devmemkit.figures.space_map import role_of
from devmemkit.model.pci.device import BDF
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.site.live.address_space import map_of
from devmemkit.site.live.answer import as_page
from devmemkit.site.live.dispatch import say
from devmemkit.text.html import safe
from devmemkit.text.iomem import uncollected
from devmemkit.text.message import access_in
from devmemkit.text.paste import KINDS
from devmemkit.text.release import parse_release
from devmemkit.text.symptom import parse_symptom

NOBODY_ASKED = "nothing pasted says which access is meant: this is about a resource chosen for you"
NO_PLACE = (
    "Nothing says which memory is meant: paste the call as strace prints it, /proc/iomem or "
    "lspci -v, or give an address."
)
LOW = 1 << 20
"""Below this, claims are of firmware and legacy devices."""
FACTS = ("release", "lockdown")
"""What a visitor may choose of the machine."""


@uncollected()  # a large paste makes a million objects
def ask(paste: str, **given: str) -> dict[str, Any]:
    """The answer for a pasted text and the fields that are `given` beside it ("": not given).

    `given` are the texts of address, length, op, via, got, release and lockdown. The answer has
    `html` and `text`, the `parts` of the paste, the `map`, and what was `asked`; `error` is the
    sentence for a question that cannot be asked.
    """
    say(f"reading {paste.count(chr(10)) + 1:,} lines")
    found = _read(paste)
    known, notes = _with_facts(found.known, given), [*found.notes]
    root = known.memory
    parts = [_part(found, at) for at in range(len(found.parts))]
    answer: dict[str, Any] = {"parts": parts}
    try:
        asked = found.asking(**_access(given))
        if given.get("address") and not given.get("got") and _names_place(found.asked):
            asked.pop("got", None)  # it was about another place
        if not asked.keys() & {"strace", "address", "bdf"} and (first := _first(known, root)):
            asked = first | asked
            notes.append(NOBODY_ASKED)
        if not asked and not parts:
            return answer | {"html": "", "text": "", "map": {}}
        if not asked.keys() & {"strace", "address", "bdf"} and not _shows_place(asked):
            raise ValueError(NO_PLACE)
        say("asking the model")
        got = asked.pop("got", None)
        strace = asked.get("strace", "")
        said = told(*asked_of(known, got, **asked), got=got, strace=strace, notes=notes)
    except ValueError as error:
        return answer | {"error": str(error), "map": map_of(root, None)}
    access = said.access
    say("drawing the map")
    return answer | {
        "html": as_page(said, found.notes),
        "text": said.text,
        "map": map_of(root, access.start if access.via != "port" else None),
        "asked": {"address": f"{access.start:#x}", "op": access.op, "via": access.via},
    }


@lru_cache(maxsize=1)
def _read(paste: str) -> Paste:
    """What is pasted; the next question is most often about the same."""
    return read_paste(paste)


def _access(given: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of asked_of in what is given; AccessError for a number that is none."""
    chosen: dict[str, Any] = {name: given[name] for name in ("op", "via", "got") if given.get(name)}
    for name in ("address", "length"):
        if given.get(name):
            chosen[name] = number(given[name])
    return chosen


def _with_facts(known: Description, given: Mapping[str, str]) -> Description:
    facts: dict[str, Any] = {name: given[name] for name in FACTS if given.get(name)}
    if not facts:
        return known  # which remembers what it has computed
    if "release" in facts:
        parse_release(facts["release"], source="kernel")
    return replace(known, **facts)


def _first(known: Description, root: Resource | None) -> dict[str, Any]:
    """Where the first resource is that a driver has claimed, a PCI device's before all others.

    Where nothing is claimed the first that there is; {} for none.
    """
    if root is not None:
        nodes = [one for one in root.walk() if one.start >= LOW and role_of(one) != "ram"]
        claimed = [one for one in nodes if role_of(one) == "claimed"]
        claimed.sort(key=lambda one: not (one.parent and BDF.fullmatch(one.parent.name)))
        return next(({"address": one.start} for one in claimed or nodes), {})
    bars = [(one, bar) for one in known.found.values() for bar in one.bars if bar.memory]
    bars.sort(key=lambda found: not found[0].driver)
    if bars:
        return {"bdf": bars[0][0].bdf, "bar": bars[0][1].index}
    if known.ioports is not None:
        return {"via": "port", "op": "read", "address": known.ioports.entries[-1].start}
    return {}


def _shows_place(asked: Mapping[str, Any]) -> bool:
    """Whether the symptom itself says what was accessed."""
    got = asked.get("got", "")
    symptom = parse_symptom(got)
    return bool(symptom and (symptom.cause or symptom.where)) or bool(
        access_in(got).keys() - {"op"}
    )


def _names_place(asked: Mapping[str, Any]) -> bool:
    """Whether what was pasted says itself where the access was."""
    got = asked.get("got", "")
    symptom = parse_symptom(got)
    named = asked.keys() | access_in(got).keys()
    return bool(named & {"strace", *PLACE}) or bool(symptom and symptom.where)


def _part(found: Paste, at: int) -> dict[str, Any]:
    part = found.parts[at]
    lines = f"line {part.first}" if part.first == part.last else f"lines {part.first}–{part.last}"
    refused = found.refused.get(part.kind, "")
    return {"html": safe(f"{lines}: {KINDS[part.kind]}"), "refused": safe(printable(refused))}
