"""Reading a crate that anyone may have written: each field is checked before it is used."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from devmemkit.artifact.crate import FILE, PROFILE
from devmemkit.artifact.folder import Folder, parts
from devmemkit.artifact.record import DIGEST, makes
from devmemkit.artifact.store import INDEX, TABLE, UsageError

LARGEST = 32 << 20  # bytes of the metadata; enough for ten thousand runs
COMPLETED = "http://schema.org/CompletedActionStatus"

Entity = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """One run of the crate: the names of its files, and how it failed ("" when it did not)."""

    name: str
    error: str
    results: tuple[str, ...]
    reads: frozenset[str]


@dataclass(frozen=True)
class Crate:
    """What `verify` needs of a crate, all of it well-formed.

    `files` has the SHA-256 of each file by its name, `state` the digest of what the runs were made
    from, by its name, `versions` those of packages, `code` the digest of devmemkit itself. A crate
    of devmemkit 0.1 declares no `profile`.
    """

    files: Mapping[str, str]
    actions: tuple[Action, ...]
    state: Mapping[str, str]
    versions: Mapping[str, str]
    code: str
    profile: bool = True


@contextmanager
def opened(path: Path) -> Iterator[tuple[Folder, Crate]]:
    """The folder of a finished run, and its crate; UsageError with the place of a malformed value.

    The folder can be used inside the block.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(Folder(path))
            graph = json.loads(folder.read(FILE, LARGEST))["@graph"]
            crate = _crate(_by_id(graph))
        except _Malformed as error:
            raise UsageError(f"{path / FILE}: {error}") from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            raise UsageError(f"{path}: expected a finished run with {FILE}, got: {why}") from None
        yield folder, crate


class _Malformed(ValueError):
    """A malformed value: expected, got, and where."""


def _expected(what: str, got: object, where: str) -> NoReturn:
    raise _Malformed(f"expected {what}, got {reprlib.repr(got)} at {where}")


def _by_id(graph: object) -> dict[str, Entity]:
    if not isinstance(graph, list):
        _expected("a list", graph, "@graph")
    found: dict[str, Entity] = {}
    for number, entity in enumerate(graph):
        where = f"@graph[{number}]"
        if not isinstance(entity, dict):
            _expected("an entity", entity, where)
        _text(entity, "@type", where)
        id = _text(entity, "@id", where)
        if id in found:
            _expected("each @id once", id, where)
        found[id] = entity
    return found


def _text(entity: Entity, key: str, where: str, form: str = "(?s:.+)") -> str:
    value = entity.get(key)
    if not isinstance(value, str) or not re.fullmatch(form, value):
        _expected("SHA-256 digits" if form == DIGEST.pattern else "a text", value, f"{where}.{key}")
    return value


def _ids(entity: Entity, key: str, where: str) -> list[str]:
    """The ids in a list of references."""
    value = entity.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        _expected("a list of references", value, f"{where}.{key}")
    return [_text(one, "@id", f"{where}.{key}") for one in value]


def name_of(id: str) -> str:
    """The name of the file that an id stands for; each file has exactly one id."""
    try:
        name = unquote(id)
        parts(name)
        if quote(name) == id:
            return name
    except (OSError, UnicodeEncodeError):
        pass
    return _expected("the name of a file inside the folder", id, "@id")


def _crate(found: dict[str, Entity]) -> Crate:
    kinds: dict[str, dict[str, Entity]] = {}
    for id, entity in found.items():
        kinds.setdefault(entity["@type"], {})[id] = entity
    files = {
        name_of(id): _text(one, "sha256", id, DIGEST.pattern)
        for id, one in kinds.get("File", {}).items()
    }
    actions = tuple(_action(id, one) for id, one in kinds.get("CreateAction", {}).items())
    if not actions or not files:
        _expected("at least a run (CreateAction) and a File", None, "@graph")
    if "./" not in found or "#devmemkit" not in found:
        _expected("the entities ./ and #devmemkit", None, "@graph")
    listed = {*_ids(found["./"], "mentions", "./"), *_ids(found["./"], "hasPart", "./")}
    described = {*kinds.get("File", {}), *kinds["CreateAction"]}
    if other := sorted(listed ^ described):
        _expected("the same runs and files in ./ as in @graph", other[0], "./")
    made = {name for one in actions for name in one.results}
    if other := sorted((made ^ files.keys()) - {INDEX, TABLE}):
        _expected("the same files as results of runs and as Files", other[0], "@graph")
    state = {
        unquote(id[1:]): _text(one, "sha256", id, DIGEST.pattern)
        for id, one in kinds.get("CreativeWork", {}).items()
        if "sha256" in one
    }
    versions = {
        id.removeprefix("#version-"): _text(one, "version", id)
        for id, one in kinds.get("SoftwareApplication", {}).items()
        if id.startswith("#version-")
    }
    code = _text(found["#devmemkit"], "sha256", "#devmemkit", DIGEST.pattern)
    profile = found["./"].get("conformsTo") == {"@id": PROFILE}
    return Crate(files, actions, state, versions, code, profile)


def _action(id: str, entity: Entity) -> Action:
    name = _text(entity, "name", id)
    if id != f"#run-{quote(name, errors='replace')}":
        _expected(f"the id of the run {name}", id, id)
    error = _text(entity, "error", id) if "error" in entity else ""
    status = entity.get("actionStatus")
    if status != {"@id": COMPLETED}:
        error = error or f"its status, {reprlib.repr(status)}"
    results = tuple(name_of(one) for one in _ids(entity, "result", id))
    for one in results:
        if not makes(name, one):
            _expected(f"files of {name} as its results", one, id)
    if not results and not error:
        error = "its results, of which there are none"
    reads = frozenset(unquote(one) for one in _ids(entity, "object", id))
    return Action(name, error, results, reads)
