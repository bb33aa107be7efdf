"""Which kernels a sentence is about, and lists of kernels in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from devmemkit.model.features import VERSIONS, is_between

ORDER = tuple(VERSIONS)
TO = " to "


def _known(version: object) -> str:
    if not isinstance(version, str) or version not in VERSIONS:
        raise ValueError(f"kernel: expected one of {', '.join(ORDER)}; got {version!r}")
    return version


@dataclass(frozen=True)
class Scope:
    """The kernels from `since` ("": the oldest) on, and before `until` ("": up to the newest).

    ValueError for a version that the model does not know.
    """

    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for version in (self.since, self.until):
            if version != "":
                _known(version)

    @cached_property
    def kernels(self) -> tuple[str, ...]:
        """The known kernels of the scope, oldest first."""
        return tuple(v for v in ORDER if is_between(v, self.since, self.until))

    def __str__(self) -> str:
        words = [f"since {self.since}"] if self.since else []
        words += [f"before {self.until}"] if self.until else []
        return " and ".join(words) or "of all versions"


def expand(names: Iterable[str]) -> list[str]:
    """The kernels of a list such as ["4.4", "5.8 to 7.1"]; ValueError if it is malformed."""
    found: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        if not isinstance(name, str):
            raise ValueError(f"kernel: expected text, got {name!r}")
        first, to, last = name.partition(TO)
        start, end = ORDER.index(_known(first)), ORDER.index(_known(last if to else first))
        if start > end:
            raise ValueError(f"kernels: expected the older one first, got {name!r}")
        found += ORDER[start : end + 1]
    return found


def in_words(versions: Iterable[str]) -> str:
    """Kernels in few words: three or more neighbours of ORDER are "A to B", as expand reads it."""
    parts: list[str] = []
    places = enumerate(sorted(map(ORDER.index, versions)))
    for _, run in groupby(places, key=lambda place: place[1] - place[0]):
        names = [ORDER[place] for _, place in run]
        parts += [f"{names[0]}{TO}{names[-1]}"] if len(names) > 2 else names
    return ", ".join(parts)


def by_verdict(verdicts: Mapping[str, str]) -> str:
    """Verdicts (or answers) by kernel in one line; kernels with the same verdict share it."""
    alike: dict[str, list[str]] = {}
    for version, verdict in verdicts.items():
        alike.setdefault(verdict, []).append(version)
    return "; ".join(f"{verdict} on {in_words(on)}" for verdict, on in alike.items())
