"""Builds the folder of the site: the same bytes from the same checkout."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from devmemkit.host.files import write
from devmemkit.site import embed, graphs, pages, prepare, runtime, style
from devmemkit.site.live.catalogue import EXPLORERS
from devmemkit.site.race_page import race_section

SUMS = "SHA256SUMS"
"""The list of the folder's files, by which a later build knows the folder as one of its own."""
OWN = ("race.js", "race-board.js", "race-view.js", *embed.SCRIPTS, "ask.js")
WEB = (*OWN, "worker.js")
"""The files of site/web that the pages load."""

SCRIPTS = ("race-data.js", *OWN)
"""The scripts that the start page runs, in their order."""


def build(
    out: Path,
    commit: str,
    pyodide: Mapping[str, bytes] | None = None,
    notebooks: Mapping[str, pages.Page] | None = None,
    documentation: Mapping[str, bytes] | None = None,
) -> dict[str, int]:
    """Write the site into a folder that is new, empty or an earlier site's; sizes by file.

    `pyodide` are the files of Pyodide by name (runtime.pyodide); without them no Python runs in the
    pages. `notebooks` by stem and the files of the `documentation` are there to read. ValueError
    for a folder that holds anything else.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: expected a folder, got a file")
    if out.is_dir() and any(out.iterdir()) and not (out / SUMS).is_file():
        raise ValueError(f"{out}: expected a new folder, an empty one or a site, got other files")
    made, before = contents(commit, pyodide, notebooks, documentation), []
    if (out / SUMS).is_file():
        before = [line.partition("  ")[2] for line in (out / SUMS).read_text("utf-8").splitlines()]
    for name in sorted({*before, *made}):
        if link := _link(out, name):
            raise ValueError(f"{link}: expected a file or folder of the site, got a symbolic link")
    for name in before:
        if name not in made and (out / name).resolve().is_relative_to(out.resolve()):
            (out / name).unlink(missing_ok=True)
    for name, content in made.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write(out / name, content)
    return {name: len(content) for name, content in made.items()}


def _link(out: Path, name: str) -> Path | None:
    """The first folder on the way to a file of the site, or the file, that is a symbolic link."""
    path = out / name
    inside = [path, *list(path.parents)[: len(Path(name).parts) - 1]]
    return next((one for one in reversed(inside) if one.is_symlink()), None)


def contents(
    commit: str,
    pyodide: Mapping[str, bytes] | None = None,
    notebooks: Mapping[str, pages.Page] | None = None,
    documentation: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """The files of the site by name, SUMS last; the arguments are those of build."""
    race, package = graphs.data(), runtime.package()
    notebooks, documentation = notebooks or {}, documentation or {}
    answer, *explorers = prepare.answers(package, prepare.messages())
    stills = dict(zip(EXPLORERS, map(prepare.stills, EXPLORERS, explorers), strict=True))
    sections = {
        "ask": pages.ask_section(prepare.example(), answer),
        "race": race_section(race),
        "explorers": pages.explorers_section(stills),
        "read": pages.read_section(notebooks, bool(documentation)),
    }
    made = {"index.html": pages.index(sections, commit, SCRIPTS).encode()}
    made |= {name: files("devmemkit.site").joinpath("web", name).read_bytes() for name in WEB}
    made["style.css"] = style.site().encode()
    made["race-data.js"] = graphs.script(race)
    made["ask-map.svg"] = answer["map"]["svg"].encode()
    made |= {one.file: one.svg.encode() for drawn in stills.values() for one in drawn}
    for name, packed in zip(EXPLORERS, embed.states([(n, {}) for n in EXPLORERS]), strict=True):
        if packed is None:
            raise RuntimeError(f"{name}: expected the states of an explorer, got an error")
        made[f"explorers/{name}.js"] = embed.script(name, packed)
    if pyodide is not None:
        made |= runtime.contents(pyodide, package)
    made |= runtime.licences()
    made |= {f"notebooks/{stem}.html": one.content for stem, one in notebooks.items()}
    for stem, one in notebooks.items():
        made |= {f"notebooks/figures/{stem}/{name}": svg for name, svg in one.figures.items()}
    made |= {f"docs/{name}": content for name, content in documentation.items()}
    digests = {name: hashlib.sha256(made[name]).hexdigest() for name in sorted(made)}
    made[SUMS] = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    return made
