"""What CPUs and buses do, by the rules that a machine follows; the model ends where they begin."""

from __future__ import annotations

from typing import NamedTuple


class Hardware(NamedTuple):
    """The usual widths of a physical address, and what a load or store of a device may end with.

    `aborts` says whether the bus can answer with an error, which the process gets as SIGBUS (x86
    gives ones), `aligned` whether device memory takes aligned accesses alone, else SIGBUS.
    """

    bits: tuple[int, int]
    aborts: bool
    aligned: bool


HARDWARE = {
    "x86_64": Hardware((52, 36), aborts=False, aligned=False),
    "arm64": Hardware((48, 52), aborts=True, aligned=True),
    "other": Hardware((52, 36), aborts=True, aligned=True),
}
"""By rules (Description.rules); the widths are those of x86-64's CPUs, and arm64's PA_BITS.

arm64: the Arm ARM, on external aborts and on alignment of Device memory; do_sea, do_alignment_fault
(arch/arm64/mm/fault.c).
"""
