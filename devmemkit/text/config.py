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

_SET = re.compile(r"\b(CONFIG_\w+)=(.*)$|# (CONFIG_\w+) is not set$", re.M)


def parse_config(text: str, *, source: str = "--config") -> dict[str, str]:
    """The options that the model depends on, and architectures: "y", "m" or "n" by CONFIG_X.

    TextError for a text that sets no option at all.
    """
    every = {m[1] or m[3]: m[2] or "n" for m in _SET.finditer(text)}
    if not every:
        shown = printable(text.strip().split("\n")[0][:40])
        raise TextError(source, 1, f"expected lines like CONFIG_STRICT_DEVMEM=y, got '{shown}'")
    named = {name: every.get(name, "n") for name in OPTIONS}
    named |= {name: "y" for name in architecture.OPTIONS if every.get(name) == "y"}
    return named if named["CONFIG_DEVMEM"] == "n" else {**named, "CONFIG_DEVMEM": "y"}


def config_of(options: Mapping[str, str]) -> Config:
    """The model's configuration; an option is off if the option it depends on is off."""
    on = {field: options.get(name, "n") == "y" for name, field in OPTIONS.items()}
    for option, parent in PARENTS.items():
        on[option] &= on[parent]
    return Config(**on)
