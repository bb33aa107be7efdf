"""`devmemkit lab list`: the kernels that are cached, can be had, or are recorded."""

from __future__ import annotations

from collections.abc import Collection

from devmemkit.lab.kernels.cache import available
from devmemkit.lab.kernels.catalogue import Progress, by_number
from devmemkit.model.kernel import VERSIONS
from devmemkit.text.columns import columns

HEAD = ("kernel", "cached", "can be had", "recorded", "the model's rules")


def list_kernels(
    recorded: Collection[str] = (), *, refresh: bool = False, progress: Progress = print
) -> str:
    """A table of all kernels that the model knows, a suite has, or the cache holds.

    `recorded` are the versions in data/. What can be had is as of the last time the package lists
    were read; `refresh` reads them now, and raises KernelError when that fails.
    """
    offers = {offer.version: offer for offer in available(refresh=refresh, progress=progress)}
    listed = any(offer.suite for offer in offers.values())
    rows = [HEAD]
    for version in sorted(VERSIONS.keys() | offers.keys() | set(recorded), key=by_number):
        offer = offers.get(version)
        had = "no" if listed else "?"
        if offer and offer.suite and offer.package:
            had = f"{offer.suite} {offer.package.version}"
        here = offer.cached.release if offer and offer.cached else "-"
        known = VERSIONS.get(version, "none")
        rows.append((version, here, had, "yes" if version in recorded else "-", known))
    table = columns(rows)
    if not listed:
        table += "\n?: no package lists yet; they are read when a kernel is first fetched"
    return table
