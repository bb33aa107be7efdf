"""Commands that an answer hands to root: names from a description are checked and quoted."""

from __future__ import annotations

import re
import shlex

from devmemkit.model.pci.device import BDF

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:,() -]{0,254}")
"""Stricter than a driver's name in sysfs, where only "/" and NUL cannot be."""


def unbind(bdf: str, driver: str) -> str | None:
    """Unbind a PCI device's driver; None where either is no name to put into a command."""
    if not BDF.fullmatch(bdf) or not _NAME.fullmatch(driver):
        return None
    path = shlex.quote(f"/sys/bus/pci/drivers/{driver}/unbind")
    return f"echo {shlex.quote(bdf)} > {path}"


def decoding(bdf: str) -> str:
    """Whether a PCI device answers to memory accesses."""
    return _on(bdf, "setpci -s {} COMMAND")


def presence(bdf: str) -> tuple[str, str]:
    """Whether a PCI device is there, and whether it is awake."""
    return _on(bdf, "lspci -s {}"), _on(bdf, "cat /sys/bus/pci/devices/{}/power_state")


def _on(bdf: str, command: str) -> str:
    if not BDF.fullmatch(bdf):
        return "(no command: the device's address is none that PCI has)"
    return command.format(shlex.quote(bdf))
