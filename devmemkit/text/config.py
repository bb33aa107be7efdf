"""A kernel's configuration file, as far as the model depends on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

from devmemkit.model.kernel import PARENTS, Config
from devmemkit.model.printable import printable
from devmemkit.text import TextError, architecture

OPTIONS = {
    f"CONFIG_{field.name.upper()}": field.name for field in fields(Config) if field.name != "x86"
}
"""The options that the model depends on, and their fields of Config."""

NAMES = (*OPTIONS, *architecture.OPTIONS)
WHOLE = 100
"""Options of a whole configuration at least; real ones have thousands."""

_SET = re.compile(r"\b(CONFIG_\w+)=(.*)$|# (CONFIG_\w+) is not set$", re.M)


def parse_config(text: str, *, source: str = "--config") -> dict[str, str]:
    """The options that the model depends on, and architectures: "y", "m" or "n" by CONFIG_X.

    What a whole configuration does not set is "n", what a part of one does not set is left out.

    TextError for a text that sets no option at all.
    """
    every = {m[1] or m[3]: m[2] or "n" for m in _SET.finditer(text)}
    if not every:
        shown = printable(text.strip().split("\n")[0][:40])
        raise TextError(source, 1, f"expected lines like CONFIG_STRICT_DEVMEM=y, got '{shown}'")
    if len(every) < WHOLE:
        return {name: value for name, value in every.items() if name in NAMES}
    return dict.fromkeys(OPTIONS, "n") | {n: every[n] for n in NAMES if n in every}


def told_of(options: Mapping[str, str]) -> dict[str, bool]:
    """The fields of Config that the options decide: an option is off without the one it needs."""
    told = {field: options[name] != "n" for name, field in OPTIONS.items() if name in options}
    for option, parent in PARENTS.items():
        if told.get(parent) is False:
            told[option] = False
    for option, parent in reversed(PARENTS.items()):
        if told.get(option):
            told[parent] = True
    return told
