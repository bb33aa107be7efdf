"""A kernel's release, as uname -r and /proc/version print it, and the rules that it may follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from devmemkit.model.features import VERSIONS, evidence_of, is_between, open_rows
from devmemkit.model.kernel import KernelProfile, Release
from devmemkit.model.printable import printable
from devmemkit.text import TextError

_RELEASE = re.compile(r"(?:.*\bLinux version )?(\d{1,3})\.(\d{1,3})(?![\d])", re.S)


def parse_release(text: str, *, source: str = "--kernel") -> tuple[int, int]:
    """Version and patch level of "6.8.0-45-generic" or of /proc/version; TextError otherwise."""
    match = _RELEASE.match(text.strip()[:400])
    if match is None:
        shown = printable(text.strip()[:40])
        raise TextError(source, 1, f"expected a kernel release such as 6.8.0-45, got '{shown}'")
    return int(match[1]), int(match[2])


def release_of(text: str) -> str:
    """The release in /proc/version; "" for any other text."""
    match = re.match(r"Linux version ([^\s/]{1,64})(?!\S)", text)
    return match[1] if match else ""


BACKPORTS = {
    r"uek(?=\.|$)()": "Oracle's Unbreakable Enterprise Kernel",
    r"\.el(\d+)": "Red Hat Enterprise Linux {}, or a rebuild of it",
    r"-(150[3-9]00|lp15\d)\.": "SUSE Linux Enterprise or openSUSE Leap 15",
    r"\.amzn(\d)": "Amazon Linux {}",
}
"""Distributions whose kernels have features of later ones, by a pattern in their releases."""


def distribution(text: str) -> str:
    """The distribution that adds features of later kernels to this release; "" for any other.

    >>> distribution("4.18.0-553.el8_10.x86_64")
    'Red Hat Enterprise Linux 8, or a rebuild of it'
    """
    found = ((re.search(pattern, text), name) for pattern, name in BACKPORTS.items())
    return next((name.format(match[1]) for match, name in found if match), "")


def lacks_strict_devmem(text: str) -> bool:
    """Whether a release is one of Raspberry Pi's 64-bit kernels that are built without it.

    bcm2711_defconfig and bcm2712_defconfig of 6.6 to 6.12 say STRICT_DEVMEM=n; before, arm64's
    default y held.

    >>> lacks_strict_devmem("6.12.34+rpt-rpi-2712"), lacks_strict_devmem("6.1.21-v8+")
    (True, False)
    """
    if re.search(r"-rpi-(2712|v8)\b|-v8(-16k)?\+", text[:400]) is None:
        return False
    return is_between(".".join(map(str, parse_release(text))), "6.6", "")


def kernels_of(
    text: str, *, lockdown: bool = False, arch: str = "x86_64"
) -> dict[str, KernelProfile]:
    """The kernels of the model that a release may be, in words, the likeliest first.

    One for a release whose rules the feature table knows; two for one in a gap of the table; for a
    distribution that adds features, each later kernel too. With `lockdown`, only those that have
    lockdown, or the release itself with it (distributions had it before Linux).
    """
    found = dict(_kernels(text, arch))
    able = {words: kernel for words, kernel in found.items() if kernel["lockdown"]}
    if not lockdown or len(able) == len(found):
        return found
    if able:
        return able
    return {words: _with(kernel, lockdown=True) for words, kernel in found.items()}


def _kernels(text: str, arch: str) -> Iterator[tuple[str, KernelProfile]]:
    number = ".".join(map(str, parse_release(text)))
    own = (KernelProfile if number in VERSIONS else Release)(number, arch=arch)
    name = f"Linux {release_of(text) or text.strip()}"
    later = [version for version in reversed(VERSIONS) if is_between(version, number, "")]
    if distribution(text):
        yield f"{name} has no features of later kernels", own
        for version in later:
            yield f"{name} has the features of Linux {version}", KernelProfile(version, arch=arch)
    elif rows := open_rows(number, arch):
        until, since = rows[0].known_until, rows[0].version
        yield f"{name} still behaves as Linux {until}", own
        changed = {row.feature: row.value for row in rows}
        yield f"{name} behaves as Linux {since} already", _with(own, **changed)
    else:
        yield name, own


def _with(kernel: KernelProfile, **features: object) -> KernelProfile:
    return replace(kernel, features=tuple(features.items()))


def limits_of(text: str, arch: str = "x86_64") -> Iterator[str]:
    """What the rules for a release rest on, where no such kernel was looked at."""
    number = ".".join(map(str, parse_release(text)))
    oldest, *_, newest = VERSIONS
    if distribution(text):
        yield f"this is a kernel of {distribution(text)}: it may have features of later kernels"
    elif is_between(number, "", oldest):
        yield f"the model's oldest kernel is {oldest}: what changed before it is not known here"
    elif not is_between(number, "", newest) and number != newest:
        yield f"the model's newest kernel is {newest}: what changed after it is not known here"
    elif number not in VERSIONS:
        yield f"Linux {number} was not measured: the changes known up to it decide"
    elif arch == "arm64" and evidence_of(number, arch) != "measured":
        yield f"Linux {number} was not measured on arm64: the changes known up to it decide"
