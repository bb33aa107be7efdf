"""Who may open a file, and what its mount allows; chmod, remount, setuid and capset change that.

Source: fs/namei.c:may_open, fs/open.c:do_dentry_open, fs/exec.c:path_noexec,
kernel/sys.c:__sys_setresuid, kernel/capability.c:capset; the same in 5.10 to 7.3.
"""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.process.task import File, open_mode
from devmemkit.model.step import Frame, Next, Return, operation

MOUNTS = ("/dev", "/sys", "/proc")
OPTIONS = frozenset({"ro", "noexec", "nodev"})
"""Options of a mount that decide here."""


def _options(m: View, mount: str) -> frozenset[str]:
    found: frozenset[str] = m.get(("mount", mount), frozenset())
    return found


def may_open(m: View, pid: str, path: str, mode: str, usual: int = 0o600) -> None:
    """Test the file's mode, which is `usual` unless somebody changed it, and its mount.

    EACCES for a device node under nodev, and by the mode, which CAP_DAC_OVERRIDE overrides; EROFS
    to write under ro, except to a device. sysfs then wants the permission from its mode even for
    root: EACCES (kernfs_fop_open).
    """
    mount = f"/{path.split('/')[1]}"
    options, bits = _options(m, mount), m.get(("mode", path), usual)
    read, write = open_mode(mode)
    wanted = 4 * read + 2 * write
    if mount == "/dev" and "nodev" in options:
        raise KernelError("EACCES", f"{path} is a device node, and {mount} is mounted nodev")
    task = m["task", pid]
    own = bits >> 6 if task.root else bits >> 3 if task.group else bits
    whose = "the process is in its group" if task.group and not task.root else "it belongs to root"
    denied = KernelError("EACCES", f"{path} has the mode {bits:04o}, and {whose}")
    if wanted & ~own and not task.capable("DAC_OVERRIDE"):
        raise denied
    if mount != "/dev" and write and "ro" in options:
        raise KernelError("EROFS", f"{mount} is mounted read-only")
    if mount == "/sys" and wanted & ~(bits >> 6 | bits >> 3 | bits):
        raise denied


def path_noexec(m: View, file: File) -> bool:
    """Whether the file's mount refuses PROT_EXEC: sysfs and procfs always do (SB_I_NOEXEC)."""
    return file.kind not in ("mem", "port") or "noexec" in _options(m, "/dev")


@operation("chmod", needs=("path", "mode"))
def sys_chmod(m: View, f: Frame) -> Next:
    """chmod, by root, of a file that exists, such as 0o666 for "/dev/mem"; open files stay."""
    m["mode", f.path] = f.mode
    return Return(0)


@operation("remount", needs=("path",), options="")
def do_remount(m: View, f: Frame) -> Next:
    """remount gives a mount other options, such as "ro,noexec"; mappings that exist keep theirs."""
    options = frozenset(f.options.split(",")) - {""}
    if f.path not in MOUNTS or options - OPTIONS:
        known = f"one of {', '.join(MOUNTS)} with options of {', '.join(sorted(OPTIONS))}"
        raise ValueError(f"remount: expected {known}; got {f.path!r} with {f.options!r}")
    m["mount", f.path] = options or None
    return Return(0)


@operation("setuid", needs=("pid",))
def sys_setuid(m: View, f: Frame) -> Next:
    """setuid to an ordinary user, which also drops the capabilities."""
    m["task", f.pid] = replace(m["task", f.pid], root=False, capabilities=frozenset())
    return Return(0)


@operation("capset", needs=("pid",))
def sys_capset(m: View, f: Frame) -> Next:
    """capset drops all capabilities of a process that stays root."""
    m["task", f.pid] = replace(m["task", f.pid], capabilities=frozenset())
    return Return(0)
