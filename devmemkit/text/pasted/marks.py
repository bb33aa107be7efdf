"""What stands before each line of a text: the numbers or dates of a tool, the marks of a diff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from devmemkit.text import TextError
from devmemkit.text.pasted.line import unmangled

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


_MARK = re.compile(r"(?:[>|] ?)*([ \t]*)([-+<!]?)([^-+<!].*)", re.DOTALL)
_HUNK = re.compile(
    r"[>|\s]*(?:@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@|\*{3} \d+(?:,\d+)? \*{4}"
    r"|\d+(?:,\d+)?[acd]\d+(?:,\d+)?$)"
)


def refuse_diff(lines: Sequence[str], known: Iterable[re.Pattern[str]], source: str) -> None:
    """TextError if lines of the reader's format have the marks of both sides of a diff.

    Marks without a second side (a patch that adds a file, a list) are no diff.
    """
    first: dict[tuple[str, str], int] = {}  # lines by the blanks before the mark, and the mark
    for number, line in enumerate((unmangled(line)[0] for line in lines), 1):
        match = _MARK.fullmatch(line)
        where = (match[1] if match[2] else "", match[2]) if match else ("", "")
        if match and where not in first:
            inner = match[3].lstrip(" \t")
            if any(pattern.match(inner) for pattern in known):
                first[where] = number
        if _beside(line):
            first["", "+"] = first["", "-"] = number
    marks = first.keys() - {("", "")}
    both = any((blanks, "+") in marks and (blanks, "-") in marks for blanks, _ in marks)
    if both or (marks and len(first) > 1 and any(map(_HUNK.match, lines))):
        raise TextError(
            source,
            min(first[where] for where in marks),
            "expected one text, got a diff of two: give the one before or the one after it, whole",
        )


def _beside(line: str) -> bool:
    """Whether a line has the same range and name twice, as diff -y prints unchanged lines."""
    words = line.lstrip("> |\t").split()
    half = len(words) // 2
    return (
        half > 2
        and words[1] == ":"
        and words[:half] == words[-half:]
        and (len(words) == 2 * half or words[half] in "|<>")
    )
