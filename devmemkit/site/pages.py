"""The HTML of the site's pages: each page and each section of one is a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

POLICY = (
    "default-src 'none'; connect-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self'; img-src 'self' data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)
"""What a page may do: run its own scripts, load its own pictures, and connect to nothing.

A worker made from a blob inherits this; one made from an address would have no policy.
"""

SECTIONS = {
    "ask": "Why did I get EPERM?",
    "race": "Play the discussion",
    "explorers": "Explorers",
    "read": "Read",
}
"""The start page's sections, by id, with their headings."""


class Page(NamedTuple):
    """A page that is made elsewhere, a notebook's: its title and its HTML."""

    title: str
    content: bytes


def page(title: str, body: str, scripts: Sequence[str] = ()) -> str:
    """A page around the HTML of its body; `scripts` run in their order, after it is parsed."""
    # Classic scripts: a page opened as a file may not load modules.
    loads = "".join(f'<script defer src="{escape(name)}"></script>\n' for name in scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
{loads}</head>
<body>
{body}
</body>
</html>
"""


def index(sections: dict[str, str], commit: str, scripts: Sequence[str]) -> str:
    """The start page: `sections` are the HTML of each of SECTIONS that has something to show."""
    links = "".join(f'<a href="#{name}">{escape(SECTIONS[name])}</a>\n' for name in sections)
    parts = "".join(
        f'<section id="{name}" aria-labelledby="{name}-heading">\n'
        f'<h2 id="{name}-heading">{escape(SECTIONS[name])}</h2>\n{html}\n</section>\n'
        for name, html in sections.items()
    )
    body = f"""<header>
<h1>devmemkit</h1>
<p>What happens to a user mapping of device memory when a driver claims the region: a model of
Linux that runs in this page.</p>
<nav aria-label="Sections">
{links}</nav>
</header>
<main>
{parts}</main>
<footer>
<p>Commit <code>{escape(commit)}</code>. Code: MIT; data: CC BY 4.0.</p>
</footer>"""
    return page("devmemkit: user mappings of device memory", body, scripts)


def ask_section() -> str:
    """Paste texts of a machine, read why an access ends as it does."""
    return ""


def explorers_section() -> str:
    """The explorers of the notebooks."""
    return ""


def read_section(notebooks: Mapping[str, Page], documented: bool) -> str:
    """Links to what there is to read: the notebooks by stem, and the documentation if it is there.

    "" if there is nothing.
    """
    links = [
        f'<li><a href="notebooks/{escape(stem)}.html">{escape(one.title)}</a></li>\n'
        for stem, one in notebooks.items()
    ]
    if documented:
        links.append('<li><a href="docs/index.html">The documentation</a></li>\n')
    return f"<ul>\n{''.join(links)}</ul>" if links else ""
