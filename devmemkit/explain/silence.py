"""Causes outside of the model, which ends at the CPU: what a bus returns without a device."""

from __future__ import annotations

from collections.abc import Iterator

from devmemkit.explain.cause import UNLIKELY, USUAL, Candidate, Cause
from devmemkit.explain.shell import on_device
from devmemkit.explain.trials import Trials
from devmemkit.text.lspci import Device
from devmemkit.text.symptom import ANY


def silence(trials: Trials, got: str) -> Iterator[Candidate]:
    """Why a load or a read gave ones."""
    access, known = trials.access, trials.known
    if got != "ones" or access.op not in ("load", "read"):
        return
    if access.other:  # the configuration space, which is read without decoding
        if access.bdf:
            yield _gone(known.found.get(access.bdf, Device(access.bdf)))
        return
    if access.op == "read" and trials.plain(trials.usual).found.outcome != "ok":
        return
    devices = [device for device, _ in known.holders(access.start)]
    if not devices and access.nowhere:
        devices = [known.found.get(ANY, Device(ANY))]
    for device in devices[:1]:
        yield from _silent(device)
    if devices and not access.nowhere:
        return
    cause = Cause(
        "no device decodes the address, and the bus gives ones",
        "the address is in no BAR of lspci -v",
        "(the bus)",
        not devices,
    )
    yield Candidate(USUAL, cause, do="take the address from lspci -v or /proc/iomem")


def _silent(device: Device) -> Iterator[Candidate]:
    """Why a device does not answer."""
    if device.decodes is not True:
        off = f"{device.bdf} does not answer: its memory decoding is off (Mem-)"
        tell = on_device("setpci -s {} COMMAND", device.bdf)
        cause = Cause(
            off if device.decodes is False else f"{off}, as before a driver enabled the device",
            f"{tell}: bit 1; a driver's pci_enable_device sets it",
            "(the device)",
            device.decodes is False,
        )
        # nobody knows of a device without an address that it was enabled
        rank = USUAL if device.decodes is False or device.bdf == ANY else UNLIKELY
        yield Candidate(rank, cause, do="bind the device's driver, which turns decoding on")
    yield _gone(device)


def _gone(device: Device) -> Candidate:
    listed = on_device("lspci -s {}", device.bdf)
    awake = on_device("cat /sys/bus/pci/devices/{}/power_state", device.bdf)
    cause = Cause(
        f"{device.bdf} is gone, asleep or hangs: a removed device's pages stay mapped",
        f"{listed}: rev ff, or no line; {awake}",
        "(the bus)",
    )
    wake = on_device("echo on > /sys/bus/pci/devices/{}/power/control", device.bdf)
    return Candidate(USUAL, cause, do=f"keep the device awake: {wake}; then read again")
