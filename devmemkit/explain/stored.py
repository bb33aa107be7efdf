"""A description from the texts of a snapshot, checked field by field: their source is unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from devmemkit.explain.description import Description, dump_of
from devmemkit.model.pci.device import BDF, Bar
from devmemkit.model.printable import printable
from devmemkit.model.process.permission import MOUNTS, OPTIONS
from devmemkit.text import TextError
from devmemkit.text.lspci import MANY, Device
from devmemkit.text.pci_resource import bars_of, parse_resource

MOST_TEXT = 1 << 16
"""Characters; a command line has 4096 at most (COMMAND_LINE_SIZE)."""
MOST_RANGES = 256
"""MTRRs; a CPU has some ten."""


def has_addresses(text: str) -> bool:
    """Whether a dump was read with the right to see addresses; without it they are zeroes."""
    return re.search(r"[1-9a-f][0-9a-f]{0,15} :", text) is not None


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_TEXT


def _texts(value: Any) -> bool:
    return all(isinstance(one, str) for one in value)


def _range(value: Any) -> bool:
    pair = isinstance(value, list) and [type(number) for number in value] == [int, int]
    return pair and 0 <= value[0] <= value[1] < 1 << 52


def _ranges(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_RANGES and all(map(_range, value))


def _options(value: Any) -> bool:
    return isinstance(value, list) and _texts(value) and OPTIONS.issuperset(value)


def _mounts(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() <= set(MOUNTS)
    return known and all(map(_options, value.values()))


FACTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("release", "arch", "cmdline"), ("a text", _text)),
    "lockdown": ("a state", lambda v: v in ("", "none", "integrity", "confidentiality")),
    **dict.fromkeys(
        ("root", "capable", "dev_mem", "dev_port"), ("true or false", lambda v: v in (True, False))
    ),
    "phys_bits": ("32 to 64", lambda v: type(v) is int and 32 <= v <= 64),
    "config": ("texts by name", lambda v: isinstance(v, dict) and _texts(v.values())),
    "mtrr_uc": ("ranges of pages", _ranges),
    "mounts": (f"{', '.join(sorted(OPTIONS))} by mount", _mounts),
}
"""The fields of snapshot.json: what each expects unless it is null, and the check."""

DEVICE: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("resource", "driver"), ("a text", _text)),
    "modules": ("texts", lambda v: isinstance(v, list) and _texts(v)),
}
"""The fields of a device in pci.json that are checked; others are ignored."""


def description_of(texts: Mapping[str, str], source: str) -> Description:
    """The description in a snapshot's texts; TextError for a text with a wrong field."""
    facts = _object(texts.get("snapshot.json", ""), f"{source}/snapshot.json")
    dumps: dict[str, Any] = {
        name: dump_of(texts[name], f"{source}/{name}", ports=name == "ioports")
        for name in ("iomem", "ioports")
        if has_addresses(texts.get(name, ""))
    }
    found = {}
    listed = _object(texts.get("pci.json", ""), f"{source}/pci.json")
    if len(listed) > MANY:
        raise TextError(f"{source}/pci.json", 1, f"expected at most {MANY} devices, got more")
    for bdf, entry in listed.items():
        where = f"{source}/pci.json {printable(bdf)}"
        if not BDF.fullmatch(bdf) or not isinstance(entry, dict):
            raise TextError(where, 1, "expected a PCI address with its domain, and an object")
        _check(entry, DEVICE, where)
        bars: tuple[Bar, ...] = ()
        if entry.get("resource"):
            bars = bars_of(parse_resource(entry["resource"], source=where))
        modules = tuple(entry.get("modules") or ())
        driver = (entry["driver"] or "") if "driver" in entry else None
        found[bdf] = Device(bdf, bars, driver, modules)
    where = f"{source}/snapshot.json"
    if unknown := facts.keys() - FACTS.keys():
        shown = printable(min(unknown)[:40])
        raise TextError(where, 1, f"expected {', '.join(FACTS)}; got '{shown}'")
    _check(facts, FACTS, where)
    known = {name: value for name, value in facts.items() if value is not None}
    if "mtrr_uc" in known:
        known["mtrr_uc"] = tuple((first, last) for first, last in known["mtrr_uc"])
    if "mounts" in known:
        known["mounts"] = {path: frozenset(options) for path, options in known["mounts"].items()}
    return Description(**{**dumps, **known}, devices=found)


def _check(
    given: Mapping[str, Any], kinds: Mapping[str, tuple[str, Callable[[Any], bool]]], where: str
) -> None:
    for name, (what, fits) in kinds.items():
        if given.get(name) is not None and not fits(given[name]):
            shown = printable(json.dumps(given[name])[:40])
            raise TextError(where, 1, f"{name}: expected {what}, got {shown}")


def _object(text: str, source: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TextError(source, 1, "expected a JSON object")
    return found
