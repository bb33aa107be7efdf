"""Recordings of real kernels: files that name their origin and detect a changed byte.

A recording is a JSON object whose last line is the SHA-256 digest of every byte before that line.
data/recordings/schema.json defines its fields; data/recordings/README.md explains them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from devmemkit.lab import race
from devmemkit.lab.recordings import manifest
from devmemkit.lab.recordings.complete import complete
from devmemkit.lab.recordings.machine import ARCHITECTURES, MACHINES, lab_named, largest_bar
from devmemkit.lab.recordings.manifest import RecordingError as RecordingError
from devmemkit.lab.recordings.packed import PACKED, with_rows, with_text
from devmemkit.scenarios.catalogue import on_model
from devmemkit.scenarios.machines import LABS, data_dir, label
from devmemkit.scenarios.play import Played
from devmemkit.scenarios.stories.script import Story

WIDTH = 300
ABOUT = ("architecture", "machine", "kernel", "qemu", "cmdline", "initramfs", "taken")
MARK = '\n "sha256": "'


@dataclass(frozen=True)
class Recording:
    """What one kernel did in one scenario: `about` names its origin, `content` the outcomes.

    `beside` are the files that it rests on, by name, where they are written with it.
    """

    scenario: str
    about: dict[str, Any]
    content: dict[str, Any]
    beside: Mapping[str, bytes] = field(default_factory=dict, compare=False)

    @property
    def version(self) -> str:
        """The kernel's version as the model names it."""
        return str(self.about["kernel"]["version"])

    @property
    def lab(self) -> str:
        """The lab's machine, a name of LABS."""
        return lab_named(self.about["machine"])

    @property
    def label(self) -> str:
        """The kernel, and the machine where it is not the first: the stem of the file's name."""
        return label(self.version, self.lab)

    def on_model(self, story: Story) -> Played:
        """A story, played on the model of the recorded kernel and machine."""
        repair = race.model_repair(self.content.get("repaired", {}))
        return on_model(story, self.version, self.lab, repair)

    def text(self) -> str:
        """The file's text: one line for each part that fits, and the digest last."""
        whole = {"scenario": self.scenario, **self.about, **with_text(self.content)}
        body = _laid_out(whole, 0)[: -len("\n}")] + ","
        return f'{body}{MARK}{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'

    def write(self, path: Path) -> tuple[Path, ...]:
        """Write the recording to `path` and its `beside` files next to it, each atomically.

        Returns the paths; RecordingError when it would not be readable.
        """
        text = self.text().encode()
        in_place(parse(text, f"{path.parent.name}/{path.name}"), path)
        path.parent.mkdir(parents=True, exist_ok=True)
        files = {**self.beside, path.name: text}  # the recording last: it rests on the others
        for name, data in files.items():
            manifest.put(path.with_name(name), data)
        return tuple(path.with_name(name) for name in files)


def folder() -> Path:
    """Where recordings are: data/recordings of the checkout."""
    return data_dir() / "recordings"


def path_of(scenario: str, version: str, lab: str = "2g") -> Path:
    return folder() / scenario / f"{label(version, lab)}.json"


def recordings(scenario: str = "*", version: str = "*", *, lab: str = "2g") -> list[Recording]:
    """All recordings, or those of a scenario or a kernel: by scenario, oldest kernel first.

    `lab` is a name of LABS, "*" for all machines. RecordingError names a missing, altered or
    swapped one.
    """
    manifest.check()  # machines and programs as well, which the model uses
    return [
        load(one, kernel, name)
        for one in sorted(manifest.NAMES)
        for name in LABS
        for kernel in manifest.kernels_of(one, name)
        if scenario in ("*", one) and version in ("*", kernel) and lab in ("*", name)
    ]


def load(scenario: str, version: str, lab: str = "2g") -> Recording:
    """A listed recording; RecordingError when it is missing, altered, swapped or incomplete."""
    path = path_of(scenario, version, lab)
    manifest.expect(path)
    found = in_place(read(path), path)
    complete(found.scenario, found.about, found.content)
    return found


def in_place(recording: Recording, path: Path) -> Recording:
    """The recording; RecordingError if its file is in the place of another."""
    scenario, (version, _, name) = path.parent.name, path.stem.partition("-")
    lab = name or "2g"
    machine = MACHINES.get((lab, largest_bar(scenario)), "")
    architecture = ARCHITECTURES[LABS[lab].arch] if lab in LABS else ""
    wanted = (scenario, version, architecture, machine)
    about = recording.about
    found = (recording.scenario, recording.version, about["architecture"], about["machine"])
    if found != wanted:
        raise RecordingError(
            f"{path.parent.name}/{path.name}: expected {_place(wanted)}, got {_place(found)}"
        )
    return recording


def _place(parts: tuple[str, ...]) -> str:
    return "{} on Linux {}, {}, machine {}".format(*parts)


def read(path: Path) -> Recording:
    """The recording in a file; RecordingError as in parse(), or when it cannot be read."""
    where = f"{path.parent.name}/{path.name}"
    try:
        return parse(path.read_bytes(), where)
    except OSError as error:
        raise RecordingError(f"{where}: expected a recording, got: {error.strerror}") from None


_valid: set[str] = set()
"""Digests of texts that the schema allows: asking it again takes most of a second reading."""


def parse(text: bytes, where: str) -> Recording:
    """A recording, checked: digest first, then the schema; RecordingError says what is wrong."""
    body, mark, end = text.rpartition(MARK.encode())
    if not mark:
        raise RecordingError(f"{where}: expected its digest in the last line, found none")
    found = hashlib.sha256(body).hexdigest()
    if end != f'{found}"\n}}\n'.encode():
        raise RecordingError(
            f"{where}: expected the bytes that were recorded, got others (SHA-256 {found[:12]}...)"
        )
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise RecordingError(f"{where}: expected JSON, got: {error}") from None
    if found not in _valid:
        _fits(whole, where)
    whole = with_rows(whole, where)
    for part, name in PACKED if found not in _valid else ():
        if name in whole.get(part, ()):
            _fits(whole[part][name], f"{where}: {name}", name)
    _valid.add(found)
    del whole["sha256"]
    about = {key: whole.pop(key) for key in ABOUT}
    return Recording(whole.pop("scenario"), about, whole)


def _fits(value: Any, where: str, part: str = "") -> None:
    """RecordingError unless the value is as the schema says."""
    try:
        import fastjsonschema  # the lab's only need beyond the standard library
    except ImportError:
        raise RecordingError("fastjsonschema: not found; install devmemkit[lab]") from None
    try:
        validator(part)(value)
    except fastjsonschema.JsonSchemaValueException as wrong:
        at = "/".join(wrong.path[1:]) or "its top"
        rule = wrong.message.removeprefix(f"{wrong.name} ")[:100]
        got = f"{str(wrong.value)[:60]!r}"
        raise RecordingError(
            f"{where}: expected what the schema says at {at} ({rule}), got {got}"
        ) from None


def validator(part: str = "") -> Callable[[Any], Any]:
    """A function that raises a ValueError where its argument breaks the schema, or a part of it."""
    return _compiled((folder() / "schema.json").read_text(), part)


@cache
def _compiled(text: str, part: str) -> Callable[[Any], Any]:
    import fastjsonschema

    schema = json.loads(text)
    if part:
        schema = {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return compiled


def _laid_out(value: Any, depth: int) -> str:
    """JSON with each part on one line if it fits."""
    flat = json.dumps(value, ensure_ascii=False)
    if (len(flat) + depth <= WIDTH and depth) or not isinstance(value, dict | list) or not value:
        return flat
    indent = " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(k)}: {_laid_out(v, depth + 1)}" for k, v in value.items()]
    else:
        parts = [_laid_out(v, depth + 1) for v in value]
    ends = "{}" if isinstance(value, dict) else "[]"
    return f"{ends[0]}\n{indent}" + f",\n{indent}".join(parts) + f"\n{' ' * depth}{ends[1]}"
