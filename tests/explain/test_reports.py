"""What public reports showed: words without an errno, containers, faults, refused mappings."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explain import snapshot, trials
from devmemkit.explain.asking import asked_of, causes_for, may_be_of
from devmemkit.explain.calls import Calls
from devmemkit.explain.description import Description
from devmemkit.explain.explanation import explain
from devmemkit.explain.paste import read_paste
from devmemkit.explain.stored import description_of
from devmemkit.explain.symptom import MISSING, MOST, causes_html
from devmemkit.explain.told import told
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import Played, play
from devmemkit.site.live.answer import as_page
from devmemkit.text.html import safe
from tests.explain.known import CONFIG, E1000, E1000_BAR, IVSHMEM_BAR, ask, known

SYSFS = "/sys/bus/pci/devices/"
EPERM, EINVAL = "Operation not permitted", "Invalid argument"
OPEN, MMAP = "open of /dev/mem", "mmap through /dev/mem"
UNALIGNED = "the load or store is not aligned"
UNABLE = "the process has no CAP_SYS_RAWIO"
SUREST = "mmap was refused, and the program touched what it had returned, MAP_FAILED"
AVC = (
    'audit: avc:  denied  { integrity } for  pid=9 comm="mstconfig" lockdown_reason="direct PCI '
    'access" scontext=u:r:t:s0 tcontext=u:r:t:s0 tclass=lockdown permissive=0'
)
OPENED = 'avc:  denied  {{ {} }} for pid=9 comm="mmaps" name="port" dev="devtmpfs" tclass=chr_file'


def found(got: str, described: Description | None = None, **asked: Any) -> tuple[str, list[str]]:
    """The access that words are about, and its causes."""
    access, causes = causes_for(described or Description(), got, **asked)
    return str(access), [one.what for one in causes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("got", "about", "first"),
    [
        # a value that was read
        ("I was always reading FFFF", "read through /dev/mem", "BDF does not answer: its memory"),
        ("the register reads back 0xffffffff", "read through", "BDF does not answer"),
        ("BAR 2 gives all ones", "through", "BDF does not"),
        # a device or a call that the words name
        (
            f"Device {SYSFS}0000:18:00.0 broken [Errno 1] {EPERM}",
            f"through {SYSFS}0000:18:00.0/config",
            "the file is the configuration space",
        ),
        (f"mmap bar1: {EINVAL}", "devices/BDF/resource1", "a driver had claimed"),
        (f"failed to get I/O permission: {EPERM}", "iopl(3)", "lockdown is in force"),
        (f"cannot get IO privileges: {EPERM}", "iopl(3)", "lockdown is in force"),
        ("/dev/port: No such file or directory", "open of /dev/port", "this /dev has no such node"),
        ("rpio.Open: /dev/mem: invalid argument", MMAP, "the offset is not a"),
        (f"bcm2835_init: gpio mmap failed: {EINVAL}", "/dev/mem", "the offset is not a mult"),
        # where it ran
        (f"docker: can't open '/dev/mem': {EPERM}", OPEN, "the devices cgroup"),
        (f"podman --device /dev/mem: open /dev/mem: {EPERM}", OPEN, UNABLE),
        # the call that failed, and no other
        (f"initPeripherals: mmap gpio failed ({EPERM})", MMAP, "a driver had claimed"),
        ("gpio mmap failed: Cannot allocate memory", MMAP, "the length is larger"),
        # a signal
        ("Program received signal SIGSEGV (mmio_base=0xffffffffffffffff", "load", SUREST),
        ("segfault at ffffffffffffffff ip 00000000004005d0 error 4 in a.out", "load", SUREST),
        ("SIGSEGV", "load through /dev/mem", SUREST),
        ("Bus error, ptr = 0xffffffff", "load", SUREST),
        ("Bus error #0 __memset_zva () at ../sysdeps/aarch64/memset.S", "load", UNALIGNED),
        ("a buffer that is not aligned gives a bus error on aarch64", "load", UNALIGNED),
        ("Bus error", "load through /dev/mem", "a driver claimed the region after"),
        # the security modules' own lines
        (AVC, "direct PCI access", "SELinux's policy refuses it: from 5.6 to 5.15"),
        ('apparmor="DENIED" operation="open" name="/dev/mem"', OPEN, "a security module"),
        (
            f'apparmor="DENIED" operation="open" name="{SYSFS}0000:07:00.0/resource2"',
            f"open of {SYSFS}0000:07:00.0/resource2",
            "a security module",
        ),
        (OPENED.format("read write"), "open of /dev/port", "a security module"),
        (OPENED.format("map").replace("port", "mem"), MMAP, "a security module"),
        ('avc:  denied  { sys_rawio } for comm="x" tclass=capability', OPEN, UNABLE),
        (AVC.replace("permissive=0", "permissive=1"), "direct PCI access", "nothing failed there"),
    ],
)
def test_the_words_say_what_it_is_about(got: str, about: str, first: str) -> None:
    subject, causes = found(got)
    assert about in subject
    assert causes[0].startswith(first)


def test_what_a_security_module_denies_is_the_open_of_that_place_too() -> None:
    line = 'apparmor="DENIED" operation="open" name="/dev/mem" comm="x"'
    subject, causes = found(line, known("idle"), address=IVSHMEM_BAR)
    assert (subject, len(causes)) == ("open of /dev/mem", 1)
    allowed = AVC.replace("permissive=0", "permissive=1")  # says no call, so the place is all
    subject, _ = found(allowed, known("idle"), address=IVSHMEM_BAR)
    assert subject == f"mmap of 0x1000 bytes at {IVSHMEM_BAR:#x} through /dev/mem"
    said = told(*asked_of(Description(), logged := line.replace("DENIED", "ALLOWED")), got=logged)
    assert "open of /dev/mem succeeded with a warning; what" in said.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("got", "about", "errnos"),
    [
        ("[W] Unable to open /dev/mem.", OPEN, ["EPERM", "EACCES", "ENOENT", "ENXIO"]),
        ("ERROR: Memory map failed", MMAP, ["EPERM", "EACCES", "EINVAL"]),
        ("cannot gain I/O privileges", "iopl(3)", ["EPERM", "ENOSYS"]),
        ("I/O privileges not obtained", "iopl(3)", ["EPERM", "ENOSYS"]),
        ("pcilib: No permission to access I/O ports", "iopl(3)", ["EPERM", "ENOSYS"]),
        ("No access to /dev/mem.  Try running as root!", MMAP, ["EPERM", "EACCES"]),
        (f"pcilib: Cannot open {SYSFS}0000:00:00.0/config", "open of /sys", ["EACCES"]),
    ],
)
def test_words_without_an_errno_have_the_causes_of_each(
    got: str, about: str, errnos: list[str]
) -> None:
    subject, causes = found(got)
    assert about in subject
    seen = list(dict.fromkeys(one.partition(": ")[0] for one in causes))
    assert seen[: len(errnos)] == errnos
    said = told(*asked_of(Description(), got), got=got)
    assert said.text.splitlines()[1] == MISSING
    assert not any(one.advice for one in said.causes)
    with_errno, one = found(f"{got}: {errnos[0]}")  # the control: then it is one errno's
    assert with_errno == subject
    assert {f"{errnos[0]}: {what}" for what in one} <= set(causes) | {
        f"{errnos[0]}: {what}" for what in one if "architecture" in what
    }


@pytest.mark.slow
def test_of_many_causes_without_an_errno_the_likeliest_are_shown_and_the_others_counted() -> None:
    got = "failed to access /dev/mem"
    said = told(*asked_of(Description(), got), got=got)
    errnos = [cause.what.partition(": ")[0] for cause in said.causes]
    assert len(errnos) > MOST
    lines = said.text.splitlines()
    numbered = [line.split(". ", 1)[1] for line in lines if re.match(r" +\d+\. ", line)]
    assert len(numbered) == MOST
    assert numbered[0] == said.causes[0].what
    assert any("lockdown is in force" in line for line in numbered)  # a common one, of EPERM
    assert any("page size" in line for line in numbered)  # and one of EINVAL
    [more] = [line for line in lines if line.startswith(f"  {len(errnos) - MOST} more: ")]
    counted = {errno: int(count) for count, errno in re.findall(r"(\d+) of (E\w+)", more)}
    for errno in errnos:
        listed = sum(line.startswith(errno) for line in numbered)
        assert errnos.count(errno) == listed + counted.get(errno, 0)
    for page in (causes_html("", said.got, said.causes), as_page(said)):
        assert (page.count("how to tell: "), safe(more[2:]) in page) == (MOST, True)


def test_words_without_an_errno_play_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    played: Counter[tuple[Machine, str]] = Counter()

    def play_and_note(machine: Machine, acts: Calls) -> Played:
        played[machine, repr(acts)] += 1
        return play(machine, acts)

    monkeypatch.setattr(trials, "play", play_and_note)
    _, causes = causes_for(known("idle"), "mmap /dev/mem failed", address=IVSHMEM_BAR)
    assert len({one.what.partition(": ")[0] for one in causes}) > 3
    assert max(played.values()) <= 2  # two hypotheses may suppose the same


def test_without_an_errno_the_likeliest_machine_s_comes_first() -> None:
    for state, first in (("bound", "EPERM: page 0xfebc0 is not allowed"), ("idle", "EPERM: a dri")):
        causes = found("failed to map it", known(state), address=E1000_BAR)[1]
        assert causes[0].startswith(first)
    causes = found("failed to map it", known("bound"), bdf=E1000, bar=0)[1]
    assert causes[0] == "EINVAL: the first page of BAR 0 is taken: e1000 has it"


@pytest.mark.slow
def test_a_message_about_mmap_has_no_causes_of_open_and_the_other_way_round() -> None:
    of_open = f"{UNABLE}, as is usual for root in a container"
    for words, offered in (("mmap", False), ("open /dev/mem", True), ("something", True)):
        assert (of_open in found(f"{words}: Operation not permitted")[1]) == offered
    claimed = "a driver had claimed the region before"
    for words, offered in (("mmap", True), ("open /dev/mem", False), ("something", True)):
        assert (claimed in found(f"{words}: Operation not permitted")[1]) == offered


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "arch"),
    [
        ("Unhandled fault: external abort on non-linefetch (0x1818) at 0xb6fe2000", "arm"),
        ("Unhandled fault: imprecise external abort (0x1406) at 0x96fe2000", "arm"),
        ("Unhandled fault: synchronous external abort (0x210) at 0xb6fe2000", "arm"),
        ("Unhandled fault: alignment exception (0x001) at 0xb6fe2001", "arm"),
        ("Unhandled fault: synchronous external abort (0x96000210) at 0x0000007f9b2a8000", "arm64"),
        ("a.out[9]: unhandled alignment fault (11) at 0x7f9b2a8001, esr 0x92000021", "arm64"),
        ("Machine check in user mode.", "powerpc"),
    ],
)
def test_a_fault_names_the_architecture_and_a_virtual_address(line: str, arch: str) -> None:
    machines, access, _, causes = asked_of(Description(), line)
    assert machines.known.architecture == arch
    assert access.nowhere  # its address is the process's
    assert len(causes) == 1
    pasted = read_paste(f"[ 2104.1] {line}\n")
    assert pasted.asked.keys() == {"got"}
    assert not may_be_of(known(), access, line)
    assert may_be_of(known(arch="riscv64"), access, "Bus error")  # control


def test_a_mapping_that_the_description_refuses_explains_a_fault() -> None:
    described = known("bound", lockdown=None)
    refused = found("SIGSEGV", described, address=E1000_BAR, op="load")[1]
    assert refused[0].startswith(SUREST)
    assert refused[1] == "mmap was refused with EPERM: page 0xfebc0 is not allowed: e1000 has it"
    free = found("SIGSEGV", known("idle"), address=IVSHMEM_BAR, op="load")[1]
    assert free[0].startswith(SUREST)
    assert not any(one.startswith("mmap was refused with") for one in free)
    seen = found("SIGSEGV base=0xffffffffffffffff", known("idle"), address=IVSHMEM_BAR, op="load")
    assert any(one.startswith("mmap was refused with EPERM") for one in seen[1])


@pytest.mark.parametrize(
    ("config", "whats"),
    [
        (None, ["this /dev has no such node", "the kernel has no /dev/mem (DEVMEM=n)"]),
        ({"CONFIG_STRICT_DEVMEM": "y"}, ["this /dev has no such node"]),
        (CONFIG, ["this /dev has no such node"]),
        ({"CONFIG_DEVMEM": "n"}, ["there is no node /dev/mem: CONFIG_DEVMEM=n"]),
    ],
)
def test_why_a_node_is_missing_is_open_unless_evidence_decides(
    config: dict[str, str] | None, whats: list[str]
) -> None:
    for dev_mem in (False, None):
        described = known(dev_mem=dev_mem, config=config)
        causes = found("/dev/mem: No such file or directory", described)[1]
        assert [one for one in causes if not one.startswith(tuple(whats))] == []
        assert len(causes) == len(whats)
    plain = explain(*ask(known(dev_mem=False, config=config), address=0xFE00_0000))
    assert plain.outcome == "ENOENT"
    builds = config == {"CONFIG_DEVMEM": "n"}
    assert plain.advice[0].do.startswith("build a kernel" if builds else "run it as root")


def test_the_nodes_that_the_kernel_has_are_seen_from_a_container(tmp_path: Any) -> None:
    """Not by /proc/devices, where "1 mem" is without DEVMEM, too."""
    for nodes, built in (("null", "n"), ("mem", "y"), ("", None)):
        root = tmp_path / (nodes or "none")
        (root / "sys/class/mem" / nodes).mkdir(parents=True)
        taken = description_of(snapshot.take(root), "x")
        assert taken.dev_mem is False
        assert (taken.config or {}).get("CONFIG_DEVMEM") == built


LS = "crw-r----- 1 root kmem 1, 1 Sep  3 18:01 /dev/mem\n"
DENIED = "/dev/mem trouble: Permission denied\n"


@pytest.mark.parametrize(
    ("who", "first"),
    [
        ("uid=1000(a) gid=9(kmem) groups=9(kmem),10(wheel)", "has the mode 0640, and the process "),
        ("uid=1000(a) gid=100(users) groups=100(users)", "has the mode 0640, and it belongs to"),
        ("uid=0(root) gid=0(root) groups=0(root)", "a security module"),
        ("$ sudo tool", "the process does not run as root"),
    ],
)
def test_the_mode_of_the_node_and_who_asks_decide(who: str, first: str) -> None:
    pasted = read_paste(f"{DENIED}$ ls -l /dev/mem\n{LS}$ id\n{who}\n")
    causes = asked_of(pasted.known, **pasted.asking())[3]
    assert first in causes[0].what


def test_a_group_that_may_read_still_needs_the_capability() -> None:
    who = "uid=1000(a) gid=9(kmem) groups=9(kmem)\n"
    for line, opens in ((LS, True), (LS.replace("r-----", "------"), False)):
        described = read_paste(f"{line}{who}\n000f0000-000fffff : System ROM\n").known
        answer = explain(*ask(described, address=0xF_0000, op="read"))
        assert (answer.outcome == "EACCES") != opens


def test_a_node_has_nothing_to_do_with_a_file_of_sysfs() -> None:
    causes = found("mmap bar0: Invalid argument")[1]
    assert not any("/dev" in one for one in causes)
    assert "/dev/mem" not in found("open /sys/bus/pci/devices/0000:00:00.0/config: EACCES")[1][0]


def test_a_negative_offset_is_offered_for_an_address_with_bit_31() -> None:
    for address, offered in ((0x9240_A000, True), (0x1240_A000, False)):
        causes = found("mmap: Invalid argument", Description(arch="armv7l"), address=address)[1]
        assert any(one.startswith("the offset came as a negative number") for one in causes) == (
            offered
        )


def test_lockdown_is_last_on_a_kernel_that_lacks_it() -> None:
    for release, last in (("4.9.0", True), ("6.1.0", False)):
        described = known("idle", release=release, lockdown=None, cmdline="iomem=relaxed")
        causes = found("EPERM", described, address=IVSHMEM_BAR)[1]
        assert (causes[-1] == "lockdown is in force") == last


@pytest.mark.slow
def test_what_may_end_the_kernel_is_left_open() -> None:
    """An unaligned read of ports on arm64, and an address that the CPU has not got, before 4.15."""
    row = "0x0000000000001000 0x000000000000103f 0x0000000000040101\n"
    rest = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 6
    ports = read_paste(row + rest, bdf="0000:01:00.0")
    for arch, offset, open_ in (("aarch64", 1, True), ("aarch64", 2, False), ("x86_64", 1, False)):
        described = replace(ports.known, arch=arch, release="6.12")
        asked = {"bdf": "0000:01:00.0", "bar": 0, "offset": offset, "length": 2, "op": "read"}
        assumed = explain(*ask(described, **asked)).assumed
        assert any("the kernel survives it" in one for one in assumed) == open_
    for release, address, open_ in (("4.4", 1 << 45, True), ("4.4", 1 << 30, False)):
        found = explain(*ask(known("idle", release=release), address=address, op="load"))
        assert found.outcome == "ok"
        assert any("the CPU has more than 40" in one for one in found.assumed) == open_
