"""The HTML of the start page: each of its sections is a function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from devmemkit.explain.access import OPS, VIAS
from devmemkit.site.live.catalogue import EXPLORERS
from devmemkit.site.prepare import Still

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
    """A page that is made elsewhere, a notebook's: its title, its HTML, its figures by file."""

    title: str
    content: bytes
    figures: Mapping[str, bytes]


def index(sections: dict[str, str], commit: str, scripts: Sequence[str]) -> str:
    """The start page: `sections` are the HTML of each of SECTIONS that has something to show.

    `scripts` run in their order, after the page is parsed.
    """
    sections = {name: html for name, html in sections.items() if html}
    links = "".join(f'<a href="#{name}">{escape(SECTIONS[name])}</a>\n' for name in sections)
    parts = "".join(
        f'<section id="{name}" aria-labelledby="{name}-heading">\n'
        f'<h2 id="{name}-heading">{escape(SECTIONS[name])}</h2>\n{html}\n</section>\n'
        for name, html in sections.items()
    )
    # Classic scripts: a page opened as a file may not load modules.
    loads = "".join(f'<script defer src="{escape(name)}"></script>\n' for name in scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>devmemkit: user mappings of device memory</title>
<link rel="stylesheet" href="style.css">
<link rel="icon" href="data:,">
{loads}</head>
<body>
<header>
<h1>devmemkit</h1>
<p>What happens to a user mapping of device memory when a driver claims the region: a model of
Linux that runs in this page.</p>
<nav aria-label="Sections">
{links}</nav>
<p id="python" role="status">Without JavaScript, all answers and pictures stand still.</p>
</header>
<main>
{parts}</main>
<footer>
<p>Commit <code>{escape(commit)}</code>. Code: MIT; data: CC BY 4.0; Python in the page: Pyodide,
MPL 2.0, and Python, PSF: <a href="licences/README.txt">licences</a>.</p>
</footer>
</body>
</html>
"""


def ask_section(paste: str, answer: Mapping[str, Any]) -> str:
    """Paste texts of a machine, read why an access ends as it does; first an example, answered."""
    # A text in JSON could end the element with "</script>".
    data = json.dumps({"paste": paste, "answer": answer}).replace("<", "\\u003c")
    parts = "".join(f"<li>{part['html']}</li>" for part in answer["parts"])
    drawn = answer["map"]
    still = (
        f'<noscript><img class="still" alt="{escape(drawn["alt"])}" src="ask-map.svg"></noscript>'
    )
    chosen = "".join(
        f'<label class="control"><span>{label}</span><select name="{name}">'
        f'<option value="">{usual}</option>'
        + "".join(f"<option>{escape(one)}</option>" for one in options)
        + "</select></label>\n"
        for name, label, usual, options in (
            ("op", "operation", "as pasted", OPS),
            ("via", "through", "as pasted", VIAS),
            ("lockdown", "lockdown", "as pasted", ("none", "integrity", "confidentiality")),
        )
    )
    typed = "".join(
        f'<label class="control"><span>{label}</span><input name="{name}" size="{size}" '
        f'spellcheck="false" autocomplete="off" placeholder="{hint}"></label>\n'
        for name, label, size, hint in (
            ("address", "address", 12, "0xfebc0000"),
            ("got", "it gave", 12, "EPERM"),
            ("release", "kernel", 12, "6.12"),
        )
    )
    return f"""<p class="lead">Paste what you have, in any order: <code>/proc/iomem</code>,
<code>lspci -v</code>, a line of <code>strace</code>, a line of <code>dmesg</code>,
<code>uname -a</code>. Nothing leaves this page: its policy (<code>connect-src 'none'</code>)
forbids its scripts to connect to anything.</p>
<form id="ask-form" class="needs-script" hidden>
<label for="ask-paste">Paste texts or drop files here. At first the box has an example,
of a recorded machine.</label>
<textarea id="ask-paste" name="paste" rows="9" spellcheck="false" wrap="off">
{escape(paste)}</textarea>
<p class="controls"><span id="ask-large"></span>
<button type="button" id="ask-clear">Clear</button>
<label class="control"><span>or files</span><input type="file" id="ask-files" multiple></label></p>
<details><summary>Ask about something else than what is pasted</summary>
<div class="controls">
{typed}{chosen}</div></details>
</form>
<ul id="ask-parts" class="parts">{parts}</ul>
<p class="controls needs-script" hidden><button type="button" id="ask-copy">Copy the answer as
text</button> <button type="button" id="ask-cancel" hidden>Cancel</button>
<span id="ask-status" role="status"></span></p>
<div class="beside">
<div id="ask-answer" class="answer" tabindex="-1">{answer["html"]}</div>
<div id="ask-map" class="map">{still}</div>
</div>
<script type="application/json" id="ask-example">{data}</script>"""


def explorers_section(stills: Mapping[str, Sequence[Still]]) -> str:
    """The explorers of the notebooks, by name; `stills` are the pictures of each."""
    made = "".join(
        f'<details id="explorer-{escape(name)}"><summary>{escape(offer.asks)}</summary>\n'
        f'<div class="explorer" data-explorer="{escape(name)}">'
        + "".join(
            f'<img class="still" loading="lazy" src="{escape(one.file)}" alt="{escape(one.alt)}">'
            for one in stills[name]
        )
        + "</div></details>\n"
        for name, offer in EXPLORERS.items()
    )
    return (
        "<p>Each steps through states that were computed when this page was built; when Python is "
        f"ready, the explorer takes every choice.</p>\n{made}"
    )


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
