"""The explorers that the page offers, with what each opens with: their notebooks' parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devmemkit.scenarios.stories.parameters import AS_RELEASED


class Offer(NamedTuple):
    """An explorer: its notebook, the question that it answers, the arguments that it opens with.

    `walks` are labels of controls: the states for all combinations of a walk's values, the others
    as they open, are computed beforehand.
    """

    notebook: str
    asks: str
    given: Mapping[str, Any]
    walks: tuple[tuple[str, ...], ...]


MACHINE = "qemu-6.12"
EXPLORERS = {
    "overview": Offer(
        "00-overview.ipynb",
        "What connects a driver's claim with a process's mapping, in each kernel?",
        {"kernel": "6.12", "policy": AS_RELEASED},
        (("kernel", "policy"),),
    ),
    "takeover": Offer(
        "01-driver-takeover.ipynb",
        "What happens to a mapping of /dev/mem, step by step, when a driver claims the region?",
        {
            "kernel": "6.12", "policy": AS_RELEASED, "machine": MACHINE,
            "region": "Persistent Memory (legacy)", "pages": 16,
            "claim_offset": 0x4000, "claim_size": 0x4000,
        },
        (("step",), ("kernel",), ("policy",)),
    ),
    "bars": Offer(
        "02-pci-bars.ipynb",
        "What happens to mappings of a PCI device's BAR, through /dev/mem and resourceN?",
        {
            "kernel": "6.12", "policy": AS_RELEASED, "machine": MACHINE, "device": "0000:00:05.0",
            "bar": 2, "via": "both", "claim_offset": 0x3000, "claim_size": 0x2000,
        },
        (("step",), ("kernel",), ("policy",), ("mapped via",), ("claim",)),
    ),
    "boot": Offer(
        "03-init-ordering.ipynb",
        "Which initcall must run before which?",
        {"kernel": "6.12"},
        (("show",), ("kernel",), ("iomem_init_inode",), ("pci_sysfs_init",)),
    ),
    "gap": Offer(
        "04-preload-gap.ipynb",
        "How likely is a stray write before the driver claims, and what stops the writer?",
        {"kernel": "7.3"},
        (("defence", "a process"), ("delay, s",), ("processes",), ("kernel",)),
    ),
    "orders": Offer(
        "05-policies.ipynb",
        "Which policy or repair leaves no order of mmap and claim that ends badly?",
        {"kernel": "6.12"},
        (("step",), ("kernel",), ("policy",), ("repair", "through")),
    ),
    "machine": Offer(
        "07-your-machine.ipynb",
        "What may be mapped on a machine, and why not?",
        {"machine": MACHINE, "address": 0xFEBC_0000, "via": "devmem", "op": "mmap"},
        (("resource",), ("through", "operation"), ("it gave",)),
    ),
}  # fmt: skip
"""By name, in the notebooks' order."""
