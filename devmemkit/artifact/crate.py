"""Provenance of a results folder as an RO-Crate: ro-crate-metadata.json, which `verify` reads.

https://www.researchobject.org/ro-crate/1.1/ says what it means: each job is a CreateAction with
what it read (objects), what it made (results), when, and with which parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import devmemkit
from devmemkit.artifact import parameters
from devmemkit.artifact.provenance import code_digest, data_files, digest_of, made_on, sha256
from devmemkit.artifact.store import Record, Store, write_text

FILE = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"
TYPES = {
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
}

Entity = dict[str, Any]


def refer(*ids: str) -> list[Entity]:
    return [{"@id": one} for one in ids]


def _file(folder: Path, name: str) -> Entity:
    path = folder / name
    return {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        "sha256": sha256(path),
        "contentSize": str(path.stat().st_size),
        "encodingFormat": TYPES.get(path.suffix, "application/octet-stream"),
    }


def _inputs(root: Path) -> list[Entity]:
    """What every job may read: the data as one entity of many, and the package's code."""
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
    return [code, whole, *files]


def _versions() -> list[Entity]:
    facts = made_on()
    return [
        {"@id": f"#version-{name}", "@type": "SoftwareApplication", "name": name, "version": value}
        for name, value in facts.items()
        if name != "system"
    ]


def _effective(record: Record, root: Path) -> dict[str, Any]:
    """The parameters of a run, those left at their defaults (such as the seed) included."""
    found: dict[str, Any] = {}
    if record.notebook:
        with suppress(OSError, ValueError, KeyError):
            text = (root / "notebooks" / record.notebook).read_text("utf-8")
            found = dict(parameters.defaults(json.loads(text), record.notebook))
    return found | dict(record.parameters)


def _action(record: Record, root: Path) -> list[Entity]:
    name = quote(record.name)
    values = [
        {"@id": f"#{name}/{quote(key)}", "@type": "PropertyValue", "name": key, "value": value}
        for key, value in _effective(record, root).items()
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


def described(store: Store, root: Path) -> Mapping[str, Any]:
    """The crate's metadata for what is in the folder now."""
    records = store.records()
    made = {name for record in records for name in record.outputs}
    extra = {p.name for p in store.folder.iterdir() if p.is_file() and p.suffix in TYPES} - {FILE}
    names = sorted(name for name in made | extra if (store.folder / name).is_file())
    actions = [entity for record in records for entity in _action(record, root)]
    runs = [str(one["@id"]) for one in actions if one["@type"] == "CreateAction"]
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
            "name": "devmemkit: results",
            "description": "Executed notebooks of devmemkit, their figures, values and claims.",
            "datePublished": datetime.now(UTC).date().isoformat(),
            "license": {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
            "hasPart": refer(*map(quote, names)),
            "mentions": refer(*runs),
        },
        *(
            {"@id": f"https://spdx.org/licenses/{name}", "@type": "CreativeWork", "name": name}
            for name in ("MIT", "CC-BY-4.0")
        ),
        *_inputs(root),
        *_versions(),
        *(_file(store.folder, name) for name in names),
        *actions,
    ]
    once = {entity["@id"]: entity for entity in crate}
    context = [f"{VERSION}/context", {"sha256": "https://schema.org/sha256"}]
    return {"@context": context, "@graph": list(once.values())}


def write(store: Store, root: Path) -> None:
    """Write the metadata into the folder, replacing it at once."""
    text = json.dumps(described(store, root), indent=1, ensure_ascii=False)
    write_text(store.folder / FILE, text + "\n")
