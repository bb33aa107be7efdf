"""A question as people paste it: texts of a machine, calls and messages, in any order, in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from devmemkit.explain.access import PLACE
from devmemkit.explain.description import Description, dump_of, with_lspci, with_resource
from devmemkit.text import TextError
from devmemkit.text.architecture import named
from devmemkit.text.iomem import LINES
from devmemkit.text.message import access_in, config_read_in, tells_failure
from devmemkit.text.paste import KINDS, Part, architecture_in, release_in, split
from devmemkit.text.strace import parse_strace
from devmemkit.text.symptom import SIGNALS, parse_symptom, printed_ones
from devmemkit.text.system_files import (
    parse_address_sizes,
    parse_config,
    parse_lockdown,
    parse_mtrr,
)


@dataclass(frozen=True)
class Paste:
    """What a pasted text tells: the machine, what is `asked` (arguments of asked_of), its parts.

    `refused` has the sentence for each kind of part that could not be read.
    """

    known: Description = field(default_factory=Description)
    asked: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which lines were taken for what, and why some were not read."""
        refused = (f"{KINDS[kind]} was not read: {why}" for kind, why in self.refused.items())
        return *map(_taken, self.parts), *refused

    def asking(self, **given: Any) -> dict[str, Any]:
        """The arguments of asked_of: what is `given` (None: nothing) instead of what is pasted."""
        # not "in (None, False)": 0 is a BAR, an address and a length
        given = {
            name: value for name, value in given.items() if value is not None and value is not False
        }
        if not given.keys() - {"got"}:
            return {**self.asked, **given}
        shown = dict(self.asked)
        if strace := shown.pop("strace", None):
            access = parse_strace(strace).access
            shown = {name: access[name] for name in (*PLACE, "via", "op") if name in access} | shown
        if given.keys() & {"address", "bdf"}:
            shown = {name: shown[name] for name in ("got", "op") if name in shown}
        return shown | given


def read_paste(
    text: str,
    source: str = "the paste",
    known: Description | None = None,
    *,
    bdf: str | None = None,
) -> Paste:
    """Read every part of a text; a part that cannot be read is told in `refused`.

    It adds to what is `known` of the machine already. A resource file without a name is that of
    `bdf`.
    Lines of strace come before a message as the question; of several messages the one with a cause
    of its own (a line of dmesg) counts, else the last.
    """
    if text.count("\n") > LINES:
        raise TextError(source, 1, f"expected at most {LINES} lines, got more")
    parts = split(text)
    refused: dict[str, str] = {}
    known = known or Description()
    adders: dict[str, Add] = {**MACHINE, "resource": partial(_resource, bdf=bdf)}
    for kind, add in adders.items():
        if mine := [part for part in parts if part.kind == kind]:
            try:
                known = _repaired(add(known, _in_place(mine), source), kind, mine)
            except TextError as error:
                refused[kind] = str(error)
    if re.search(r"\bsudo\b", text):
        known = replace(known, root=None, group=None)  # id tells of the shell alone
    asked: dict[str, Any] = {}
    if calls := [part for part in parts if part.kind == "strace"]:
        try:
            traced = _in_place(calls)
            parse_strace(traced, source=source)
            asked["strace"] = traced
        except TextError as error:
            refused["strace"] = str(error)
    asked |= _told(parts, "strace" in asked)
    return Paste(known, asked, parts, refused)


def _taken(part: Part) -> str:
    where = f"line {part.first}" if part.first == part.last else f"lines {part.first}-{part.last}"
    kind = KINDS[part.kind]
    unused = part.kind in ("log", "other")
    return f"{where}: {f'{kind}, not used' if unused else f'read as {kind}'}"


def _in_place(parts: list[Part]) -> str:
    """The lines of the parts at their numbers in the whole text, so that messages name these."""
    lines: list[str] = []
    for part in parts:
        lines += [""] * (part.first - 1 - len(lines))
        lines += part.text.split("\n")[:-1]
    return "\n".join(lines) + "\n"


def _repaired(known: Description, kind: str, parts: list[Part]) -> Description:
    """The description, whose dump has no repairs but those of its own parts."""
    dumps: dict[str, Any] = {"iomem": known.iomem, "ioports": known.ioports}
    if (dump := dumps.get(kind)) is None:
        return known
    own = {line for part in parts for line in range(part.first, part.last + 1)}
    dumps[kind] = replace(dump, repairs=tuple(one for one in dump.repairs if one.line in own))
    return replace(known, **dumps)


def _told(parts: tuple[Part, ...], traced: bool) -> dict[str, Any]:
    """The symptom in messages, and the access in commands."""
    said = [line for part in parts if part.kind == "symptom" for line in _lines(part)]
    symptoms = [line for line in said if parse_symptom(line)]
    caused = [line for line in symptoms if (one := parse_symptom(line)) and one.cause]
    asked: dict[str, Any] = {"got": (caused or symptoms)[-1]} if symptoms else {}
    if symptoms and not caused:  # the frames below a signal say more of it
        whole = (" ".join(_lines(part)) for part in parts if asked["got"] in _lines(part))
        asked["got"] = next((one for one in whole if _is_same(one, asked["got"])), asked["got"])
    if traced:
        # the calls show the symptom, unless only a line of the log names its cause
        return asked if caused else {}
    shown: dict[str, Any] = {}
    for part in parts:
        if part.kind in ("command", "symptom"):
            for line in _lines(part):
                shown |= access_in(line)
                if symptoms and printed_ones(asked["got"]) and (bdf := config_read_in(line)):
                    shown["bdf"] = bdf
    if not symptoms and (told := [line for line in said if tells_failure(line)]):
        asked = {"got": told[-1]}
    return {name: shown[name] for name in PLACE if name in shown} | asked


def _is_same(whole: str, line: str) -> bool:
    found, one = parse_symptom(whole), parse_symptom(line)
    return found is not None and one is not None and found.name == one.name in SIGNALS


def _lines(part: Part) -> list[str]:
    return [line.strip() for line in part.text.splitlines() if line.strip()]


def _resource(known: Description, text: str, source: str, bdf: str | None = None) -> Description:
    try:
        return with_resource(known, None, text, source)
    except TextError:
        if bdf is None:
            raise
        return with_resource(known, bdf, text, source)


def _release(known: Description, text: str, source: str) -> Description:
    arch = architecture_in(text.strip())
    return replace(known, release=release_in(text.strip()), arch=named(arch) if arch else None)


def _cmdline(known: Description, text: str, _: str) -> Description:
    return replace(known, cmdline=" ".join(text.rpartition("ommand line: ")[2].split()))


def _rights(known: Description, text: str, _: str) -> Description:
    """The modes of nodes as ls -l prints them, and whether id prints root or their group."""
    modes, groups, root, mine = dict(known.modes), set[str](), known.root, set[str]()
    for line in text.splitlines():
        if match := re.match(r"\s*c([rwx-]{9})\S? +\d+ \S+ +(\S+) .*(/dev/\w+)$", line):
            bits = "".join("01"[one != "-"] for one in match[1])
            modes[match[3]] = int(bits, 2)
            groups.add(match[2])
        elif match := re.match(r"\s*uid=(\d+)\(", line):
            root, mine = match[1] == "0", set(re.findall(r"\d+\(([^()]{1,64})\)", line))
    return replace(known, modes=modes, root=root, group=bool(groups & mine) if mine else None)


Add = Callable[[Description, str, str], Description]

MACHINE: dict[str, Add] = {
    "iomem": lambda known, text, at: replace(known, iomem=dump_of(text, at)),
    "ioports": lambda known, text, at: replace(known, ioports=dump_of(text, at, ports=True)),
    "lspci": with_lspci,
    "resource": _resource,
    "config": lambda known, text, at: replace(known, config=parse_config(text, source=at)),
    "release": _release,
    "cmdline": _cmdline,
    "rights": _rights,
    "lockdown": lambda known, text, _: replace(known, lockdown=parse_lockdown(text) or None),
    "cpuinfo": lambda known, text, _: replace(known, phys_bits=parse_address_sizes(text.strip())),
    "mtrr": lambda known, text, _: replace(known, mtrr_uc=parse_mtrr(text)),
}
"""What each kind of text adds to the description."""
