"""A kernel's release, as uname -r and /proc/version print it, and the kernels that match it."""

from __future__ import annotations

import re

from devmemkit.model.kernel import VERSIONS, is_between
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


def candidates(release: tuple[int, int]) -> tuple[str, ...]:
    """The model's kernels whose rules a release may follow: the nearest one before and after it.

    A single one if the model has that release, or if it is older or newer than all of them.
    """
    mine = ".".join(map(str, release))
    before = [version for version in VERSIONS if is_between(mine, version, "")]
    after = [version for version in VERSIONS if is_between(version, mine, "")]
    return tuple(dict.fromkeys([*before[-1:], *after[:1]]))
