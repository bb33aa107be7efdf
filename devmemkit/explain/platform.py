"""Platform devices, by the names of their claims, and what serves them."""

from __future__ import annotations

import re

_NAME = "[A-Za-z][A-Za-z0-9_,.+-]*"  # what a shell command may contain
_CLAIM = re.compile(rf"([0-9a-f]{{3,16}}\.{_NAME}|[A-Z]{{3,4}}[0-9A-F]{{4}}:[0-9a-f]{{2}})(?: |$)")
_NODE = re.compile(rf"(?:\S*/)?(?!pci)({_NAME})@[0-9a-f]+$")  # pci: windows of host bridges

SERVED_BY = {
    r"gpio|pinctrl": "/dev/gpiochipN with libgpiod (gpioinfo, gpioset); on a Raspberry Pi also "
    "/dev/gpiomem, or /dev/gpiomem0 of a Pi 5, which can be mapped without root",
    r"serial|uart|pl011": "its /dev/ttyS, ttyAMA or ttyPS",
    r"i2c": "/dev/i2c-N (i2cget, i2cset)",
    r"spi": "/dev/spidevN.M",
    r"pwm": "/sys/class/pwm",
    r"watchdog|wdt": "/dev/watchdog",
}
"""Where programs get what a block of registers does, by a pattern in the device's name."""


def platform_device(owner: tuple[str, int, int] | None) -> str:
    """The platform device, or AMBA device, that a claim (name, start, end) names; "" if none.

    devm_ioremap_resource names a claim after the device and the resource, older kernels after the
    device tree's node: its device is `address.name` (of_device_make_bus_id).
    """
    name, start, _ = owner or ("", 0, 0)
    if match := _CLAIM.match(name):
        return match[1]
    node = _NODE.match(name)
    return f"{start:x}.{node[1]}" if node else ""


def served_by(device: str) -> str:
    """Where programs get what the device does; "" where that is not known."""
    kind = device.partition(".")[2]
    return next((where for rule, where in SERVED_BY.items() if re.search(rule, kind)), "")
