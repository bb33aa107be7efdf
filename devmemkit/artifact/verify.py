"""`devmemkit verify`: a finished run against its digests, today's state, or another run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from devmemkit.artifact.crate import FILE
from devmemkit.artifact.provenance import checkout, code_digest, data_files, made_on, sha256
from devmemkit.artifact.store import HIDDEN, UsageError

# What may differ between two runs from one state, by the ending of a file's name: times.
TIMES = {
    ".html": re.compile(rb'(?<=<td class="number">)[0-9.]+ s(?=</td>)'),
    ".pdf": re.compile(rb"/(?:CreationDate|ModDate) \(D:[0-9+'Z-]+\)"),
}


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    """The crate's entities by id; UsageError where no run was finished."""
    try:
        graph = json.loads((folder / FILE).read_text("utf-8"))["@graph"]
        return {entity["@id"]: entity for entity in graph}
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
    raise UsageError(f"{folder}: expected a finished run with {FILE}, got: {why}") from None


def _kind(found: Mapping[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {
        entity.get("name", id): entity for id, entity in found.items() if entity["@type"] == kind
    }


def files_differ(folder: Path) -> Iterator[str]:
    """A sentence for each file that is not as the run left it, is gone, or is not of the run."""
    found = entities(folder)
    listed = {}
    for id, entity in found.items():
        if entity["@type"] == "File":
            listed[unquote(id)] = entity["sha256"]
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file():
            yield f"{name}: missing"
        elif sha256(path) != digest:
            yield f"{name}: altered (SHA-256 {sha256(path)[:12]}..., the run's {digest[:12]}...)"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(HIDDEN) and name not in {*listed, FILE}:
            yield f"{name}: not of this run"


def failures(folder: Path) -> Iterator[str]:
    """A sentence for each job of the run that failed."""
    for name, action in _kind(entities(folder), "CreateAction").items():
        if "error" in action:
            yield f"{name}: failed at {action['error']}"


def state_differs(folder: Path) -> Iterator[str]:
    """A sentence for each thing that is not today what the run was made from."""
    found = entities(folder)
    root = checkout(Path.cwd())
    today = data_files(root) if root else {}
    for path in (root / "notebooks").glob("*.ipynb") if root else ():
        today[f"notebooks/{path.name}"] = sha256(path)
    then = {n: e["sha256"] for n, e in _kind(found, "CreativeWork").items() if "sha256" in e}
    for name, digest in then.items():
        if today.get(name) != digest:
            yield f"{name}: {'other than in the run' if name in today else 'not there any more'}"
    yield from (f"{n}: new since the run" for n in sorted(set(today) - set(then)) if "data/" in n)
    if found["#devmemkit"]["sha256"] != code_digest():
        yield "devmemkit: its code is other than in the run"
    now = made_on()
    for name, entity in _kind(found, "SoftwareApplication").items():
        if "version" in entity and now.get(name) != entity["version"]:
            yield f"{name}: {now.get(name)}, in the run {entity['version']}"


def runs_differ(folder: Path, other: Path) -> Iterator[str]:
    """A sentence for each file that two runs do not have alike, but for the times in it."""
    mine, theirs = ({unquote(i) for i, e in entities(f).items() if e["@type"] == "File"}
                    for f in (folder, other))  # fmt: skip
    yield from (f"{name}: only in one of the runs" for name in sorted(mine ^ theirs))
    for name in sorted(mine & theirs):
        one, two = ((f / name).read_bytes() for f in (folder, other))
        if times := TIMES.get(Path(name).suffix):
            one, two = times.sub(b"", one), times.sub(b"", two)
        if one != two:
            at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
            yield f"{name}: differs at byte {min(len(one), len(two)) if at is None else at}"


def verify(folder: Path, against: Path | None) -> int:
    """Print what differs; 0 when nothing does, 1 when something does. UsageError for no run."""
    checks = [
        ("files as the run left them", files_differ(folder)),
        ("all jobs went well", failures(folder)),
        ("made from today's code, data and versions", state_differs(folder)),
    ]
    if against is not None:
        checks.append((f"the same, but for times, as {against}", runs_differ(folder, against)))
    wrong = 0
    for what, found in checks:
        sentences = list(found)
        wrong += bool(sentences)
        print(f"{what}: {'NO' if sentences else 'yes'}")
        for sentence in sentences:
            print(f"  {sentence}")
    return 1 if wrong else 0
