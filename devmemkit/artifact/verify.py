"""`devmemkit verify`: a finished run against its digests, today's state, or another run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devmemkit.artifact import record
from devmemkit.artifact.entities import Crate, read
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.provenance import checkout, code_digest, data_files, sha256, versions
from devmemkit.artifact.record import CRATE, LEDGER, LOCK, RECORDS, UsageError
from devmemkit.model.printable import printable

# Times, which alone may differ between two runs from one state, by the suffix of the file.
TIMES = {
    ".html": re.compile(rb'(?<=<td class="number">)[0-9.]+ s(?=</td>)'),
    ".pdf": re.compile(rb"/(?:CreationDate|ModDate) \(D:[0-9+'Z-]+\)"),
}
COMPARED = 256 << 20  # bytes of a file in which the first difference is looked for


def files_differ(folder: Folder, crate: Crate) -> Iterator[str]:
    """A sentence for each file that was altered, is missing, or does not belong to the run."""
    for name, then in crate.files.items():
        try:
            if (now := folder.digest(name)) != then:
                yield f"{name}: altered (SHA-256 {now[:12]}..., the run's {then[:12]}...)"
        except (FileNotFoundError, NotADirectoryError):
            yield f"{name}: missing"
        except OSError as error:
            yield f"{name}: cannot be read: {error.strerror}"
    known = {*crate.files, CRATE, LOCK, *(f"{RECORDS}/{one.name}.json" for one in crate.records)}
    try:
        for name, kind in folder.walk():
            if name not in known and kind != "folder":
                yield f"{name}: not of this run" + (f" (a {kind})" if kind != "file" else "")
    except OSError as error:
        yield f"{error.filename}: expected to see what it holds, got: {error.strerror}"


def jobs_line(crate: Crate) -> str:
    """The check of the jobs: how many there were, and whether they weighed the findings."""
    # reports of devmemkit 0.1 call the findings claims
    weighed = any(one.name.partition("-")[0] in (LEDGER, "claims") for one in crate.records)
    findings = "with" if weighed else "without"
    return f"all jobs went well ({len(crate.records)}, {findings} the findings)"


def state_differs(crate: Crate) -> Iterator[str]:
    """A sentence for each input of the run (data, notebook, code, package) that differs today."""
    root = checkout(Path.cwd())
    today = data_files(root) if root else {}
    for path in (root / "notebooks").glob("*.ipynb") if root else ():
        today[f"notebooks/{path.name}"] = sha256(path)
    for name, digest in crate.state.items():
        if today.get(name) != digest:
            yield f"{name}: {'other than in the run' if name in today else 'not there any more'}"
    if root:
        from devmemkit.lab.recordings import manifest  # it needs the data of a checkout

        try:
            manifest.check()
        except manifest.RecordingError as error:
            yield str(error)
    new = sorted(today.keys() - crate.state.keys())
    yield from (f"{name}: new since the run" for name in new if name.startswith("data/"))
    for one in crate.records:
        if record.result(one.name, "notebook") in one.outputs and not one.notebook:
            yield f"{one.name}: the run does not tell which notebook it was"
    if crate.code != code_digest():
        yield "devmemkit: its code is other than in the run"
    now = versions()
    for name in sorted(now.keys() | crate.versions.keys()):
        if now.get(name) != (then := crate.versions.get(name)):
            yield f"{name}: {now.get(name)}, in the run {then}"


def runs_differ(folders: tuple[Folder, Folder], crates: tuple[Crate, Crate]) -> Iterator[str]:
    """A sentence for each file that differs between two runs, apart from times."""
    mine, theirs = (crate.files.keys() for crate in crates)
    yield from (f"{name}: only in one of the runs" for name in sorted(mine ^ theirs))
    for name in sorted(mine & theirs):
        try:
            if folders[0].digest(name) == folders[1].digest(name):
                continue
            one, two = (folder.read(name, COMPARED) for folder in folders)
        except OSError as error:
            yield f"{name}: cannot be compared: {error.strerror}"
            continue
        if times := TIMES.get(Path(name).suffix):
            one, two = times.sub(b"", one), times.sub(b"", two)
        if one != two:
            at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
            yield f"{name}: differs at byte {min(len(one), len(two)) if at is None else at}"


def _open(folder: Path) -> Folder:
    try:
        return Folder(folder)
    except OSError as error:
        why = f"{folder}: expected a finished run with {CRATE}, got: {error.strerror}"
        raise UsageError(why) from None


def verify(folder: Path, against: Path | None) -> int:
    """Print the differences; 0 if there are none, else 1. UsageError if there is no run."""
    with _open(folder) as mine, _open(against or folder) as theirs:
        crate, other = read(mine), read(theirs)
        failed = (f"{one.name}: failed at {one.error}" for one in crate.records if one.error)
        checks = [
            ("files as the run left them", files_differ(mine, crate)),
            (jobs_line(crate), failed),
            ("made from today's code, data and versions", state_differs(crate)),
        ]
        if against is not None:
            what = f"the same, but for times, as {against}"
            checks.append((what, runs_differ((mine, theirs), (crate, other))))
        if not crate.profile:
            print(
                "a report of devmemkit 0.1 (its provenance declares no profile, its findings are "
                "called claims)"
            )
        wrong = 0
        for what, found in checks:
            sentences = list(found)
            wrong += bool(sentences)
            print(f"{printable(what)}: {'NO' if sentences else 'yes'}")
            for sentence in sentences:
                print(f"  {printable(sentence)}")
    return 1 if wrong else 0
