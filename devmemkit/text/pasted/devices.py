"""The devices in a pasted output of lspci: where each begins, with wrapped lines joined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from devmemkit.model.printable import printable
from devmemkit.text import TextError

_LEAD = re.compile(r"(?:[>|\u00bb+\-*#\s\u2022`\ufeff]|\^I)*")  # ^I: a tab of cat -A
_BDF = r"[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]"
HEAD = re.compile(  # -PP prints the path: 00:1c.0/02:00.0
    rf"(?:IOMMU Group \d+:? )?(?P<domain>[0-9a-fA-F]{{4,8}}:)?(?:{_BDF}/)*(?P<bdf>{_BDF})[*`]*\s+"
    r"(?P<what>[\"']?(?:[^\s\d]|\d+[A-Z]|[0-9a-f]{4}\b).*)"
)
REGION = re.compile(
    r"(?:Region (?P<index>\d+):|(?P<rom>Expansion ROM(?= at))"
    r"|(?=(?:\[virtual\] )?(?:Memory|I/O ports) at(?: [0-9a-f]{4,16})?(?: ?[<\[(]|$)))(?P<words>.*)"
)
AT = re.compile(
    r"\s*(?:\[virtual\] )?(?:(?P<what>Memory|I/O ports) )?at\b ?"
    r"(?:(?P<at>[0-9a-fA-F]{1,16})\b|<[\w-]+>|(?=\s*[(\[]))"  # browsers swallow <unassigned>
    r"(?:.*\[size=(?P<size>\d+)(?P<unit>[KMGT]?)\])?"
)
_REST = re.compile(
    r"\(?(?:32-bit|64-bit|low-1M)|(?:non-)?prefetchable\)|\[(?:size=|\w+\]( \[|$))|at "
)
DRIVER = re.compile(r"Kernel driver in use: (\S+)")
MODULES = re.compile(r"Kernel modules: (.*\S)")
_WIDEST = 300  # characters of a line that was wrapped
_BELOW = re.compile(r"[A-Z][\w ./-]{0,30}:|[0-9a-f]{2,3}: |(?:Expansion ROM|Memory|I/O ports) at\b")
_ABOVE = "a line like '00:1f.0 ISA bridge: ...' above, to say whose this is"
_LEFT_OUT = re.compile(r"[\[<(\s]*(?:\.\.|\u2026|snip\b|cut\b)", re.I)
_ONCE = re.compile(r"Subsystem: |Control: I/O|Flags: .*devsel")
_INSIDE = re.compile(
    r"\bRegion \d+: (?:Memory|I/O)|\bKernel driver in use: "
    r"|[^:\]] (?:Memory|I/O ports) at [0-9a-f]{4,16} [(\[]"
)


@dataclass
class Part:
    """What one command printed about a device: its first line, and those below it.

    `cut` says whether more lines may have been below them.
    """

    bdf: str
    what: str
    line: int
    lead: str
    below: list[tuple[int, str]] = field(default_factory=list)
    cut: bool = False


def parts(lines: Sequence[str], source: str) -> Iterator[Part]:
    """The parts of a text, each from a device's first line; wrapped lines are joined."""
    part: Part | None = None
    blank = True
    spaced = False  # whether blank lines are also inside of parts
    once: set[str] = set()  # what lspci prints once for each device

    def refused(number: int, expected: str, line: str) -> TextError:
        return TextError(source, number, f"expected {expected}, got '{printable(line[:60])}'")

    for number, whole in enumerate(lines, 1):
        lead = _LEAD.match(whole)
        assert lead is not None
        line = whole[lead.end() :]
        if not line:
            blank = True
            continue
        head = HEAD.match(line)
        if (head or part) and _INSIDE.search(line, 1):
            raise refused(number, "a line of its own for each device, region and driver", line)
        fact, region = _ONCE.match(line), REGION.match(line)
        above, rest = part.below[-1] if part and part.below else (0, "")
        cut = (REGION.match(rest) and "[size=" not in rest) or MODULES.match(rest)
        ends = rest.endswith((",", "-")) or _REST.match(line)
        if head:
            if part:
                yield part
            bdf = full_bdf((head["domain"] or "") + head["bdf"])
            part, once = Part(bdf, head["what"], number, lead[0]), set()
        elif part and cut and ends and len(rest) < _WIDEST:
            part.below[-1] = (above, f"{rest}{' ' * (rest[-1] != '-')}{line}")
        elif part and not (blank and lead[0] == part.lead and not _BELOW.match(line)):
            if fact and fact[0] in once:
                raise refused(number, _ABOVE, line)
            once |= {fact[0]} if fact else set()
            part.below.append((number, line))
            spaced |= blank
            part.cut |= _LEFT_OUT.match(line) is not None
        else:  # text that is no device's, such as the command that follows
            if DRIVER.match(line) or (region and AT.match(region["words"])):
                raise refused(number, _ABOVE, line)
            if part:
                yield part
            part = None
        blank = False
    if part:
        # lspci prints the modules last, and a blank line below each device
        ended = any(MODULES.match(line) for _, line in part.below) or (blank and not spaced)
        part.cut |= not ended
        yield part


def full_bdf(text: str) -> str:
    """A PCI address with its domain, of at least four digits, in lower case."""
    text = text.lower()
    return text if text.count(":") == 2 else f"0000:{text}"
