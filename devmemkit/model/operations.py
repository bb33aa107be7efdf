"""Every operation of the model: importing this module registers them all, by name."""

from devmemkit.model import boot
from devmemkit.model.devmem import copy, mem, port
from devmemkit.model.drivers import bus, nvdimm, ramoops, registers, vfio
from devmemkit.model.mm import access, mremap, mseal, syscalls, user_buffer
from devmemkit.model.pci import device, driver, sysfs
from devmemkit.model.process import fork, permission
from devmemkit.model.resource import claim
from devmemkit.model.step import OPERATIONS

__all__ = ["MODULES", "OPERATIONS"]

MODULES = (
    *(claim, access, mremap, mseal, syscalls, user_buffer, mem, copy, port, fork),
    *(permission, device, driver, sysfs, bus, nvdimm, ramoops, registers, vfio, boot),
)
"""Each calls `operation` where it defines one."""
