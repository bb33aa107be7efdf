"""Hypotheses about the file: who may open it, how it is mounted, whether it exists."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.explain.calls import DRIVER, call
from devmemkit.explain.cases import with_kernel
from devmemkit.explain.changes import LEAVE_LOCKDOWN
from devmemkit.explain.hypothesis import Asked, Hypothesis, Some
from devmemkit.explain.shell import shows_option
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Act


def _remounted(asked: Asked, path: str, options: str) -> Some:
    """The calls, after a mount was made anew with other options."""
    return Act("remount", DRIVER, "remount", {"path": path, "options": options}), *asked.calls


def _let_in(asked: Asked) -> Some:
    """Somebody made the file readable and writable for all, and the process is an ordinary one."""
    chmod = Act("chmod", DRIVER, "chmod", {"path": asked.access.file, "mode": 0o666})
    return chmod, call("user", "setuid"), *asked.calls


def _locked(asked: Asked) -> Machine:
    """Lockdown is in force; distributions had it before the kernel."""
    kernel = asked.machine.kernel
    features = () if kernel["lockdown"] else (("lockdown", True),)
    cmdline = f"{kernel.cmdline} lockdown=integrity".strip()
    return with_kernel(asked.machine, cmdline=cmdline, features=(*kernel.features, *features))


def _built(asked: Asked, config: Config) -> Machine:
    ours = asked.machine.kernel.config
    return with_kernel(asked.machine, config=replace(config, x86_pat=ours.x86_pat))


NO_DEVMEM = Config(False, False, False)

OPENING = (
    Hypothesis(
        "lockdown",
        "lockdown is in force",
        "cat /sys/kernel/security/lockdown, or dmesg on a distribution's kernel before 5.4; "
        "iomem=relaxed does not lift it",
        machine=_locked,
        unless=("lockdown",),
        function="lockdown_is_locked_down",
        do=LEAVE_LOCKDOWN,
    ),
    Hypothesis(
        "no capability",
        "the process has no CAP_SYS_RAWIO, as is usual for root in a container",
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
        when=lambda asked: asked.mount == "/dev" and asked.node is not False,
        gives="EPERM",
        function="devcgroup_check_permission",
        call="open",
        do="allow the node: docker run --device and --cap-add SYS_RAWIO, or DeviceAllow= in the "
        "service's unit",
    ),
    Hypothesis(
        "no root",
        "the process does not run as root, and the mode of the file keeps others out",
        "id -u; ls -l of the file",
        lambda asked: (call("user", "setuid"), *asked.calls),
        when=lambda asked: asked.opens,
        unless=("root",),
    ),
    Hypothesis(
        "file mode",
        "the file's mode or ACL does not allow it: {usual}",
        "ls -l and getfacl of the file; strace: O_RDWR or O_RDONLY",
        gives="EACCES",
        function="inode_permission",
        call="open",
        unless=("root",),
        do="run it as root; to write, the group kmem is not enough",
    ),
    Hypothesis(
        "security module",
        "a security module (SELinux, AppArmor) denies it, also to root",
        "dmesg or the audit log: avc: denied, or apparmor=DENIED",
        gives="EACCES",
        function="security_file_open",
        call="open",
        do="run it where the module's policy allows it, or change that policy",
    ),
    Hypothesis(
        "SELinux lockdown",
        "SELinux's policy refuses it: from 5.6 to 5.15 it has a class lockdown of its own, which "
        "refuses domains what lockdown would refuse everybody, whether lockdown is in force or not",
        "ausearch -m avc -ts recent: tclass=lockdown, scontext is the domain; getenforce",
        gives="EACCES",
        function="selinux_lockdown",
        do="run it in a domain whose policy allows class lockdown, or write a module for it with "
        "audit2allow",
    ),
    Hypothesis(
        "only logged",
        "nothing failed there: the security module is permissive, and only logs what its policy "
        "does not allow",
        "getenforce, and permissive=1 in the line; of AppArmor aa-status: complain mode",
        gives="ok",
        function="slow_avc_audit",
    ),
    Hypothesis(
        "let in",
        "the file's mode lets an ordinary user open it, but the process has no CAP_SYS_RAWIO",
        "ls -l of the file; neither its mode nor a group such as kmem replaces the capability",
        _let_in,
        when=lambda asked: asked.opens,
        unless=("root",),
    ),
    Hypothesis(
        "noexec",
        "the mapping is executable (PROT_EXEC), and the file's mount is noexec",
        "strace: PROT_EXEC; findmnt -no OPTIONS -T of the file: sysfs and procfs always are, "
        "/dev often is",
        lambda asked: _remounted(asked.but(exec=True), "/dev", "noexec"),
        # for an executable mapping the description decides
        when=lambda asked: asked.access.maps and not asked.access.exec,
        do="map it without PROT_EXEC",
    ),
    Hypothesis(
        "nodev",
        "/dev is mounted nodev, so that no device opens there, even for root",
        "findmnt -no OPTIONS -T /dev/mem",
        lambda asked: _remounted(asked, "/dev", "nodev"),
        when=lambda asked: asked.mount == "/dev",
        unless=("mounts",),
        do="run it outside of the container, or remount /dev with the option dev",
    ),
    Hypothesis(
        "mounted read-only",
        "the file's mount is read-only, as those of sysfs and procfs are in many containers",
        "findmnt -no OPTIONS -T of the file; open it O_RDONLY and map it PROT_READ",
        lambda asked: _remounted(asked, asked.mount, "ro"),
        when=lambda asked: asked.mount != "/dev",
        unless=("mounts",),
        do="open it O_RDONLY, or remount the file system rw, outside of the container",
    ),
    Hypothesis(
        "no node",
        "this /dev has no such node, as in a container, a chroot or an initramfs",
        "ls -l of the node outside of it; ls /sys/class/mem shows the nodes that the kernel has",
        machine=lambda asked: _built(asked, Config()).with_({"dev_mem": False, "dev_port": False}),
        when=lambda asked: asked.mount == "/dev" and not asked.node and asked.built is not False,
    ),
    Hypothesis(
        "no devmem",
        "the kernel has no /dev/mem (DEVMEM=n)",
        f"{shows_option('CONFIG_DEVMEM=')}; /sys/class/mem/mem is missing",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": False}),
        when=lambda asked: asked.access.via == "devmem" and not asked.node and asked.built is None,
    ),
    Hypothesis(
        "no devport",
        "the kernel has no /dev/port (DEVPORT=n), or the machine no such ports",
        f"{shows_option('CONFIG_DEVPORT=')}; /sys/class/mem/port is missing",
        machine=lambda asked: asked.machine.with_({"dev_port": False}),
        when=lambda asked: asked.access.via == "port" and not asked.node and not asked.built,
        do="build a kernel with DEVPORT=y, or use ioperm and inb",
    ),
    Hypothesis(
        "empty node",
        "somebody made the node although the kernel has no /dev/mem (DEVMEM=n)",
        f"{shows_option('CONFIG_DEVMEM=')}; a container's /dev is often made by hand",
        machine=lambda asked: _built(asked, NO_DEVMEM).with_({"dev_mem": True}),
        when=lambda asked: asked.access.via == "devmem",
        unless=("CONFIG_DEVMEM",),
    ),
)
