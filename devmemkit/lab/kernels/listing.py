"""`devmemkit lab list`: the kernels that are cached, can be had, or are recorded."""

from __future__ import annotations

from collections.abc import Collection

from devmemkit.lab.kernels.cache import cached, home
from devmemkit.lab.kernels.catalogue import Progress, by_number, images, is_whole, listed
from devmemkit.model.features import VERSIONS, evidence_of
from devmemkit.text.columns import columns

HEAD = ("cached", "can be had", "recorded", "the model's rules")


def list_kernels(
    recorded: Collection[str] = (),
    *,
    refresh: bool = False,
    progress: Progress = print,
    flavour: str = "x86_64",
) -> str:
    """A table of a flavour's kernels: those that the model knows, a suite has, or are cached.

    `recorded` are the versions in data/. What can be had is as of the last time the package lists
    were read; `refresh` reads them now, and raises KernelError when that fails.
    """
    offered: dict[str, str] = {}
    for suite, packages in listed(
        home(flavour) / "apt", progress, refresh=refresh, flavour=flavour
    ):
        whole = {v: one for v, one in images(packages).items() if is_whole(one, packages)}
        for version, image in whole.items():
            offered.setdefault(version, f"{suite.name} {image.version}")
    kept = {path.parent.name for path in home(flavour).glob("[0-9]*.[0-9]*/kernel.json")}
    rows = [(f"{flavour} kernel", *HEAD)]
    for version in sorted(VERSIONS.keys() | offered.keys() | kept | set(recorded), key=by_number):
        kernel = cached(version, flavour)
        here = kernel.release if kernel else "-"
        had = offered.get(version, "no" if offered else "?")
        known = evidence_of(version, flavour.partition("-")[0]) if version in VERSIONS else "none"
        rows.append((version, here, had, "yes" if version in recorded else "-", known))
    table = columns(rows)
    if not offered:
        table += "\n?: no package lists yet; they are read when a kernel is first fetched"
    return table
