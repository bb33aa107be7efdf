"""The architecture of a machine, as its names, its kernel's release and its dump show it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.printable import printable
from devmemkit.text import TextError
from devmemkit.text.iomem import Dump

NAMES = {
    "x86_64": r"x86(_64)?|amd64|x64",
    "i386": r"i[3-6]86|686|x86_32",
    "arm64": r"arm64|aarch64(_be)?",
    "arm": r"arm(mp|hf|el|32|v[4-8]\w*)?",
    "riscv": r"riscv(32|64)?",
    "powerpc": r"powerpc(64(le)?|spe)?|ppc(64(le|el)?)?",
    "s390": r"s390x?",
    "mips": r"mips\w{0,8}",
    "loongarch": r"loong(arch)?(32|64)?",
    "sparc": r"sparc(64)?",
    "ia64": r"ia64",
    "parisc": r"parisc(64)?|hppa",
    "m68k": r"m68k",
}
"""The architectures by name, with a pattern of what uname -m and distributions call each."""

X86 = ("x86_64", "i386")
OTHER = "another architecture"
"""An architecture without a name that is not x86."""

OPTIONS = {f"CONFIG_{name.upper()}": name for name in (*NAMES, "x86_32") if name != "i386"}
OPTIONS |= {"CONFIG_X86_32": "i386", "CONFIG_X86": "x86_64", "CONFIG_PPC": "powerpc"}
"""The configuration options that name an architecture, the sure ones of x86 first."""

PAGES = {"CONFIG_ARM64_4K_PAGES": 12, "CONFIG_ARM64_16K_PAGES": 14, "CONFIG_ARM64_64K_PAGES": 16}
"""The page sizes of arm64 as powers of two, by the configuration options that set them."""
_PAGES = {r"[-+]16k\b|-rpi-2712\b": 14, r"[-+]64k\b": 16}
"""As the releases show them; Raspberry Pi OS builds the kernel of the Pi 5 (2712) with 16 KiB."""

_BOARDS = {
    r"-rpi-(2712|v8)\b|-v8(-16k)?\+|-rk3[35]\w\w\b|-(rockchip|sunxi|meson)64\b|-tegra\b": "arm64",
    r"-rpi-v[67]l?\b|-v7l?\+": "arm",
}
"""Releases of boards whose kernels are built for one architecture alone: Raspberry Pi OS (2712, v8,
v7l), Armbian (rockchip64, rk35xx), NVIDIA's L4T."""

_ON_X86 = re.compile(
    r"(System|Video|Adapter) ROM$|Video RAM area|Local APIC$|IOAPIC \d|RAM buffer$|HPET \d"
    r"|ACPI Non-volatile"
)
_ELSEWHERE = {
    r"GIC[DRV]$|ARMH[0-9A-F]{4}:|arm-smmu-v3": "arm64",
    r"pciex@": "powerpc",
    # nodes of a device tree, by their addresses
    r"(?:\S+ |\S*/)?[a-z][\w,.+-]*@[0-9a-f]+$|[0-9a-f]{5,}\.[a-z]": OTHER,
}
_NAMED_ELSEWHERE = re.compile("|".join(_ELSEWHERE))
_LOW_END = 0xA_0000
"""Where RAM of every PC has a hole, for the frame buffer of VGA."""


def parse_architecture(text: str, *, source: str = "--arch") -> str:
    """The architecture of that name, as uname -m prints it; TextError for an unknown one."""
    found = named(text.strip())
    if found is None:
        known = ", ".join(NAMES)
        raise TextError(source, 1, f"expected one of {known}; got '{printable(text[:40])}'")
    return found


def named(word: str) -> str | None:
    """The architecture that a word names, as uname -m and distributions do; None for another."""
    matches = (name for name, rule in NAMES.items() if re.fullmatch(rule, word, re.I))
    return next(matches, None)


def of_release(release: str | None) -> str | None:
    """The architecture in a release such as 6.1.0-28-arm64 or 5.14.0-503.el9.x86_64.

    >>> of_release("6.12.34+rpt-rpi-2712"), of_release("6.1.21-v8+")
    ('arm64', 'arm64')
    """
    text = (release or "")[:400]
    found = (name for word in reversed(re.split(r"[^A-Za-z0-9_]+", text)) if (name := named(word)))
    boards = (name for rule, name in _BOARDS.items() if re.search(rule, text))
    return next(found, None) or next(boards, None)


def flavour(arch: str, page_shift: int) -> str:
    """An architecture, with the size of a page where that is not 4 KiB, as Debian names kernels.

    >>> flavour("arm64", 12), flavour("arm64", 14)
    ('arm64', 'arm64-16k')
    """
    return arch if page_shift == PAGE_SHIFT else f"{arch}-{1 << (page_shift - 10)}k"


def page_shift_of(config: Mapping[str, str] | None, release: str | None) -> int | None:
    """The page size of an arm64 kernel, as a power of two; None if neither text shows it.

    >>> page_shift_of(None, "6.12.48+deb13-arm64-16k"), page_shift_of(None, "6.12.48-arm64")
    (14, None)
    """
    on = (shift for option, shift in PAGES.items() if (config or {}).get(option) == "y")
    named = (shift for rule, shift in _PAGES.items() if re.search(rule, release or ""))
    return next(on, None) or next(named, None)


def of_config(config: Mapping[str, str] | None) -> str | None:
    """The architecture that a configuration sets; None for one that sets none."""
    on = (name for option, name in OPTIONS.items() if (config or {}).get(option) == "y")
    return next(on, None)


def of_dump(dump: Dump | None) -> str | None:
    """The architecture that the names and the RAM of a dump show; None if they show none."""
    found: set[str] = set()
    for entry, parent in zip(dump.entries, dump.parents, strict=True) if dump else ():
        if _ON_X86.match(entry.name):
            return "x86_64"
        inside = dump.entries[parent].name if dump and parent is not None else ""
        if (
            (entry.name == "System RAM" and entry.start < _LOW_END < entry.end)
            or (entry.name == "reserved" and inside == "System RAM")
            or entry.width > 8
        ):
            found.add(OTHER)
        if _NAMED_ELSEWHERE.match(entry.name):
            found.update(name for rule, name in _ELSEWHERE.items() if re.match(rule, entry.name))
    return min(found - {OTHER}, default=OTHER) if found else None
