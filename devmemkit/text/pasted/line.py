"""One line of pasted text: the range in it, without prefixes and stray characters."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

Notes = list[tuple[int, str]]


@dataclass(slots=True)
class Row:
    """One range: its addresses, their digits as written, its name and the text before it.

    `prefix` is the text before the indent with digits as 0, `indent` consists of spaces and tabs.
    """

    line: int
    prefix: str
    indent: str
    start: int
    end: int
    digits: tuple[str, str]
    name: str
    raw: str  # the whole line; its length shows whether it was wrapped
    blanks: int = 0  # empty lines above it
    skipped: int = 0  # lines of other text above it


Found = dict[int, list[Row]]  # the ranges of each line that names one, by index of the line


# Blanks that mail clients and browsers use for a space; U+DCA0 is one in Latin-1, not UTF-8.
_NBSP = "\xa0\u2000-\u200a\u202f\u205f\u3000\udca0"
NBSPS = re.compile(f"\xc2?[{_NBSP}]")  # \xc2 too: UTF-8 taken for Latin-1
_BLANK = f"[ \t\r{_NBSP}\u200b\ufeff]"
DASH = re.compile("[-\u2010-\u2015\u2212\udc96\udc97]")  # the last two: dashes of Windows-1252
_QUOTES = {0x2018: "'", 0x2019: "'", 0xDC91: "'", 0xDC92: "'"}
_QUOTES |= dict.fromkeys((0x201C, 0x201D, 0xDC93, 0xDC94), '"')
_HEX = "(?:0[xX])?([0-9a-fA-F]{1,16})"
_RANGE = (
    rf"(?<![0-9a-fA-F]){_HEX}({_BLANK}{{0,4}}{DASH.pattern}{_BLANK}{{0,4}}){_HEX}(?![0-9a-fA-F])"
)

PRINTED = re.compile(r"( *)([0-9a-f]{4,16})-([0-9a-f]{4,16}) : (.*)", re.DOTALL)
LOOSE = re.compile(rf"{_RANGE}({_BLANK}{{0,40}}[:\uff1a]{_BLANK}?)(.*)", re.DOTALL)
BARE = re.compile(rf"{_RANGE}({_BLANK}{{1,40}}(?=\S)|{_BLANK}{{0,40}}$)(.*)", re.DOTALL)
NEXT = re.compile(r"(?<![0-9a-fA-F])(?:0x)?[0-9a-f]{4,16}-(?:0x)?[0-9a-f]{4,16} : ")
CUT = re.compile(
    rf"(?:0x)?[0-9a-fA-F]{{4,16}}{_BLANK}?(?:{DASH.pattern}{_BLANK}?[0-9a-fA-FxX]{{0,16}})?"
)

LOOKALIKE = re.compile(  # as a reader of pictures takes 0 and 1 for letters
    r"(?<![\w/])(?=[0-9a-f-]{0,33}[OoIl])[0-9a-fOoIl]{8,16}-[0-9a-fOoIl]{8,16}(?= : )"
)
DIGITS = str.maketrans("OoIl", "0011")

_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,32}[@-~]|\x1b[()][0-9A-B]|\x1b[=>]")
_TAG = re.compile(
    r"</?(?:a|b|body|br|code|div|em|font|html|i|kbd|li|p|pre|samp|small|span|strong|t[dhrt]|u|ul)"
    r"\b[^<>]{0,300}>",
    re.I,
)
_ENTITY = re.compile(r"&(?:nbsp|gt|lt|amp|quot|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});")
_QUOPRI = re.compile(r"=(?:C2=A0|A0|20|09|3D)|=20$", re.I)
MARKS = re.compile(r"""[>|\xbb+\-*#;/!:=~,."'`\[({\s\u2022]*""")
_WORDED = re.compile(r"[:>|\]#$%]$|(?<![0-9a-f]{4}-[0-9a-f]{4})(?<=\d)-$|^\[?[\d. ]{1,40}[\])]?$")
_CLOSING = {'"': '"', "'": "'", "`": "`", "|": "|", "[": "]", "(": ")", "{": "}"}
PERMISSIONS = re.compile(r"[r-][w-][x-][ps]\b")


def typewritten(text: str) -> str:
    """The text with plain blanks, dashes and quotation marks in place of a typesetter's."""
    if text.isascii():
        return text
    return DASH.sub("-", NBSPS.sub(" ", text)).translate(_QUOTES)


def unmangled(line: str) -> tuple[str, list[str]]:
    """Undo what terminals, browsers and mail archives do to a line; also the repairs in words."""
    did = []
    if "\x1b" in line:
        line, n = _ESCAPE.subn("", line)
        did += ["terminal escapes removed"] * (n > 0)
    if "<" in line and _TAG.search(line):
        line = _TAG.sub(lambda tag: " " * (tag[0][:3].lower() in ("<td", "<th")), line)
        did.append("HTML tags removed")
    if "&" in line and _ENTITY.search(line):
        line = unescaped(line)
        did.append("HTML entities decoded")
    if "=" in line and _QUOPRI.search(line):
        line = re.sub(
            "=([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), line.replace("=C2=A0", "=A0")
        )
        did.append("quoted-printable decoded")
    return line, did


def unescaped(text: str) -> str:
    """Decode the HTML entities that occur in pasted dumps."""
    return _ENTITY.sub(lambda m: html.unescape(m[0]), text)


def make_row(number: int, line: str, match: re.Match[str]) -> tuple[Row | None, list[str]]:
    """A row from a match of LOOSE or BARE, None if the text before the range rules it out."""
    start, dash, end, colon, name = match.groups()
    original = line[: match.start()]
    lead = NBSPS.sub(" ", original)
    digits = min(len(start), len(end))
    prefixed = line.startswith(("0x", "0X"), match.start())
    head = lead.rstrip()
    clean = not head.strip("\ufeff\u200b\xc2")
    if not clean and MARKS.fullmatch(head) is None:
        spaced = colon == " : "
        if digits < 8 and not (digits >= 4 and spaced and _WORDED.search(head[-48:])):
            return None, []
    elif digits < 4 and not prefixed and not (clean and colon == " : "):
        return None, []
    if prefixed and name.startswith('"'):
        return None, []  # a flash partition in a kernel log
    prefix = "" if clean else head.lstrip()
    marks = bool(prefix) and MARKS.fullmatch(prefix) is not None
    indent = lead if clean else lead[len(head) :]
    if marks:
        indent += lead[: len(head) - len(prefix)]  # list marks move with the depth
    plain = "".join(c for c in indent if c in " \t")
    name, pane, _ = name.partition("\u2502")
    name = name.rstrip() if pane else name
    closing = _CLOSING.get(prefix[-1:])
    if closing and (bare := name.rstrip(" \t,;")).endswith(closing):
        name = bare[:-1].rstrip()
    as_printed = NBSPS.sub(" ", colon) == " : "
    signs = {
        "no-break spaces read as spaces": NBSPS.search(original + dash + colon),
        "invisible characters before the range removed": plain != indent,
        "mail quoting removed": marks and ">" in prefix,
        "text before the range removed": prefix and not (marks and ">" in prefix),
        "text beside the line removed": pane,
        "0x before the addresses removed": prefixed,
        "upper-case addresses read": (start + end).lower() != start + end,
        "dash between the addresses is not a plain '-'": dash != "-",
        "no ' : ' between range and name": not as_printed,
    }
    if not as_printed:
        name = name.lstrip(" \t")
    shape = re.sub(r"\d+", "0", "".join(prefix.split()))
    row = Row(number, shape, plain, int(start, 16), int(end, 16), (start, end), name, line.rstrip())
    return row, [what for what, seen in signs.items() if seen]
