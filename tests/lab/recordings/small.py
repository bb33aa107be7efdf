"""A small random run: three sequences, as a right kernel would have played them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from devmemkit.lab.fuzz.generate import LIFE, PROCESSES, sequence
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.recording import Recording
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.play import play

SEED = 1
PLACE = {"architecture": "x86-64", "machine": "pc-2g"}
MADE = [replace(sequence(SEED, at), index=index) for index, at in enumerate((0, 1, LIFE - 1))]
OPERATIONS = runs.pack_operations(MADE, SEED)


@cache
def performed(version: str) -> tuple[Performed, ...]:
    """What a kernel does that is as the model says."""
    machine = before(PROCESSES, KernelProfile(version))
    return tuple(Performed(play(machine, made.acts).outcomes, {}, {}) for made in MADE)


PERFORMED = performed("6.12")


def ends(version: str = "6.12") -> list[list[dict[str, Any]]]:
    """How each act ended, as it is kept, to be changed."""
    pairs = zip(MADE, performed(version), strict=True)
    return [runs.encode_ends(made.acts, done) for made, done in pairs]


def small(
    data: bytes = OPERATIONS,
    *,
    version: str = "6.12",
    kept: list[list[dict[str, Any]]] | None = None,
) -> Recording:
    """A recording of these operations, or of others; `kept` are their ends where they differ."""
    kept = ends(version) if kept is None else kept
    played = sum("outcome" in end for one in kept for end in one)
    operations = runs.digest(data)
    summary = {"kernel": version, "ops": played, "sequences": len(kept)}
    run = {**summary, **runs.pack_ends(version, "2g", operations, kept)}
    about = {**PLACE, "kernel": {"version": version}}
    return Recording("conform", about, {"conform": run}, {"operations.xz": data})
