"""Hypotheses: what may have happened that a description does not show, and how a user can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from devmemkit.explain.access import Access
from devmemkit.explain.calls import DRIVER, Calls, call, calls_of, claim, mapping, touch
from devmemkit.explain.cases import with_kernel
from devmemkit.explain.description import Description
from devmemkit.explain.owner import claim_of
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.play import Act, Ref

Changed = tuple[Machine, Calls]
"""A machine, and the calls to play on it."""
Some = Sequence[Act | None]
"""Calls to play; None among them, or no call at all, if the hypothesis cannot hold."""


@dataclass(frozen=True)
class Asked:
    """An access on one machine that fits a description."""

    known: Description
    machine: Machine
    access: Access

    @property
    def calls(self) -> Calls:
        """The calls of the access."""
        return calls_of(self.access)

    @property
    def claim(self) -> Act | None:
        """The claim by the region's driver; None if there is none."""
        return claim_of(self.known, self.machine, self.access)

    @property
    def size(self) -> int:
        """Bytes in the range's pages."""
        first, last = self.access.pages
        return (last - first + 1) * PAGE_SIZE

    def touch(self, plus: int = 0) -> Act:
        """A touch of the mapping, by a store if the access is one."""
        return touch("touch", "store" if self.access.op == "store" else "load", plus)

    def mapped(self, *calls: Act | None) -> Some:
        """The calls after the access's mmap; none if the access has no mmap."""
        return (*mapping(self.access), *calls) if self.access.maps else ()

    def mmap_with(self, **changed: int) -> Some:
        """The access with other arguments of mmap; none if the access has no mmap."""
        if not self.access.maps:
            return ()
        return [
            replace(one, arguments={**one.arguments, **changed}) if one.key == "mmap" else one
            for one in self.calls
        ]


@dataclass(frozen=True)
class Hypothesis:
    """`what` may have happened, how to `tell`, and the calls and the machine if it did."""

    name: str
    what: str
    tell: str
    calls: Callable[[Asked], Some] = lambda asked: asked.calls
    machine: Callable[[Asked], Machine] = lambda asked: asked.machine

    def apply(self, known: Description, machine: Machine, access: Access) -> Changed | None:
        """The machine and the calls under the hypothesis; None if it cannot hold."""
        asked = Asked(known, machine, access)
        calls = self.calls(asked)
        possible = tuple(one for one in calls if one is not None)
        if not possible or len(possible) < len(calls):
            return None
        return self.machine(asked), possible


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


def _opened(mode: str) -> Callable[[Asked], Some]:
    """The process opened the file in another mode."""

    def calls(asked: Asked) -> Some:
        other = replace(asked.access, mode=mode)
        return () if other.via == "proc" or other.op == "load" else calls_of(other)

    return calls


def _read_only_store(asked: Asked) -> Some:
    loads = replace(asked.access, op="load")
    return (*mapping(loads), touch("touch", "store")) if asked.access.maps else ()


def _remounted(path: str, options: str) -> Act:
    return Act("remount", DRIVER, "remount", {"path": path, "options": options})


def _noexec(asked: Asked) -> Some:
    """The mapping is executable, and /dev is mounted noexec, as sysfs and procfs always are."""
    calls = calls_of(replace(asked.access, exec=True)) if asked.access.maps else ()
    return (_remounted("/dev", "noexec"), *calls) if calls else ()


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
    remove = Act("remove", DRIVER, "remove", {"bdf": asked.access.bdf})
    return (opens, remove, *rest) if asked.access.bdf else ()


def _locked(asked: Asked) -> Machine:
    cmdline = f"{asked.machine.kernel.cmdline} lockdown=integrity".strip()
    return with_kernel(asked.machine, cmdline=cmdline)


def _built(asked: Asked, config: Config) -> Machine:
    ours = asked.machine.kernel.config
    return with_kernel(asked.machine, config=replace(config, x86=ours.x86, x86_pat=ours.x86_pat))


NO_DEVMEM = Config(False, False, False)

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
        "lockdown",
        "lockdown is in force",
        "cat /sys/kernel/security/lockdown; iomem=relaxed does not lift it",
        machine=_locked,
    ),
    Hypothesis(
        "no capability",
        "the process has no CAP_SYS_RAWIO, as root in a container has not",
        "grep CapEff /proc/self/status: bit 17",
        lambda asked: (call("user", "capset"), *asked.calls),
    ),
    Hypothesis(
        "no root",
        "the process does not run as root",
        "id -u",
        lambda asked: (call("user", "setuid"), *asked.calls),
    ),
    Hypothesis(
        "let in",
        "the file's mode lets an ordinary user open it, but the process has no CAP_SYS_RAWIO",
        "ls -l of the file; neither its mode nor a group such as kmem replaces the capability",
        _let_in,
    ),
    Hypothesis(
        "noexec",
        "the mapping asks for PROT_EXEC, and the file's mount is noexec, as those of sysfs and "
        "procfs always are",
        "strace: PROT_EXEC; findmnt -no OPTIONS -T /dev/mem",
        _noexec,
    ),
    Hypothesis(
        "nodev",
        "/dev is mounted nodev, so that no device opens there, even for root",
        "findmnt -no OPTIONS -T /dev/mem",
        _nodev,
    ),
    Hypothesis(
        "mounted read-only",
        "the file's mount is read-only, as those of sysfs and procfs are in many containers",
        "findmnt -no OPTIONS -T of the file",
        _read_only,
    ),
    Hypothesis(
        "io_strict",
        "the kernel is stricter: IO_STRICT_DEVMEM=y",
        "grep STRICT_DEVMEM /boot/config-*",
        machine=lambda asked: _built(asked, Config()),
    ),
    Hypothesis(
        "no devmem",
        "the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": False}),
    ),
    Hypothesis(
        "empty node",
        "somebody made the node although the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*; a container's /dev is often made by hand",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": True}),
    ),
    Hypothesis(
        "other cache type",
        "another mapping of the pages has another cache type (O_SYNC or not, _wc or not)",
        "/sys/kernel/debug/x86/pat_memtype_list has the range; dmesg on a conflict",
        _other_cache_type,
        lambda asked: asked.machine.with_(new_task("Q")),
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
        "not asked",
        "PCIIOC_MMAP_IS_MEM was not called on the file",
        "strace: the ioctl",
        _not_asked,
    ),
    Hypothesis(
        "read",
        "read(2) was used where only mmap can reach",
        "strace: read or pread",
        lambda asked: (
            () if asked.access.via == "proc" else calls_of(replace(asked.access, op="read"))
        ),
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
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        lambda asked: asked.calls if asked.access.bdf else (),
        lambda asked: asked.machine.with_({("pci", asked.access.bdf): None}),
    ),
)
