"""Which jobs a run has: notebooks with their parameter sets, one over a grid, and the ledger."""

from __future__ import annotations

import hashlib
import os
import re
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devmemkit.artifact import grid, parameters
from devmemkit.artifact.provenance import checkout, state
from devmemkit.artifact.record import INDEX, LEDGER, Job, UsageError
from devmemkit.model.kernel import KernelProfile


def choose(notebooks: Sequence[Path], only: str) -> Path:
    """The notebook of that name, number or unique prefix."""
    wanted = only.removesuffix(".ipynb")
    found = [path for path in notebooks if path.stem == wanted]
    found = found or [path for path in notebooks if wanted and path.stem.startswith(wanted)]
    if wanted.isdecimal():
        numbers = [path.stem.partition("-")[0] for path in notebooks]
        pairs = zip(notebooks, numbers, strict=True)
        found = [path for path, n in pairs if n.isdecimal() and int(n) == int(wanted)] or found
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem for path in found or notebooks)
    what = "more than one notebook matches" if found else "no notebook matches"
    raise UsageError(f"{what} {only!r}: expected one of {names}")


def name_of(notebook: Path, given: Mapping[str, Any]) -> str:
    """The name of a run's files: the notebook's, with the parameters that it was given."""
    if not given:
        return notebook.stem
    told = ",".join(f"{key}={value}" for key, value in given.items())
    plain = re.sub(r"[^\w.,=+-]", "_", told)
    if plain != told or len(plain.encode()) > 100:  # a file's name has 255 bytes
        start = plain.encode()[:90].decode(errors="ignore")
        plain = f"{start}~{Job(told, '').key[:8]}"
    return f"{notebook.stem}@{plain}"


def notebooks_here() -> tuple[Path, list[Path]]:
    """The checkout around the current folder, and its notebooks; UsageError if there is none."""
    missing = [name for name in ("papermill", "ipykernel", "nbconvert") if not find_spec(name)]
    if missing:
        raise UsageError(
            f"expected {missing[0]} to be installed; it comes with devmemkit[notebooks]"
        )
    here = Path.cwd()
    root = checkout(here)
    found = sorted((root / "notebooks").glob("*.ipynb")) if root else []
    if root is None or not found:
        raise UsageError(
            f"expected to run inside a checkout of devmemkit with notebooks/*.ipynb, got {here}"
        )
    return root, found


def folder_for(out: Path, root: Path) -> Path:
    """The folder for results; UsageError for one that holds a checkout."""
    out = Path(os.path.realpath(out))
    if out in (root, root / "notebooks") or os.path.exists(out / ".git"):
        raise UsageError(f"expected a folder of its own for the report, got {out}")
    return out


def _is_set(told: Any) -> bool:
    plain = parameters.Value
    return isinstance(told, dict) and all(isinstance(value, plain) for value in told.values())


def _sets(root: Path, notebooks: Sequence[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Every notebook with its defaults, and with each set of notebooks/sets.toml."""
    path = root / "notebooks" / "sets.toml"
    told = grid.toml(path, "[[NOTEBOOK]] and its parameters") if path.exists() else {}
    for name, sets in told.items():
        if not isinstance(sets, list) or not all(map(_is_set, sets)):
            raise UsageError(
                f"{path}: expected [[{name}]] and parameters, got {reprlib.repr(sets)}"
            )
    if gone := sorted(told.keys() - {notebook.stem for notebook in notebooks}):
        raise UsageError(f"{path}: expected sets of notebooks that are there, got {gone[0][:60]!r}")
    return [(n, given) for n in notebooks for given in ({}, *told.get(n.stem, ()))]


def jobs(
    root: Path,
    runs: Sequence[tuple[Path, Mapping[str, Any]]],
    ledgers: Mapping[str, Mapping[str, str]] = {},
) -> list[Job]:
    """The jobs that weigh the `ledgers` and run the notebooks; UsageError for two of one name."""
    known = state(root)
    todo = [Job(name, "findings", None, given, known) for name, given in ledgers.items()]
    for path, given in runs:
        digest = hashlib.sha256(parameters.text_of(path)).hexdigest()
        inputs = {**known, f"notebooks/{path.name}": digest}
        todo.append(Job(name_of(path, given), "notebook", path, dict(given), inputs))
    for name, times in Counter(job.name for job in todo).items():
        if times > 1 or f"{name}.html" == INDEX:
            raise UsageError(f"expected names of their own for the files of each run, got {name}")
    return todo


def plan(
    root: Path,
    notebooks: Sequence[Path],
    only: str | None,
    given: Sequence[str],
    live: Sequence[str],
) -> list[Job]:
    """The jobs, the longest first so that the last ones end together.

    ValueError for a request that cannot be met.
    """
    try:
        versions = dict.fromkeys(KernelProfile(name).version for name in live)
    except ValueError as error:
        raise UsageError(f"--live: {error}") from None
    ledgers = {f"{LEDGER}-{version}": {"kernel": version} for version in versions}
    if only is not None:
        chosen = choose(notebooks, only)
        known = parameters.declared(chosen) if given else {}
        return jobs(root, [(chosen, parameters.parse(given, known, chosen.name))], ledgers)
    # if the ledger alone is gone, the job must fail, not disappear
    if any((root / "data" / name).exists() for name in ("findings.toml", "SHA256SUMS")):
        ledgers[LEDGER] = {}
    return jobs(root, _sets(root, notebooks), ledgers)
