"""Provenance of a results folder as a Process Run Crate: ro-crate-metadata.json for `verify`.

Each job is a CreateAction: what it read (objects), what it made (results), when, and with which
parameters. See https://w3id.org/ro/wfrun/process/0.5, a profile of https://w3id.org/ro/crate/1.1.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import devmemkit
from devmemkit.artifact.folder import Folder
from devmemkit.artifact.provenance import code_digest, data_files, digest_of, versions
from devmemkit.artifact.record import CRATE, INDEX, TABLE, Record

VERSION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"

Entity = dict[str, Any]


def refer(*ids: str) -> list[Entity]:
    return [{"@id": one} for one in ids]


def made_from(root: Path) -> list[Entity]:
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


def _action(record: Record) -> list[Entity]:
    name = quote(record.name)
    values = [
        {"@id": f"#{name}/{quote(key)}", "@type": "PropertyValue", "name": key, "value": value}
        for key, value in record.parameters.items()
    ]
    read = ["#data", *(str(one["@id"]) for one in values)]
    source: list[Entity] = []
    if record.notebook:
        path = f"notebooks/{record.notebook}"
        read.append(f"#{quote(path)}")
        source = [{"@id": read[-1], "@type": "CreativeWork", "name": path, "sha256": record.source}]
    ended = datetime.fromisoformat(record.began) + timedelta(seconds=record.seconds)
    status = "FailedActionStatus" if record.error else "CompletedActionStatus"
    action = {
        "@id": f"#run-{name}",
        "@type": "CreateAction",
        "name": record.name,
        "identifier": record.key,
        "startTime": record.began,
        "endTime": ended.isoformat(timespec="milliseconds"),
        "actionStatus": {"@id": f"http://schema.org/{status}"},
        "instrument": {"@id": "#devmemkit"},
        "object": refer(*read),
        "result": refer(*map(quote, record.outputs)),
        **({"error": record.error} if record.error else {}),
    }
    return [action, *values, *source]


def write(inside: Folder, records: Collection[Record], made_from: Iterable[Entity]) -> None:
    """Write the metadata of the folder's content, replacing it at once."""
    made = {name: inside.digest(name) for name in (INDEX, TABLE) if inside.kind(name) == "file"}
    for record in records:
        made |= record.outputs  # as the run left them, whatever they are now
    names = sorted(made)
    crate: list[Entity] = [
        {
            "@id": CRATE,
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
        *made_from,
        *(
            {"@id": quote(name), "@type": "File", "name": name, "sha256": made[name]}
            for name in names
        ),
        *(entity for record in records for entity in _action(record)),
    ]
    once = {entity["@id"]: entity for entity in crate}
    context = [f"{VERSION}/context", "https://w3id.org/ro/terms/workflow-run/context"]
    # a line for each entity: the whole is written after each job
    lines = ",\n".join(json.dumps(entity, ensure_ascii=False) for entity in once.values())
    inside.write({CRATE: f'{{"@context": {json.dumps(context)}, "@graph": [\n{lines}\n]}}\n'})
