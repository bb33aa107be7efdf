"""Hypotheses: what may have happened that a description does not show, and how a user can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devmemkit.explain.access import Access
from devmemkit.explain.calls import DRIVER, call, calls_of, claim, mapping, touch
from devmemkit.explain.cases import with_kernel
from devmemkit.explain.hypothesis import Asked, Hypothesis, Some
from devmemkit.model import flags as fl
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.scenarios.play import Act, Ref


def _page_claimed(asked: Asked) -> Some:
    """A driver has claimed the last page of the range alone."""
    first, last = asked.access.pages
    if asked.access.via != "devmem" or last == first:
        return ()
    return claim("driver", last << PAGE_SHIFT, 16), *asked.calls


def _other_cache_type(asked: Asked) -> Some:
    """Process Q maps the pages first, with another cache type."""
    access = asked.access
    sync = access.via == "devmem" and not access.sync
    other = Access("devmem", "mmap", access.start, max(access.length, 1), sync=sync)
    opens, maps = (
        Act(f"other {one.key}", "Q", one.operation, {**one.arguments, "pid": "Q"})
        for one in calls_of(other)
    )
    maps.arguments["fd"] = Ref(opens.key)
    return (opens, maps, *asked.calls) if access.maps else ()


def _other_than_sync(asked: Asked) -> Some:
    """The same, where the access's file was opened with O_SYNC although nobody said so."""
    access = asked.access
    told = access.sync or access.traced or access.via != "devmem"
    return () if told else _other_cache_type(replace(asked, access=replace(access, sync=True)))


def _opened(mode: str) -> Callable[[Asked], Some]:
    """The process opened the file in another mode."""

    def calls(asked: Asked) -> Some:
        other = replace(asked.access, mode=mode)
        return () if other.via == "proc" or other.op == "load" else calls_of(other)

    return calls


def _read_only_store(asked: Asked) -> Some:
    loads = replace(asked.access, op="load", prot="r")
    return (*mapping(loads), touch("touch", "store")) if asked.access.maps else ()


def _remounted(path: str, options: str) -> Act:
    return Act("remount", DRIVER, "remount", {"path": path, "options": options})


def _noexec(asked: Asked) -> Some:
    """The mapping is executable, and /dev is mounted noexec, as sysfs and procfs always are."""
    if not asked.access.maps or asked.access.exec:  # then the description decides
        return ()
    return _remounted("/dev", "noexec"), *calls_of(replace(asked.access, exec=True))


def _nodev(asked: Asked) -> Some:
    is_node = asked.access.file.startswith("/dev/")
    return (_remounted("/dev", "nodev"), *asked.calls) if is_node else ()


def _read_only(asked: Asked) -> Some:
    """sysfs or procfs is mounted read-only."""
    mount = f"/{asked.access.file.split('/')[1]}"
    return (_remounted(mount, "ro"), *asked.calls) if mount != "/dev" else ()


def _let_in(asked: Asked) -> Some:
    """Somebody made the file readable and writable for all, and the process is an ordinary one."""
    chmod = Act("chmod", DRIVER, "chmod", {"path": asked.access.file, "mode": 0o666})
    return chmod, call("user", "setuid"), *asked.calls


def _too_long(asked: Asked) -> Some:
    device = asked.known.found.get(asked.access.bdf)
    bar = device and device.bar(asked.access.bar)
    return asked.mmap_with(length=bar.length + PAGE_SIZE) if bar else ()


def _not_asked(asked: Asked) -> Some:
    calls = [one for one in asked.calls if one.key != "ask"]
    return calls if asked.access.via == "proc" else ()


def _removed(asked: Asked) -> Some:
    """The device disappears while its file is open."""
    opens, *rest = asked.calls
    return (opens, _remove(asked), *rest) if asked.access.bdf else ()


def _removed_later(asked: Asked) -> Some:
    """The device disappears while its file is mapped."""
    return asked.mapped(_remove(asked), asked.touch()) if asked.access.bdf else ()


def _remove(asked: Asked) -> Act:
    return Act("remove", DRIVER, "remove", {"bdf": asked.access.bdf})


def _ram(asked: Asked) -> Machine:
    """RAM where nobody knows what is there."""
    root = asked.machine["iomem"]
    fresh = Resource(root.start, root.end, root.name, root.flags)
    ram = Resource(asked.start, asked.start + asked.size - 1, "System RAM", RAM)
    request_resource_conflict(fresh, ram)
    return asked.machine.with_({"iomem": fresh})


def _forked(asked: Asked) -> Some:
    """A private mapping is written, then the process forks."""
    if not asked.access.maps or asked.access.op == "load":  # which writes nothing
        return ()
    private = replace(asked.access, op="store", private=True)
    return (*mapping(private), touch("touch", "store"), call("fork", "fork", child="C"))


def _wc(asked: Asked) -> Some:
    return calls_of(replace(asked.access, wc=True)) if asked.access.via == "sysfs" else ()


def _through(*vias: str) -> Callable[[Asked], Some]:
    """The calls as they are, if they go through one of these files."""
    return lambda asked: asked.calls if asked.access.via in vias else ()


def _no_memory(op: str, *vias: str) -> Callable[[Asked], Some]:
    """The calls, if they may be made on a file of a device that holds no memory."""

    def calls(asked: Asked) -> Some:
        access = asked.access
        other = access.other or not access.traced
        return asked.calls if access.via in vias and access.op == op and other else ()

    return calls


def _ports(asked: Asked) -> Machine:
    """The device with a BAR of ports, where nobody knows what the BAR is."""
    access, device = asked.access, asked.machine["pci", asked.access.bdf]
    bars = tuple(
        replace(bar, flags=fl.IORESOURCE_IO) if bar.index == access.bar else bar
        for bar in device.bars
    )
    return asked.machine.with_({("pci", access.bdf): replace(device, bars=bars)})


def _claim_fails(asked: Asked) -> Some:
    """A driver claims the range while somebody has it."""
    return () if asked.access.via == "port" else (claim("driver", asked.start, asked.size),)


def _framebuffer(asked: Asked) -> Some:
    known = asked.known.iomem is not None and asked.owner not in FRAMEBUFFERS
    return () if known or asked.access.via == "port" else asked.calls


def _mapped(*ops: str) -> Callable[[Asked], Some]:
    """The calls, if the access is one of `ops`."""
    return lambda asked: asked.calls if asked.access.op in ops and not asked.access.traced else ()


def _locked(asked: Asked) -> Machine:
    cmdline = f"{asked.machine.kernel.cmdline} lockdown=integrity".strip()
    return with_kernel(asked.machine, cmdline=cmdline)


def _built(asked: Asked, config: Config) -> Machine:
    ours = asked.machine.kernel.config
    return with_kernel(asked.machine, config=replace(config, x86=ours.x86, x86_pat=ours.x86_pat))


NO_DEVMEM = Config(False, False, False)
RAM = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_BUSY
FRAMEBUFFERS = ("BOOTFB", "simplefb", "simpledrm", "simple-framebuffer", "efifb", "vesafb")
"""Names of the firmware's framebuffer in /proc/iomem."""

HYPOTHESES = (
    Hypothesis(
        "claimed before",
        "a driver had claimed the region before",
        "the region has a line of a driver's in /proc/iomem, below the device's",
        lambda asked: (asked.claim, *asked.calls),
    ),
    Hypothesis(
        "claimed after",
        "a driver claimed the region after it was mapped, and the mapping was revoked",
        "modprobe, or a device that appeared, shortly before; dmesg says which driver bound",
        lambda asked: asked.mapped(asked.claim, asked.touch()),
    ),
    Hypothesis(
        "page claimed",
        "one page of the range is claimed, and one is enough",
        "/proc/iomem, with the range rounded to pages: look for an indented line inside",
        _page_claimed,
    ),
    Hypothesis(
        "ram",
        "the range is RAM, which STRICT_DEVMEM keeps from every process",
        "/proc/iomem, read by root: System RAM at the address",
        lambda asked: asked.calls if asked.unknown else (),
        _ram,
    ),
    Hypothesis(
        "lockdown",
        "lockdown is in force",
        "cat /sys/kernel/security/lockdown; iomem=relaxed does not lift it",
        machine=_locked,
        unless=("lockdown",),
    ),
    Hypothesis(
        "no capability",
        "the process has no CAP_SYS_RAWIO, as root in a container has not",
        "grep CapEff /proc/PID/status: bit 17",
        lambda asked: (call("user", "capset"), *asked.calls),
        unless=("capable",),
    ),
    Hypothesis(
        "cgroup",
        "the devices cgroup of a container or a service does not allow the node, which no "
        "capability overrides",
        "open fails although CapEff has bit 17 and lockdown is off; docker run --device, systemctl "
        "show -p DevicePolicy -p DeviceAllow",
        _through("devmem", "port"),
        gives="EPERM",
        function="devcgroup_check_permission",
        opening=True,
    ),
    Hypothesis(
        "no root",
        "the process does not run as root, and the mode of the file keeps others out",
        "id -u; ls -l of the file",
        lambda asked: (call("user", "setuid"), *asked.calls),
        unless=("root",),
    ),
    Hypothesis(
        "file mode",
        "the file's mode or ACL does not allow it: /dev/mem is usually 0640, so that group kmem "
        "may read and not write",
        "ls -l and getfacl of the file; strace: O_RDWR or O_RDONLY",
        _through("devmem", "port", "sysfs", "proc"),
        gives="EACCES",
        function="inode_permission",
        opening=True,
        unless=("root",),
    ),
    Hypothesis(
        "security module",
        "a security module (SELinux, AppArmor) denies it, also to root",
        "dmesg or the audit log: avc: denied, or apparmor=DENIED",
        _through("devmem", "port", "sysfs", "proc"),
        gives="EACCES",
        function="security_file_open",
        opening=True,
    ),
    Hypothesis(
        "let in",
        "the file's mode lets an ordinary user open it, but the process has no CAP_SYS_RAWIO",
        "ls -l of the file; neither its mode nor a group such as kmem replaces the capability",
        _let_in,
        unless=("root",),
    ),
    Hypothesis(
        "noexec",
        "the mapping is executable (PROT_EXEC), and the file's mount is noexec",
        "strace: PROT_EXEC; findmnt -no OPTIONS -T of the file: sysfs and procfs always are, "
        "/dev often is",
        _noexec,
    ),
    Hypothesis(
        "nodev",
        "/dev is mounted nodev, so that no device opens there, even for root",
        "findmnt -no OPTIONS -T /dev/mem",
        _nodev,
        unless=("mounts",),
    ),
    Hypothesis(
        "mounted read-only",
        "the file's mount is read-only, as those of sysfs and procfs are in many containers",
        "findmnt -no OPTIONS -T of the file; open it O_RDONLY and map it PROT_READ",
        _read_only,
        unless=("mounts",),
    ),
    Hypothesis(
        "no node",
        "this /dev has no such node, as in a container, a chroot or an initramfs",
        "ls -l /dev/mem outside of it; grep ' mem$' /proc/devices",
        machine=lambda asked: _built(asked, Config()).with_({"dev_mem": False}),
        unless=("dev_mem",),
    ),
    Hypothesis(
        "no devmem",
        "the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": False}),
        unless=("CONFIG_DEVMEM", "dev_mem"),
    ),
    Hypothesis(
        "empty node",
        "somebody made the node although the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*; a container's /dev is often made by hand",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": True}),
        unless=("CONFIG_DEVMEM",),
    ),
    Hypothesis(
        "other cache type",
        "another mapping of the pages has another cache type (O_SYNC or not, _wc or not)",
        "/sys/kernel/debug/x86/pat_memtype_list has the range; dmesg on a conflict",
        _other_cache_type,
        lambda asked: asked.machine.with_(new_task("Q")),
        function="reserve_pfn_range",
    ),
    Hypothesis(
        "other cache type than O_SYNC",
        "the file was opened with O_SYNC, and another mapping of the pages was not",
        "strace: O_SYNC; /sys/kernel/debug/x86/pat_memtype_list has the range",
        _other_than_sync,
        lambda asked: asked.machine.with_(new_task("Q")),
    ),
    Hypothesis(
        "fork",
        "fork failed: the process has a private mapping of /dev/mem and wrote to its first page",
        "strace: MAP_PRIVATE, and fork or clone = -1 ENOMEM; map it shared, or fork before",
        _forked,
    ),
    Hypothesis(
        "opened read-only",
        "the file was opened for reading only, and a shared mapping wants to write",
        "strace: O_RDONLY with PROT_WRITE",
        _opened("r"),
    ),
    Hypothesis(
        "opened write-only",
        "the file was opened for writing only",
        "strace: O_WRONLY",
        _opened("w"),
    ),
    Hypothesis(
        "read-only store",
        "a store to a mapping without PROT_WRITE",
        "strace: the prot of mmap; si_code is SEGV_ACCERR",
        _read_only_store,
    ),
    Hypothesis(
        "beyond the end",
        "the touch is behind the mapping's end",
        "compare si_addr with /proc/PID/maps; si_code is SEGV_MAPERR",
        lambda asked: asked.mapped(asked.touch(asked.size)),
    ),
    Hypothesis(
        "unmapped",
        "the mapping was gone already",
        "strace: munmap; si_code is SEGV_MAPERR",
        lambda asked: asked.mapped(
            call("gone", "munmap", address=Ref("mmap"), length=asked.size), asked.touch()
        ),
    ),
    Hypothesis(
        "unaligned",
        "the offset is not a multiple of the page size",
        "strace: the last argument of mmap",
        lambda asked: asked.mmap_with(offset=1),
    ),
    Hypothesis(
        "empty",
        "the length is 0",
        "strace: the second argument of mmap",
        lambda asked: asked.mmap_with(length=0),
    ),
    Hypothesis(
        "too long",
        "the mapping reaches beyond the end of the BAR",
        "compare with the size of the resourceN file; offsets into it begin at 0",
        _too_long,
    ),
    Hypothesis(
        "no wc",
        "the file is resourceN_wc, which only a prefetchable BAR has, and only with PAT",
        "ls the device's folder; lspci -v: prefetchable; dmesg: x86/PAT",
        _wc,
        lambda asked: with_kernel(asked.machine, cmdline="nopat"),
    ),
    Hypothesis(
        "ports",
        "the BAR is one of I/O ports, which x86 cannot map",
        "the device's resource file, or lspci -v: I/O ports at ...",
        lambda asked: asked.calls if asked.no_bar and asked.access.op == "mmap" else (),
        _ports,
    ),
    Hypothesis(
        "text file",
        "the file is not one of resource0 to resource5, which hold the BARs: `resource` is a text",
        "ls -l /proc/PID/fd, or strace -y: the name has a number",
        _no_memory("mmap", "sysfs"),
        gives="ENODEV",
        function="kernfs_fop_mmap",
    ),
    Hypothesis(
        "config space",
        "the file is the configuration space, which lockdown does not let anybody write (setpci)",
        "cat /sys/kernel/security/lockdown; dmesg: direct PCI access is restricted",
        _no_memory("write", "sysfs", "proc"),
        unless=("lockdown",),
        gives="EPERM",
        function="pci_write_config",
    ),
    Hypothesis(
        "not asked",
        "PCIIOC_MMAP_IS_MEM was not called on the file",
        "strace: the ioctl",
        _not_asked,
    ),
    Hypothesis(
        "copied",
        "a system call was given a buffer inside a mapping that was revoked",
        "strace: a write(2) whose buffer is the mapping, and EFAULT",
        lambda asked: asked.mapped(
            asked.claim, call("copy", "copy_from_user", address=Ref("mmap"))
        ),
    ),
    Hypothesis(
        "traced",
        "a debugger looked at a page that was revoked",
        "ptrace or /proc/PID/mem",
        lambda asked: asked.mapped(asked.claim, call("copy", "ptrace_peek", address=Ref("mmap"))),
    ),
    Hypothesis(
        "removed",
        "the device was removed between open and mmap",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        _removed,
    ),
    Hypothesis(
        "removed later",
        "the device was removed while it was mapped",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        _removed_later,
    ),
    Hypothesis(
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        lambda asked: asked.calls if asked.access.bdf else (),
        lambda asked: asked.machine.with_({("pci", asked.access.bdf): None}),
    ),
    Hypothesis(
        "claim fails",
        "a driver's claim of the range fails, because {owner} has it",
        "/proc/iomem; dmesg: can't reserve [mem ...]; unbind the holder, or find out why it is "
        "bound",
        _claim_fails,
    ),
    Hypothesis(
        "framebuffer",
        "the firmware's framebuffer (BOOTFB, simpledrm, efifb) has the range, and the driver "
        "claims it before that one's driver was removed",
        "/proc/iomem: BOOTFB, simpledrm or efifb inside the BAR; the driver must call "
        "aperture_remove_conflicting_pci_devices first",
        _framebuffer,
        gives="EBUSY",
        function="__request_region",
    ),
    Hypothesis(
        "vfio",
        "the file is VFIO's, not one of these: it gives SIGBUS while the device's memory decoding "
        "is off",
        "ls -l /proc/PID/fd: /dev/vfio; setpci -s BDF COMMAND: bit 1; a reset clears it",
        _mapped("mmap", "load", "store"),
        gives="SIGBUS",
        function="vfio_pci_mmap_fault (from 6.12 on vfio_pci_mmap_huge_fault)",
    ),
    Hypothesis(
        "idxd",
        "the file is idxd's, not one of these: some of its work queues can be mapped with "
        "CAP_SYS_RAWIO only",
        "ls -l /proc/PID/fd: /dev/dsa or /dev/iax; grep CapEff /proc/PID/status: bit 17",
        _mapped("mmap"),
        unless=("capable",),
        gives="EPERM",
        function="idxd_cdev_mmap",
    ),
)
