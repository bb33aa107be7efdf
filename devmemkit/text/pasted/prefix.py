"""What tools put before each line of a text: numbers, or the date of a log."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_KINDS = (
    r"[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S{1,80} \S{1,80}: ?",  # journalctl
    r"\d{4}-\d\d-\d\dT\S{8,25} \S{1,80} \S{1,80}: ?",  # journalctl -o short-iso
    r"\[ *\d+\.\d+\] ?",  # the kernel's log
    r"(\d{1,9})[:-]",  # grep -n
    r"[^\s:]{1,80}:(\d{1,9})[:-]",  # grep -Hn
    r" *(\d{1,9})(?:[\t ]|$)",  # cat -n, nl, less -N
)
_BEFORE = [re.compile("[> ]*" + kind) for kind in _KINDS]


def without_prefixes(lines: Sequence[str], complete: Callable[[str], object]) -> Sequence[str]:
    """The lines without their prefixes if each has one, and if not each is `complete` with it.

    Numbers count upwards, and blank lines may lack them.
    """
    for before in _BEFORE:
        rests, last = list[str](), -1
        for line in lines:
            match = before.match(line)
            number = int(match[1]) if match and before.groups else last + 1
            if number <= last or (match is None and line.strip()):
                break
            last = number if match else last
            rests.append(line[match.end() :] if match else "")
        else:
            return lines if all(map(complete, filter(str.strip, lines))) else rests
    return lines
