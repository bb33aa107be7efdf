"""Descriptions for the tests: the lab's machine as recorded, with nothing left open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devmemkit.explain import snapshot
from devmemkit.explain.access import Access, access_of
from devmemkit.explain.answer import Answer
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.explanation import explain
from devmemkit.model.machine import Machine
from devmemkit.scenarios.machines import data_dir

CONFIG = {"CONFIG_DEVMEM": "y", "CONFIG_STRICT_DEVMEM": "y", "CONFIG_IO_STRICT_DEVMEM": "y"}
E1000 = "0000:00:03.0"
E1000_BAR = 0xFEBC_0000
IVSHMEM = "0000:00:05.0"
IVSHMEM_BAR = 0xF800_0000
IDENTICAL = {"release": "6.12.0-amd64", "arch": "x86_64", "cmdline": "quiet", "lockdown": "none"}


def known(state: str = "bound", **changes: Any) -> Description:
    """The recorded machine, `state` "idle" or "bound", and what is changed of it."""
    read = snapshot.read(data_dir() / "machines" / "qemu-6.12" / state)
    read = replace(read, **IDENTICAL, config={**CONFIG, "CONFIG_X86_PAT": "y"}, phys_bits=40)
    return replace(read, **changes)


def ask(described: Description, **asked: Any) -> tuple[Machines, Access]:
    """The machines and the access."""
    access = access_of(described, **asked)
    return Machines(described, access), access


def answer(described: Description, **asked: Any) -> Answer:
    """The answer for an access."""
    return explain(*ask(described, **asked))


def likeliest(described: Description, access: Access | None = None) -> Machine:
    """The machine that fits a description best."""
    machines = Machines(described, access)
    return machines.machine(next(machines.cases())[1])
