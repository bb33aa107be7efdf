"""Reading a crate that anyone may have written: each field is checked before it is used."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from urllib.parse import quote, unquote

from devmemkit.artifact.crate import PROFILE, Entity
from devmemkit.artifact.folder import Folder, parts
from devmemkit.artifact.parameters import Value
from devmemkit.artifact.record import CRATE, INDEX, TABLE, Record, UsageError, makes

LARGEST = 32 << 20  # bytes of the metadata; enough for ten thousand runs
COMPLETED = "http://schema.org/CompletedActionStatus"

DIGEST = "[0-9a-f]{64}"


@dataclass(frozen=True)
class Crate:
    """What `verify` needs of a crate, all of it well-formed.

    `files` has the SHA-256 of each file by its name, `state` the digest of what the runs were made
    from, by its name, `versions` those of packages, `code` the digest of devmemkit itself. A crate
    of devmemkit 0.1 declares no `profile`.
    """

    files: Mapping[str, str]
    records: tuple[Record, ...]
    state: Mapping[str, str]
    versions: Mapping[str, str]
    code: str
    profile: bool = True


def read(folder: Folder) -> Crate:
    """The crate of a finished run; UsageError with the place of a malformed value."""
    try:
        told = json.loads(folder.read(CRATE, LARGEST))["@graph"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise UsageError(
            f"{folder.path}: expected a finished run with {CRATE}, got: {why}"
        ) from None
    try:
        return _crate(_by_id(told))
    except UsageError as error:
        raise UsageError(f"{folder.path / CRATE}: {error}") from None


def earlier(folder: Folder) -> dict[str, Record]:
    """The runs of a folder by name; none if its crate is not one."""
    try:
        return {one.name: one for one in read(folder).records}
    except UsageError:
        return {}


def _expected(what: str, got: object, where: str) -> NoReturn:
    raise UsageError(f"expected {what}, got {reprlib.repr(got)} at {where}")


def _by_id(graph: object) -> dict[str, Entity]:
    if not isinstance(graph, list):
        _expected("a list", graph, "@graph")
    found: dict[str, Entity] = {}
    for number, entity in enumerate(graph):
        where = f"@graph[{number}]"
        if not isinstance(entity, dict):
            _expected("an entity", entity, where)
        _text(entity, "@type", where)
        if (id := _text(entity, "@id", where)) in found:
            _expected("each @id once", id, where)
        found[id] = entity
    return found


def _text(entity: Entity, key: str, where: str, form: str = "(?s:.+)") -> str:
    value = entity.get(key)
    if not isinstance(value, str) or not re.fullmatch(form, value):
        _expected("SHA-256 digits" if form == DIGEST else "a text", value, f"{where}.{key}")
    return value


def _digest(found: Mapping[str, Entity], id: str) -> str:
    return _text(found.get(id, {}), "sha256", id, DIGEST)


def _ids(entity: Entity, key: str, where: str) -> list[str]:
    """The ids in a list of references."""
    value = entity.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        _expected("a list of references", value, f"{where}.{key}")
    return [_text(one, "@id", f"{where}.{key}") for one in value]


def name_of(id: str) -> str:
    """The name of the file that an id stands for; each file has exactly one id."""
    with suppress(OSError, UnicodeEncodeError):
        name = unquote(id)
        parts(name)
        if quote(name) == id:
            return name
    return _expected("the name of a file inside the folder", id, "@id")


def _crate(found: dict[str, Entity]) -> Crate:
    root = found.get("./", {})
    files = {name_of(id): _digest(found, id) for id in _ids(root, "hasPart", "./")}
    state = {
        unquote(id[1:]): _digest(found, id)
        for id, one in found.items()
        if one["@type"] == "CreativeWork" and "sha256" in one
    }
    records = tuple(_record(id, found, files, state) for id in _ids(root, "mentions", "./"))
    made = {name for one in records for name in one.outputs}
    if other := sorted((made ^ files.keys()) - {INDEX, TABLE}):
        _expected("the same files in ./ as in the results of runs", other[0], "@graph")
    versions = {
        id.removeprefix("#version-"): _text(one, "version", id)
        for id, one in found.items()
        if id.startswith("#version-")
    }
    profile = root.get("conformsTo") == {"@id": PROFILE}
    return Crate(files, records, state, versions, _digest(found, "#devmemkit"), profile)


def _record(
    id: str, found: Mapping[str, Entity], files: Mapping[str, str], state: Mapping[str, str]
) -> Record:
    entity = found.get(id, {})
    name = _text(entity, "name", id)
    quoted = quote(name, errors="replace")
    if id != f"#run-{quoted}" or "/" in name:
        _expected(f"the id of the run {name}", id, id)
    error = _text(entity, "error", id) if "error" in entity else ""
    status = entity.get("actionStatus")
    if status != {"@id": COMPLETED}:
        error = error or f"its status, {reprlib.repr(status)}"
    outputs = {name_of(one): files.get(name_of(one), "") for one in _ids(entity, "result", id)}
    for one in outputs:
        if not makes(name, one):
            _expected(f"files of {name} as its results", one, id)
    if not outputs and not error:
        error = "its results, of which there are none"
    objects = _ids(entity, "object", id)
    read = (unquote(one[1:]) for one in objects if one.startswith("#notebooks/"))
    notebook = next((one for one in read if one in state), "")
    values = [found[one] for one in objects if one.startswith(f"#{quoted}/") and one in found]
    began = _text(entity, "startTime", id)
    try:
        took = datetime.fromisoformat(_text(entity, "endTime", id)) - datetime.fromisoformat(began)
    except (ValueError, TypeError):
        _expected("times with their zones", began, f"{id}.startTime")
    return Record(
        name,
        str(entity.get("identifier", "")),
        notebook.removeprefix("notebooks/"),
        state.get(notebook, ""),
        {_text(one, "name", id): _plain(one.get("value"), id) for one in values},
        began,
        max(took.total_seconds(), 0),
        error,
        outputs,
    )


def _plain(value: object, id: str) -> Value:
    if not isinstance(value, Value) or value in (math.inf, -math.inf) or value != value:
        _expected("a text, a number, true, false or null", value, id)
    return value
