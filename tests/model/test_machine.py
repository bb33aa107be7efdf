"""A machine under another kernel is the same machine otherwise."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.explain import cases
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine

KERNEL = KernelProfile("6.12")
MACHINE = Machine(KERNEL, {"clock": 3}, high_memory=1 << 30, phys_bits=46, fine=True)


def parts(machine: Machine) -> tuple[object, ...]:
    return machine.components, machine.high_memory, machine.phys_bits, machine.fine


def test_all_but_the_kernel_stays() -> None:
    other = KernelProfile("7.3", cmdline="iomem=relaxed")
    changed = MACHINE.with_kernel(other)
    assert changed.kernel == other
    assert parts(changed) == parts(MACHINE)
    assert changed != MACHINE
    assert changed.with_kernel(KERNEL) == MACHINE
    assert MACHINE.kernel == KERNEL


def test_whoever_changes_the_kernel_changes_nothing_else() -> None:
    locked = replace(KERNEL, cmdline="lockdown=integrity")
    changed = cases.with_kernel(MACHINE, cmdline="lockdown=integrity")
    assert changed.kernel == locked
    assert parts(changed) == parts(MACHINE)
