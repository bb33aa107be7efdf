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
MIT, CC_BY = "https://spdx.org/licenses/MIT", "https://spdx.org/licenses/CC-BY-4.0"

Entity = dict[str, Any]


def _entity(id: str, kind: str, name: str, **more: Any) -> Entity:
    return {"@id": id, "@type": kind, "name": name, **more}


def _refer(ids: Iterable[str]) -> list[Entity]:
    return [{"@id": one} for one in ids]


def made_from(root: Path) -> list[Entity]:
    """What every job depends on: the data, one entity with many parts, code and packages."""
    data = data_files(root)
    ids = {name: f"#{quote(name)}" for name in data}
    whole = {"license": {"@id": CC_BY}, "sha256": digest_of(data), "hasPart": _refer(ids.values())}
    code = {"softwareVersion": devmemkit.__version__, "sha256": code_digest()}
    return [
        _entity("#devmemkit", "SoftwareApplication", "devmemkit", license={"@id": MIT}, **code),
        _entity("#data", "Collection", "the data of the checkout", **whole),
        *(_entity(ids[name], "CreativeWork", name, sha256=data[name]) for name in data),
        *(
            _entity(f"#version-{name}", "SoftwareApplication", name, version=value)
            for name, value in versions().items()
        ),
    ]


def _action(record: Record) -> list[Entity]:
    name = quote(record.name)
    read = [
        _entity(f"#{name}/{quote(key)}", "PropertyValue", key, value=value)
        for key, value in record.parameters.items()
    ]
    if record.notebook:
        path = f"notebooks/{record.notebook}"
        read.append(_entity(f"#{quote(path)}", "CreativeWork", path, sha256=record.source))
    ended = datetime.fromisoformat(record.began) + timedelta(seconds=record.seconds)
    status = "FailedActionStatus" if record.error else "CompletedActionStatus"
    action = {
        "identifier": record.key,
        "startTime": record.began,
        "endTime": ended.isoformat(timespec="milliseconds"),
        "actionStatus": {"@id": f"http://schema.org/{status}"},
        "instrument": {"@id": "#devmemkit"},
        "object": _refer(("#data", *(str(one["@id"]) for one in read))),
        "result": _refer(map(quote, record.outputs)),
        **({"error": record.error} if record.error else {}),
    }
    return [_entity(f"#run-{name}", "CreateAction", record.name, **action), *read]


def write(inside: Folder, records: Collection[Record], made_from: Iterable[Entity]) -> None:
    """Write the metadata of the folder's content, replacing it at once."""
    made = {name: inside.digest(name) for name in (INDEX, TABLE) if inside.kind(name) == "file"}
    for record in records:
        made |= record.outputs  # as the run left them, whatever they are now
    names = sorted(made)
    root = {
        "conformsTo": {"@id": PROFILE},
        "description": "Executed notebooks of devmemkit, their figures, values and findings.",
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": {"@id": CC_BY},
        "hasPart": _refer(map(quote, names)),
        "mentions": _refer(f"#run-{quote(one.name)}" for one in records),
    }
    of_crate = {"about": {"@id": "./"}, "conformsTo": {"@id": VERSION}}
    crate = [
        {"@id": CRATE, "@type": "CreativeWork", **of_crate},
        _entity("./", "Dataset", "devmemkit: results", **root),
        _entity(PROFILE, "CreativeWork", "Process Run Crate", version=PROFILE.rpartition("/")[2]),
        *(_entity(one, "CreativeWork", one.rpartition("/")[2]) for one in (MIT, CC_BY)),
        *made_from,
        *(_entity(quote(name), "File", name, sha256=made[name]) for name in names),
        *(entity for record in records for entity in _action(record)),
    ]
    once = {entity["@id"]: entity for entity in crate}
    context = [f"{VERSION}/context", "https://w3id.org/ro/terms/workflow-run/context"]
    # a line for each entity: the whole is written after each job
    lines = ",\n".join(json.dumps(entity, ensure_ascii=False) for entity in once.values())
    inside.write({CRATE: f'{{"@context": {json.dumps(context)}, "@graph": [\n{lines}\n]}}\n'})
