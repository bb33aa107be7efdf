"""The style sheets of the site and of the report: one base, in the colours of the figures."""

from __future__ import annotations

from importlib.resources import files

from devmemkit.figures import theme

ROLES = {
    "link": "idle",
    "good": "ok",
    "bad": "error",
    "process": "process",
    "driver": "driver",
    "clock": "kernel",
}
"""The colours that are those of a role of the figures."""


def base(*more: tuple[str, str]) -> str:
    """The shared style sheet, light and dark; `more` are sheets of one kind for each."""
    sheets = []
    for dark in (0, 1):
        paper, ink = theme.PAPER[dark], theme.INK[dark]
        colours = {
            "paper": paper,
            "ink": ink,
            "muted": theme.MUTED[dark],
            "line": theme.GRID[dark],
            "raised": theme.mix(ink, paper, 0.05),
        } | {name: theme.ROLES[role][dark] for name, role in ROLES.items()}
        variables = "; ".join(f"--{name}: {colour}" for name, colour in colours.items())
        sheets.append("\n".join((f":root {{ {variables} }}", *(one[dark] for one in more))))
    light, dark_sheet = sheets
    shared = files("devmemkit.site").joinpath("web", "base.css").read_text("utf-8")
    dark_screen = "@media screen and (prefers-color-scheme: dark)"  # paper stays white
    return f"{light}\n{dark_screen} {{\n{dark_sheet}\n}}\n{shared}"


def site() -> str:
    """The sheet of the site's pages."""
    return base() + files("devmemkit.site").joinpath("web", "style.css").read_text("utf-8")
