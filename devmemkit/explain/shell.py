"""Shell commands for root to paste; names from a description are checked and quoted."""

from __future__ import annotations

import re
import shlex

from devmemkit.model.pci.device import BDF
from devmemkit.text.symptom import ANY

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:,() -]{0,254}")
"""Names that a command may contain; sysfs forbids only "/" and NUL."""


def unbind(bdf: str, driver: str) -> str:
    """Unbind a PCI device's driver, by its name if it is known and a command may contain it."""
    named = shlex.quote(f"/sys/bus/pci/drivers/{driver}/unbind")
    path = named if _NAME.fullmatch(driver) else "/sys/bus/pci/devices/{}/driver/unbind"
    return on_device(f"echo {{}} > {path}", bdf)


def on_device(command: str, bdf: str) -> str:
    """The command with a PCI device's address in place of {}."""
    if bdf != ANY and not BDF.fullmatch(bdf):
        return "(no command: the device's address is none that PCI has)"
    return command.replace("{}", shlex.quote(bdf))


def shows_option(name: str) -> str:
    """The command that shows an option of the kernel's configuration, wherever that is."""
    return f"zgrep {name} /proc/config.gz /boot/config-*"
