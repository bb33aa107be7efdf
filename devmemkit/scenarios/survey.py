"""Where Linux takes the pages of a mapping away, and what comes after.

Source: data/revocation-survey.toml.
"""

from __future__ import annotations

import tomllib
from typing import NamedTuple

from devmemkit.scenarios.machines import data_dir


class Place(NamedTuple):
    """A function that takes pages away: its file, `sites` calls of `calls`, why and when.

    `gets` and `touch` are what the next touch gets, and from which function; `back` is whether the
    same contents come back.
    """

    file: str
    function: str
    calls: str
    sites: int
    kind: str
    when: str
    gets: str
    touch: str
    back: str


class Survey(NamedTuple):
    """The places, and the version of the source package in which they were counted."""

    source: str
    places: tuple[Place, ...]

    def files(self, calls: str) -> int:
        """The number of source files with a place that calls this function itself."""
        return len({one.file for one in self.places if one.calls == calls})


def survey() -> Survey:
    """The survey as it is in data/; FileNotFoundError outside a checkout."""
    told = tomllib.loads((data_dir() / "revocation-survey.toml").read_text("utf-8"))
    return Survey(told["source"], tuple(Place(**one) for one in told["place"]))
