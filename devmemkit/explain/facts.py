"""Small texts about a machine: its release, configuration, lockdown state and address sizes."""

from __future__ import annotations

import re

from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import VERSIONS, Config, is_between
from devmemkit.model.printable import printable
from devmemkit.text.iomem import DumpError

OPTIONS = {
    "CONFIG_DEVMEM": "devmem",
    "CONFIG_STRICT_DEVMEM": "strict_devmem",
    "CONFIG_IO_STRICT_DEVMEM": "io_strict_devmem",
    "CONFIG_X86_PAT": "x86_pat",
}
"""Options of a kernel's configuration that matter here, and the model's names for them."""

_RELEASE = re.compile(r"(?:.*\bLinux version )?(\d{1,3})\.(\d{1,3})(?![\d])", re.S)
_SET = re.compile(r"\b(CONFIG_\w+)=(.*)$|# (CONFIG_\w+) is not set$", re.M)


def parse_release(text: str, *, source: str = "--kernel") -> tuple[int, int]:
    """Version and patch level of "6.8.0-45-generic" or of /proc/version; DumpError otherwise."""
    match = _RELEASE.match(text.strip()[:400])
    if match is None:
        shown = printable(text.strip()[:40])
        raise DumpError(source, 1, f"expected a kernel release such as 6.8.0-45, got '{shown}'")
    return int(match[1]), int(match[2])


def release_of(text: str) -> str:
    """The release that /proc/version names; "" where it is none."""
    match = re.match(r"Linux version ([^\s/]{1,64})(?!\S)", text)
    return match[1] if match else ""


def candidates(release: tuple[int, int]) -> tuple[str, ...]:
    """The model's kernels that a release may behave as: the last one before it, and the next.

    One where the release is known itself, or lies outside of what the model covers.
    """
    mine = ".".join(map(str, release))
    before = [version for version in VERSIONS if is_between(mine, version, "")]
    after = [version for version in VERSIONS if is_between(version, mine, "")]
    return tuple(dict.fromkeys([*before[-1:], *after[:1]]))


def parse_config(text: str, *, source: str = "--config") -> dict[str, str]:
    """The options of a kernel configuration that matter: CONFIG_X to "y", "m" or "n".

    DumpError for a text that sets no option at all.
    """
    every = {m[1] or m[3]: m[2] or "n" for m in _SET.finditer(text)}
    if not every:
        shown = printable(text.strip().split("\n")[0][:40])
        raise DumpError(source, 1, f"expected lines like CONFIG_STRICT_DEVMEM=y, got '{shown}'")
    named = {name: every.get(name, "n") for name in (*OPTIONS, "CONFIG_X86")}
    return named if named["CONFIG_DEVMEM"] == "n" else {**named, "CONFIG_DEVMEM": "y"}


def config_of(options: dict[str, str]) -> Config:
    """The model's configuration; an option whose parent is off is off, as Kconfig has it."""
    on = {field: options.get(name, "n") == "y" for name, field in OPTIONS.items()}
    on["strict_devmem"] &= on["devmem"]
    on["io_strict_devmem"] &= on["strict_devmem"]
    return Config(**on)


def parse_lockdown(text: str) -> str:
    """The state in brackets of "none [integrity] confidentiality"; "" for any other text."""
    match = re.search(r"\[(none|integrity|confidentiality)\]", text)
    return match[1] if match else ""


def parse_address_sizes(text: str) -> int | None:
    """Bits of a physical address, from /proc/cpuinfo; None where it is not said."""
    match = re.search(r"^address sizes\s*: (\d{2}) bits physical", text, re.M)
    return int(match[1]) if match and 32 <= int(match[1]) <= 52 else None


def parse_mtrr(text: str) -> tuple[tuple[int, int], ...]:
    """First and last page of each range that /proc/mtrr calls uncachable."""
    found = []
    line = r"^reg\d+: base=0x([0-9a-f]{1,16}) .*?, size= *(\d{1,9})([KM])B, count=\d+: uncachable$"
    for match in re.finditer(line, text, re.M):
        first = int(match[1], 16) >> PAGE_SHIFT
        pages = int(match[2]) << (10 if match[3] == "K" else 20) >> PAGE_SHIFT
        found.append((first, first + pages - 1))
    return tuple(found)
