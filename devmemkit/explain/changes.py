"""Changes of the machine that let an access succeed, the mildest first, each with its risk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from devmemkit.explain.calls import ACTOR
from devmemkit.explain.cases import with_kernel
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import Task

LEAVE_LOCKDOWN = "leave lockdown (Secure Boot off, no lockdown= on the command line)"


def _io_lax(machine: Machine) -> Machine:
    return with_kernel(machine, config=replace(machine.kernel.config, io_strict_devmem=False))


def _as_root(machine: Machine) -> Machine:
    """The process as root outside of the container, where /dev has the nodes of the kernel."""
    nodes = {"dev_mem": machine.kernel.config.devmem, "dev_port": True}
    missing = (name for name, has in nodes.items() if has and machine.get(name) is False)
    return machine.with_({("task", ACTOR): Task(), **dict.fromkeys(missing, True)})


def _lax(machine: Machine) -> Machine:
    if machine.kernel.config.devmem and not machine.kernel.config.strict_devmem:
        return machine
    config = machine.kernel.config
    config = replace(config, devmem=True, strict_devmem=False, io_strict_devmem=False)
    return with_kernel(machine, config=config).with_({"dev_mem": True})


REGISTERS = (
    "every driver's registers and memory become writable to root's programs: a stray store can "
    "hang the machine or destroy data"
)

CHANGES: tuple[tuple[str, str, Callable[[Machine], Machine]], ...] = (
    (
        "run it as root with CAP_SYS_RAWIO: docker run --cap-add SYS_RAWIO --device /dev/mem, or "
        "outside of the container",
        "",
        _as_root,
    ),
    (
        "boot with iomem=relaxed",
        REGISTERS,
        lambda machine: with_kernel(
            machine, cmdline=f"{machine.kernel.cmdline} iomem=relaxed".strip()
        ),
    ),
    (
        LEAVE_LOCKDOWN,
        "lockdown protects the kernel from root: without it a stolen root account owns the kernel",
        lambda machine: with_kernel(
            machine,
            cmdline=" ".join(
                word for word in machine.kernel.cmdline.split() if word[:9] != "lockdown="
            ),
        ),
    ),
    ("build a kernel with IO_STRICT_DEVMEM=n", REGISTERS, _io_lax),
    (
        "build a kernel with DEVMEM=y and STRICT_DEVMEM=n",
        "all of memory becomes reachable, the kernel's own too",
        _lax,
    ),
)
"""Changes of the machine, each with its risk."""


def mildest(
    machine: Machine, works: Callable[[Machine], bool]
) -> Iterator[tuple[str, str, Machine]]:
    """The changes of CHANGES after which it works; of kernels to build the first."""
    built = False
    for do, risk, change in CHANGES:
        builds = do.startswith("build ")
        if not (builds and built) and works(changed := change(machine)):
            built |= builds
            yield do, risk, changed
