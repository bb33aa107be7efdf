"""Locks, subsystems and initcalls that a claim uses in each kernel (data/claim-path.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from devmemkit.model.features import is_between
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import data_dir

FIRST = "5.8"
"""The first release that revokes."""


class Edge(NamedTuple):
    """A lock, subsystem or initcall of the claim path; `models` are the components for it."""

    caller: str
    symbol: str
    kind: str
    file: str
    models: tuple[str, ...]


@cache
def _read() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((data_dir() / "claim-path.toml").read_text())


def edges(kernel: KernelProfile) -> list[Edge]:
    """The edges of a kernel's claim path, with those of steps that no kernel has but its policy.

    A kernel older than 5.8 under a policy that revokes has the edges of 5.8. FileNotFoundError
    outside a checkout.
    """
    version = FIRST if kernel.revokes and is_between(kernel.version, "", FIRST) else kernel.version
    found = [
        Edge(one["caller"], one["symbol"], one["kind"], one["file"], tuple(one["models"]))
        for one in _read()["edge"]
        if is_between(version, one["since"], one["until"]) and (kernel.revokes or not one["since"])
    ]  # fmt: skip
    return found + [
        Edge(kernel.policy.name, one["symbol"], "proposal", "", tuple(one["models"]))
        for one in _read()["proposal"]
        if one["step"] in kernel.policy.after_insert
    ]


def reached(kernel: KernelProfile, touched: Iterable[str]) -> list[str]:
    """The symbols of the edges for the kinds of components that a claim touched.

    ValueError for a kind without an edge in this kernel, which would be an error of the model.
    """
    known = edges(kernel)
    wanted = set(touched)
    unknown = wanted - {kind for edge in known for kind in edge.models}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"claim-path.toml: expected an edge of {kernel} for {names}; got none")
    return [edge.symbol for edge in known if wanted & set(edge.models)]
