"""Provenance of a results folder as a Process Run Crate: ro-crate-metadata.json for `verify`.

Each job is a CreateAction: what it read (objects), what it made (results), when, and with which
parameters. See https://w3id.org/ro/wfrun/process/0.5, a profile of https://w3id.org/ro/crate/1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import devmemkit
from devmemkit.artifact import parameters
from devmemkit.artifact.provenance import code_digest, data_files, digest_of, versions
from devmemkit.artifact.record import Record
from devmemkit.artifact.store import INDEX, TABLE, Store

FILE = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"

Entity = dict[str, Any]


def refer(*ids: str) -> list[Entity]:
    return [{"@id": one} for one in ids]


def _inputs(root: Path) -> list[Entity]:
    """What every job depends on: the data, one entity with many parts, code and packages."""
    data = data_files(root)
    files = [
        {"@id": f"#{quote(name)}", "@type": "CreativeWork", "name": name, "sha256": digest}
        for name, digest in data.items()
    ]
    whole = {
        "@id": "#data",
        "@type": "Collection",
        "name": "the data of the checkout",
        "license": {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
        "sha256": digest_of(data),
        "hasPart": refer(*(str(one["@id"]) for one in files)),
    }
    code = {
        "@id": "#devmemkit",
        "@type": "SoftwareApplication",
        "name": "devmemkit",
        "softwareVersion": devmemkit.__version__,
        "license": {"@id": "https://spdx.org/licenses/MIT"},
        "sha256": code_digest(),
    }
    packages = [
        {"@id": f"#version-{name}", "@type": "SoftwareApplication", "name": name, "version": value}
        for name, value in versions().items()
    ]
    return [code, whole, *files, *packages]


def _effective(record: Record, root: Path) -> dict[str, Any]:
    """The parameters of a run, including those left at their defaults (such as the seed)."""
    found: dict[str, Any] = {}
    if record.notebook:
        # a file that is not a notebook has failed; the crate still describes the other runs
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text = (root / "notebooks" / record.notebook).read_text("utf-8")
            found = dict(parameters.defaults(json.loads(text), record.notebook))
    return found | dict(record.parameters)


def _action(record: Record, root: Path) -> list[Entity]:
    name = quote(record.name)
    given = _effective(record, root)
    values = [
        {"@id": f"#{name}/{quote(key)}", "@type": "PropertyValue", "name": key, "value": value}
        for key, value in given.items()
    ]
    read = ["#data", *(str(one["@id"]) for one in values)]
    source: list[Entity] = []
    if record.notebook:
        path = f"notebooks/{record.notebook}"
        read.append(f"#{quote(path)}")
        source = [
            {"@id": read[-1], "@type": "CreativeWork", "name": path, "sha256": record.inputs[path]}
        ]
    ended = datetime.fromisoformat(record.began) + timedelta(seconds=record.seconds)
    status = "FailedActionStatus" if record.error else "CompletedActionStatus"
    action = {
        "@id": f"#run-{name}",
        "@type": "CreateAction",
        "name": record.name,
        "startTime": record.began,
        "endTime": ended.isoformat(timespec="seconds"),
        "actionStatus": {"@id": f"http://schema.org/{status}"},
        "instrument": {"@id": "#devmemkit"},
        "object": refer(*read),
        "result": refer(*map(quote, record.outputs)),
        **({"error": record.error} if record.error else {}),
    }
    return [action, *values, *source]


def write(store: Store, root: Path, done: Iterable[Record] = ()) -> None:
    """Write the metadata for the current content of the folder, replacing it at once.

    Of the jobs `done` in this run, it adds those that failed without leaving a record.
    """
    unkept = {one.name: one for one in done if not one.key}
    records = [*(one for one in store.records() if one.name not in unkept), *unkept.values()]
    inside = store.inside
    made = {name: inside.digest(name) for name in (INDEX, TABLE) if inside.kind(name) == "file"}
    for record in records:
        made |= record.outputs  # as the run left them, whatever they are now
    names = sorted(made)
    crate: list[Entity] = [
        {
            "@id": FILE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": VERSION},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "conformsTo": {"@id": PROFILE},
            "name": "devmemkit: results",
            "description": "Executed notebooks of devmemkit, their figures, values and findings.",
            "datePublished": datetime.now(UTC).date().isoformat(),
            "license": {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
            "hasPart": refer(*map(quote, names)),
            "mentions": refer(*(f"#run-{quote(one.name)}" for one in records)),
        },
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": PROFILE.rpartition("/")[2],
        },
        *(
            {"@id": f"https://spdx.org/licenses/{name}", "@type": "CreativeWork", "name": name}
            for name in ("MIT", "CC-BY-4.0")
        ),
        *_inputs(root),
        *(
            {"@id": quote(name), "@type": "File", "name": name, "sha256": made[name]}
            for name in names
        ),
        *(entity for record in records for entity in _action(record, root)),
    ]
    once = {entity["@id"]: entity for entity in crate}
    context = [f"{VERSION}/context", "https://w3id.org/ro/terms/workflow-run/context"]
    told = {"@context": context, "@graph": list(once.values())}
    inside.write(FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
