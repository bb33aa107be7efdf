"""Lines of strace and symptoms without an operation: what they are taken for, and their causes."""

from __future__ import annotations

import pytest

import devmemkit as dk
from devmemkit.explain.access import AccessError
from devmemkit.explain.asking import asked_of, causes_for, may_be_of
from devmemkit.explain.calls import calls_of
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.symptom import causes, causes_text, symptom_on
from devmemkit.explain.traces import traced
from tests.explain.known import E1000, E1000_BAR, IVSHMEM, IVSHMEM_BAR, known

SYSFS = "/sys/bus/pci/devices/"
EPERM = "Operation not permitted"
READS = 'openat(AT_FDCWD, "/dev/mem", O_RDONLY) = 3\n'
MAP = "mmap(NULL, 4096, {}, MAP_SHARED, {}, {:#x}) = {}"


def line(at: int, end: str, prot: str = "PROT_READ|PROT_WRITE", fd: str = "3</dev/mem>") -> str:
    return MAP.format(prot, fd, at, end)


def first(text: str, described: Description | None = None) -> str:
    """The first cause of what lines of strace show."""
    return causes(*traced(described or Description(), text))[0].what


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line(0xF200_0000, f"-1 EPERM ({EPERM})"), "a driver had claimed the region"),
        (line(0xF200_0000, "-1 EPERM", "PROT_READ|PROT_EXEC"), "a noexec mount"),
        (line(0xF200_0123, "-1 EINVAL"), "offset 0xf2000123 is not page aligned"),
        (line(0xF200_0000, "-1 EACCES"), "opened for reading only"),
        (READS + line(0, "-1 EACCES", fd="3"), "the file is not open for that"),
        (line(0xF200_0000, "0x7f00\n--- SIGBUS {si_signo=SIGBUS} ---"), "mapping was revoked"),
        (
            line(0xF200_0000, "0x7f00\n--- SIGSEGV {si_signo=SIGSEGV} ---", "PROT_READ"),
            "without PROT_WRITE",
        ),
        ('openat(AT_FDCWD, "/dev/mem", O_RDWR) = -1 EACCES (Permission denied)', "run as root"),
        ('openat(AT_FDCWD, "/dev/mem", O_RDWR) = -1 EPERM', "lockdown is in force"),
        (line(0, "-1 EINVAL", fd=f"5<{SYSFS}0000:07:00.0/resource2>"), "a driver had claimed"),
        (line(0, "-1 ENODEV", fd=f"5<{SYSFS}0000:07:00.0/resource2>"), "I/O ports"),
        (line(0, "-1 ENODEV", fd=f"5<{SYSFS}0000:07:00.0/resource>"), "`resource` is a text"),
        (f'open("{SYSFS}0000:07:00.0/resource2_wc", O_RDWR) = -1 ENOENT', "prefetchable"),
        (f'open("{SYSFS}0000:07:00.0/resource2", O_RDWR) = -1 EROFS', "mount is read-only"),
        (f'pwrite64(5<{SYSFS}0000:07:00.0/config>, "x", 2, 4) = -1 EPERM', "configuration space"),
        ('pwrite64(5</proc/bus/pci/07/00.0>, "x", 2, 4) = -1 EPERM', "configuration space"),
        (line(0xF000_0000, "-1 EIO", fd="5</proc/bus/pci/07/00.0>"), "was removed"),
        (line(0, "0x7f00\n--- SIGBUS {} ---", fd="5<anon_inode:[vfio-device]>"), "file is VFIO's"),
        (line(0, "-1 EPERM", "PROT_WRITE", fd="5</dev/dsa/wq0.0>"), "file is idxd's"),
        (line(0, "-1 EPERM", fd="5</dev/vfio/12>"), "driver behind /dev/vfio/12"),
        (line(0, "-1 EINVAL", fd="5</dev/uio0>"), "driver behind /dev/uio0"),
        ("ioperm(0x3f8, 8, 1) = -1 EPERM (Operation not permitted)", "lockdown is in force"),
        ("iopl(3) = -1 EPERM (Operation not permitted)", "lockdown is in force"),
        ("iopl(4) = -1 EINVAL (Invalid argument)", "level 4 is above 3"),
        ("iopl(3) = -1 ENOSYS (Function not implemented)", "X86_IOPL_IOPERM=n"),
    ],
)
def test_a_line_alone_has_causes(text: str, says: str) -> None:
    assert says in first(text)


def test_the_calls_are_those_of_the_trace() -> None:
    _, access, got = traced(known(), READS + line(0, "-1 EPERM", "PROT_READ", "3"))
    opens, maps = calls_of(access)
    assert got == "EPERM"
    assert (opens.arguments["mode"], maps.arguments["prot"]) == ("r", "r")
    _, access, _ = traced(known(), line(0, "-1 EPERM", "PROT_NONE|PROT_EXEC"))
    assert calls_of(access)[1].arguments["prot"] == "x"


@pytest.mark.parametrize(
    ("prot", "named"), [("PROT_READ", False), ("PROT_READ|PROT_WRITE|PROT_EXEC", True)]
)
def test_only_an_executable_mapping_meets_noexec(prot: str, named: bool) -> None:
    found = causes(*traced(known(), line(0xF200_0000, "-1 EPERM", prot)))
    assert any("noexec" in cause.what for cause in found) == named
    assert not any("CAP_SYS_RAWIO" in cause.what for cause in found)  # the file was open


def test_a_device_of_the_machine_is_the_machine_s() -> None:
    text = line(0, "-1 EINVAL", fd=f"5<{SYSFS}{E1000}/resource0>")
    assert first(text, known()) == "the first page of BAR 0 is taken: e1000 has it"


def test_a_supposed_bar_has_at_least_a_page_of_the_machine() -> None:
    text = line(0, "-1 EINVAL", fd=f"5<{SYSFS}{E1000}/resource0>")
    for release, size in (("6.12.0-arm64-16k", 1 << 14), ("6.12.0-amd64", 1 << 12)):
        machines, *_ = traced(Description(release=release), text)
        (bar,) = machines.known.found[E1000].bars
        assert bar.length == size


def test_a_call_for_ports_has_no_causes_of_a_file() -> None:
    found = causes(*traced(known(lockdown="none"), "ioperm(0x80, 1, 1) = -1 EPERM"))
    assert [cause.function for cause in found] == ["ksys_ioperm"]
    assert "CAP_SYS_RAWIO" in found[0].what


def test_which_machine_the_lines_may_be_of() -> None:
    for text, possible in (
        (line(0, "-1 EPERM"), True),
        (line(0, "-1 EINVAL", fd=f"5<{SYSFS}{IVSHMEM}/resource2>"), True),
        (line(0, "-1 EINVAL", fd=f"5<{SYSFS}0000:77:00.0/resource2>"), False),
    ):
        _, access, got = traced(known(), text)
        assert may_be_of(known(), access, got) == possible
        assert not may_be_of(known(dev_mem=False, devices={}), access, got)
    _, access, got = traced(known(), "iopl(3) = -1 EPERM")
    assert may_be_of(known(), access, got)
    _, access, got = traced(known(), 'open("/dev/mem", O_RDWR) = -1 ENOENT')
    assert may_be_of(known(dev_mem=False), access, got)
    assert not may_be_of(known(dev_mem=False), access, "EPERM")


def test_a_call_that_succeeds_on_a_file_without_memory_is_refused() -> None:
    with pytest.raises(
        AccessError, match=r"^--strace: expected a file that holds memory, got /sys"
    ):
        traced(known(), line(0, "0x7f00", fd=f"5<{SYSFS}{E1000}/resource>"))


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(
        AccessError, match=r"^--strace: expected numbers from 0 to 2\^64 - 1, got 0x"
    ):
        traced(known(), f'pread64(3, "", {(1 << 64) + 1}, 0) = -1 EINVAL')


@pytest.mark.parametrize(
    ("got", "op"),
    [("EPERM", "mmap"), ("EIO", "read"), ("ones", "load"), ("EBADF", "read"), ("SIGBUS", "load")],
)
def test_the_operation_is_the_first_that_gives_the_symptom(got: str, op: str) -> None:
    access, found = causes_for(known("idle"), got, bdf=IVSHMEM, bar=2)
    assert access.op == op
    assert found


def test_a_line_of_dmesg_names_the_place() -> None:
    access, _ = causes_for(known(), "can't reserve [mem 0xfebc0000-0xfebdffff]")
    assert (access.start, access.length) == (E1000_BAR, 0x2_0000)


def lockdown(words: str) -> str:
    return f"[ 12.0] Lockdown: kworker/0:1: {words} is restricted; see man kernel_lockdown.7"


@pytest.mark.parametrize(
    ("words", "subject", "function"),
    [
        ("/dev/mem,kmem,port", "open of /dev/mem", "open_port"),
        ("direct PCI access", "direct PCI access", "lockdown_is_locked_down"),
        ("raw io port access", "raw io port access", "lockdown_is_locked_down"),
        ("ioperm", "ioperm", "lockdown_is_locked_down"),
    ],
)
def test_a_line_of_lockdown_needs_no_address(words: str, subject: str, function: str) -> None:
    before = f"Lockdown: {words} is restricted; see man kernel_lockdown.7"  # distributions', to 5.3
    for got in (lockdown(words), before):
        for described in (Description(), known(lockdown="none")):
            access, found = causes_for(described, got)
            assert str(access) == subject
            assert [cause.function for cause in found] == [function]
            assert "lockdown is in force" in found[0].what


def test_a_device_without_a_bar_is_its_configuration_space() -> None:
    for got in ("EPERM", lockdown("direct PCI access")):
        access, found = causes_for(known(lockdown=None), got, bdf=E1000)
        assert str(access) == f"write of 0x4 bytes at offset 0x0 through {SYSFS}{E1000}/config"
        assert "lockdown" in found[0].what
    text = 'pwrite64(3, "x", 2, 4) = -1 EPERM'
    assert "configuration space" in causes(*traced(Description(), text, bdf=E1000))[0].what
    with pytest.raises(AccessError, match=r"^expected --bar N with --bdf, got none$"):
        causes_for(known(), "EINVAL", bdf=E1000)
    with pytest.raises(AccessError, match=r"^--bdf: expected a device of the machine"):
        causes_for(known(), "EPERM", bdf="0000:77:00.0")


def test_a_device_that_nothing_describes_is_supposed() -> None:
    for more, at in (({}, 0), ({"offset": 0x3000, "length": 0x1000}, 0x3000)):
        access, found = causes_for(Description(), "EINVAL", bdf="0000:77:00.0", bar=2, **more)
        file = f"{SYSFS}0000:77:00.0/resource2"
        assert str(access) == f"mmap of 0x1000 bytes at offset {at:#x} through {file}"
        assert "a driver had claimed the region before" in found[0].what
    _, found = causes_for(Description(), "ENODEV", bdf="0000:77:00.0", bar=4)
    assert "I/O ports" in found[0].what
    assert not any("/dev/mem" in advice.do for advice in found[0].advice)  # it is not in memory
    _, found = causes_for(Description(), "EPERM", bdf="0000:77:00.0")
    assert "configuration space" in found[0].what


def test_options_name_the_file_that_lines_do_not_show() -> None:
    text = line(0, "-1 EINVAL", fd="3")
    _, access, _ = traced(known(), text, bdf=IVSHMEM, bar=2, wc=True)
    assert access.file == f"{SYSFS}{IVSHMEM}/resource2_wc"
    opened = f'open("{SYSFS}{IVSHMEM}/resource2", O_RDWR) = 3\n{text}'
    assert traced(known(), opened, bdf=IVSHMEM, bar=2)[1].file == f"{SYSFS}{IVSHMEM}/resource2"
    for named in ({"bdf": IVSHMEM, "bar": 0}, {"bdf": E1000}, {"bdf": IVSHMEM, "bar": 2, "wc": 1}):
        with pytest.raises(AccessError, match=r"^--strace: expected lines about .*another file$"):
            traced(known(), opened, **named)
    with pytest.raises(AccessError, match=r"^--strace: expected --bdf with --bar"):
        traced(known(), text, bar=2)


PAT = "x86/PAT: Xorg:99 map pfn expected mapping type {} for [mem {:#x}-{:#x}], got {}"


@pytest.mark.parametrize(
    ("types", "errno", "says"),
    [
        # is_new_memtype_allowed refuses these three pairs; the others come from fork alone
        (("uncached-minus", "write-back"), "EAGAIN", "another mapping of the pages"),
        (("write-combining", "write-back"), "EAGAIN", "another mapping of the pages"),
        (("write-through", "write-combining"), "EAGAIN", "another mapping of the pages"),
        (("uncached-minus", "write-combining"), "ENOMEM", "fork failed"),
        (("write-back", "uncached-minus"), "ENOMEM", "fork failed"),
        (("uncached", "write-back"), "ENOMEM", "fork failed"),  # not uncached-minus
    ],
)
def test_a_line_about_cache_types_names_the_errno(
    types: tuple[str, str], errno: str, says: str
) -> None:
    got = PAT.format(types[0], E1000_BAR, E1000_BAR + 0xFFF, types[1])
    access, found = causes_for(known(), got)
    assert symptom_on(Machines(known(), access), access, got).name == errno
    assert [says in cause.what for cause in found] == [True]
    if errno == "ENOMEM":
        assert "e1000 has them with another" in found[0].what
    access, found = causes_for(known(), got, bdf=IVSHMEM, bar=2)
    wanted = {"EAGAIN": "EINVAL"}.get(errno, errno)
    assert symptom_on(Machines(known(), access), access, got).name == wanted


def test_a_warning_that_ram_keeps_its_cache_type_is_no_failure() -> None:
    got = "x86/PAT: app:9 map pfn RAM range req uncached-minus for [mem 0x481488000-0x481488fff], "
    access, found = causes_for(Description(), f"{got}got write-back")
    assert ["nothing failed" in cause.what for cause in found] == [True]
    text = causes_text(access, "ok", found)
    assert text.startswith("a mapping of 0x1000 bytes at 0x481488000 succeeded with a warning;")


def test_a_conflict_that_the_machine_cannot_have_has_no_errno() -> None:
    described = known(dev_mem=False)
    got = PAT.format("uncached-minus", E1000_BAR, E1000_BAR + 0xFFF, "write-back")
    access, found = causes_for(described, got)
    assert symptom_on(Machines(described, access), access, got).name == ""
    assert [cause.played for cause in found] == [False]


def test_python_takes_the_same_lines() -> None:
    text = line(E1000_BAR, "-1 EPERM (Operation not permitted)")
    assert dk.explain(known(), strace=text).outcome == "EPERM"
    assert dk.causes(known(), strace=text)[0].function == "range_is_allowed"
    assert dk.causes(known(), "bad address", address=E1000_BAR)[0].function == (
        "valid_phys_addr_range"
    )


@pytest.mark.parametrize(
    ("got", "subject"),
    [
        (
            "Error accessing ICH RCRB, 0x4000 bytes at 0x00000000fed1c000\n"
            f"/dev/mem mmap failed: {EPERM}",
            "mmap of 0x4000 bytes at 0xfed1c000 through /dev/mem",
        ),
        (
            f"conmem: mmap of device at 0xf7d00000 for 0x00010000 bytes failed: {EPERM}",
            "mmap of 0x10000 bytes at 0xf7d00000 through /dev/mem",
        ),
        ("devmem 0xf7d00000 32\nBus error", "load of 0x4 bytes at 0xf7d00000 through /dev/mem"),
        ("dd: failed to open '/dev/mem': Permission denied", "open of /dev/mem"),
        (
            "Error mapping physical memory 0x000000002ff03000[0x2000] ERRNO=1",
            "mmap of 0x2000 bytes at 0x2ff03000 through /dev/mem",
        ),
        ("ERROR: Could not get I/O privileges (Function not implemented).", "iopl(3)"),
        ("Can't set I/O privilege level (Operation not permitted)", "iopl(3)"),
        (
            f"PermissionError: [Errno 13] Permission denied, opening {SYSFS}{IVSHMEM}/resource2_wc",
            f"open of {SYSFS}{IVSHMEM}/resource2_wc",
        ),
        (
            f"mmap of {SYSFS}{IVSHMEM}/resource2: Invalid argument",
            f"mmap of 0x1000 bytes at {IVSHMEM_BAR:#x} through {SYSFS}{IVSHMEM}/resource2",
        ),
        (
            "error reading /dev/mem at 0x100000: Operation not permitted",
            "read of 0x4 bytes at 0x100000 through /dev/mem",
        ),
        (
            "Read at address  0xF8000000 (0xb6f7e000): 0xFFFFFFFF",
            "load of 0x4 bytes at 0xf8000000 through /dev/mem",
        ),
    ],
)
def test_a_message_of_a_tool_names_the_access(got: str, subject: str) -> None:
    access, found = causes_for(known("idle", lockdown=None, capable=None, root=None), got)
    assert str(access) == subject
    assert found


def test_what_is_asked_comes_before_what_the_message_shows() -> None:
    got = "mmap of 0x4000 bytes at 0xfed1c000: Operation not permitted"
    access, _ = causes_for(known(), got, address=E1000_BAR, op="read")
    assert str(access) == f"read of 0x4 bytes at {E1000_BAR:#x} through /dev/mem"
    access, _ = causes_for(known(), "open: Operation not permitted", address=E1000_BAR)
    assert str(access) == "open of /dev/mem"
    with pytest.raises(AccessError, match="expected --address or --bdf"):
        causes_for(known(), "EPERM", via="proc")
    access, _ = causes_for(known(), "EPERM", via="port")
    assert str(access) == "read through /dev/port"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("got", "subject", "says"),
    [
        ("mmap bar1: Operation not permitted", "mmap through /dev/mem", "a driver had claimed"),
        ("dd: error reading '/dev/mem': Bad address", "read through /dev/mem", "the address is"),
        ("read of /dev/mem: Operation not permitted", "read through /dev/mem", "the range is RAM"),
        ("EINVAL", f"mmap of 0x1000 bytes at offset 0x0 through {SYSFS}BDF/resource0", "a driver"),
        ("ENODEV", f"mmap of 0x1000 bytes at offset 0x0 through {SYSFS}BDF/resource0", "I/O ports"),
        ("Bus error", "load through /dev/mem", "the mapping was revoked"),
        ("open: Permission denied", "open of /dev/mem", "run as root"),
        (
            "pcilib: sysfs_write: write failed: Operation not permitted",
            f"write of 0x1 bytes at offset 0x0 through {SYSFS}BDF/config",
            "configuration space",
        ),
        (
            f"pcimem {SYSFS}0000:03:00.0/resource 0x110 w\npcimem.c(19) [No such device]",
            f"mmap of 0x1 bytes at offset 0x0 through {SYSFS}0000:03:00.0/resource",
            "`resource` is a text",
        ),
    ],
)
def test_a_symptom_without_a_place_is_about_any(got: str, subject: str, says: str) -> None:
    """A dump does not say what is at a place that nobody tells."""
    for described in (Description(), known("idle", lockdown=None, capable=None, root=None)):
        access, found = causes_for(described, got)
        assert str(access) == subject
        assert says in found[0].what
        assert "0xe0000" not in " ".join(map(str, (*found, *found[0].advice)))


def test_a_descriptor_that_no_line_shows_may_be_of_a_device() -> None:
    text = line(0, "-1 EINVAL", fd="3")
    _, access, _, found = asked_of(Description(), None, strace=text)
    assert access.file == f"{SYSFS}BDF/resource0"
    assert "a driver had claimed" in found[0].what
    _, access, _, found = asked_of(Description(), None, strace=line(0, "-1 EINVAL"))
    assert (access.file, found) == ("/dev/mem", ())


def test_no_pages_are_told_to_be_free_beside_a_claim_that_is_supposed() -> None:
    got = "Error accessing ICH RCRB, 0x4000 bytes at 0xfed1c000: /dev/mem mmap: EPERM"
    first, *_ = causes_for(Description(), got)[1]
    assert first.what.startswith("a driver has claimed at least one page")
    assert not any("bytes" in advice.do for advice in first.advice)


@pytest.mark.slow
def test_an_open_that_is_shown_is_of_that_file_and_no_place() -> None:
    unknown = known("idle", lockdown=None, capable=None, root=None)
    _, found = causes_for(unknown, f"open {SYSFS}0000:77:00.0/resource0: ENOENT")
    assert [cause.what for cause in found] == ["there is no such device, or its BAR has no file"]
    port = 'openat(AT_FDCWD, "/dev/port", O_RDWR) = -1 ENOENT'
    first, *_ = causes(*traced(known(dev_port=False), port))
    assert not any("interface" in advice.do for advice in first.advice)
