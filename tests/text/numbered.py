"""Texts as tools print them that put something before each line."""

from __future__ import annotations

from collections.abc import Callable


def _each(form: str) -> Callable[[str], str]:
    def behind(text: str) -> str:
        return "".join(form.format(n, line) + "\n" for n, line in enumerate(text.splitlines(), 1))

    return behind


def _nl(text: str) -> str:
    """Blank lines get no number, but as many blanks."""
    numbers = iter(range(1, 1 << 20))
    lines = text.splitlines()
    return "".join(f"{next(numbers):6}\t{one}\n" if one.strip() else "       \n" for one in lines)


NUMBERED: dict[str, Callable[[str], str]] = {
    "cat -n": _each("{:6}\t{}"),
    "nl": _nl,
    "less -N": _each("{:7} {}"),
    "grep -n": _each("{}:{}"),
    "grep -Hn": _each("/tmp/a-1.txt:{}:{}"),
    "journalctl": _each("Nov  9 10:00:{:02} host-1 pci.sh[4711]: {}"),
    "journalctl -o short-iso": _each("2024-11-09T10:00:{:02}+0100 host pci.sh[4711]: {}"),
    "kernel log": _each("[   12.{:06}] {}"),
}
