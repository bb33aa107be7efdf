"""The meaning of every colour: one table of roles, light and dark, with patterns beside them.

Lines have the colours below; the fill of an area is its line's colour mixed into the paper, so that
ink stays readable on it. Two roles of areas that share a pattern can be told apart with every kind
of colour vision (tests/figures/test_theme.py simulates them). Nothing but `ok` is green, nothing
but `error` is red: MEANING tells what they mean.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Role(NamedTuple):
    """One meaning: its line colour on light and on dark paper, its pattern.

    `hatch` is Bokeh's name of the pattern, " " for none.
    """

    light: str
    dark: str
    hatch: str = " "


PAPER: Final = ("#ffffff", "#15181e")
INK: Final = ("#1b1f27", "#e8eaef")
MUTED: Final = ("#5d6470", "#a0a7b4")
GRID: Final = ("#d5d9e0", "#363b45")
TINT: Final = (0.18, 0.27)  # how much of the line's colour an area takes, light and dark

ROLES: Final[dict[str, Role]] = {
    "ram": Role("#3f4654", "#eceef3"),
    "idle": Role("#0077cc", "#4d9df0"),
    "bus": Role("#8b86a8", "#756f96"),
    "claimed": Role("#b45f06", "#f2a541", "/"),
    "reserved": Role("#77706a", "#b5aba1", "."),
    "zapped": Role("#6a6f7b", "#98a1b3", "x"),
    "private": Role("#8633b0", "#d29bf5", "|"),
    "process": Role("#1769c5", "#5aa6f5"),
    "driver": Role("#ad6500", "#ffc266"),
    "kernel": Role("#4a4168", "#d0d3de"),
    "ok": Role("#197655", "#3fd9a0"),
    "error": Role("#b71a1a", "#f2636d", "\\"),
    "blocked": Role("#5d3fb0", "#b9a2ff"),
    "now": Role("#d4006f", "#ff5fb4"),
    "ink": Role(*INK),
    "muted": Role(*MUTED, "."),
    "grid": Role(*GRID),
}

WISHES: Final = {True: "ok", False: "error", None: "muted"}
"""The role of an end by whether the owner would wish it (scenarios/wish.py)."""
MEANING: Final = (
    ("ok", "as the owner would wish"),
    ("error", "reaches what is not theirs, or dies"),
    ("muted", "neither, or not played"),
)
"""The one meaning of green and red, for the legend of every table and picture."""

SANS: Final = "system-ui, sans-serif"
MONO: Final = "Menlo, Consolas, monospace"


class Style(NamedTuple):
    """Font family, size in px and weight of a text."""

    family: str
    size: int
    weight: str


STYLES: Final[dict[str, Style]] = {
    "plain": Style(SANS, 12, "normal"),
    "strong": Style(SANS, 12, "bold"),
    "small": Style(SANS, 11, "normal"),
    "code": Style(MONO, 11, "normal"),
    "title": Style(SANS, 14, "bold"),
}


def mix(colour: str, paper: str, amount: float) -> str:
    """Mix `amount` (0 to 1) of `colour` into `paper`; all colours are "#rrggbb"."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(paper[1:]), strict=True)
    return "#" + bytes(round(c * amount + p * (1 - amount)) for c, p in pairs).hex()


def tint(role: str) -> tuple[str, str]:
    """The fill of an area of this role, on light and on dark paper."""
    light, dark = ROLES[role][:2]
    return mix(light, PAPER[0], TINT[0]), mix(dark, PAPER[1], TINT[1])


def dark_of() -> dict[str, str]:
    """Each colour on light paper with its counterpart on dark paper."""
    lines = {role.light: role.dark for role in ROLES.values()}
    return lines | dict(tint(name) for name in ROLES)
