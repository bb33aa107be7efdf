"""Lines of strace, as they stand in reports, as accesses with their symptoms."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.text import TextError
from devmemkit.text.strace import parse_strace

MEM = {"via": "devmem"}
MAP = {"op": "mmap", "prot": "r", "exec": False, "private": False}
OPEN = {"op": "open"}


@pytest.mark.parametrize(
    ("text", "access", "got"),
    [
        ("mmap(NULL, 16777216, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0xf2000000) = -1 EPERM "
         "(Operation not permitted)",
         MEM | MAP | {"prot": "rw", "length": 1 << 24, "address": 0xF200_0000}, "EPERM"),
        ("[pid  4711] 12:00:01.123 mmap(0x7f0000000000, 4096, PROT_READ|PROT_EXEC, "
         "MAP_PRIVATE|MAP_FIXED, 3</dev/mem>, 0) = 0x7f0000000000",
         MEM | MAP | {"length": 4096, "exec": True, "private": True, "address": 0}, ""),
        ('openat(AT_FDCWD, "/dev/mem", O_RDWR|O_SYNC) = -1 EACCES (Permission denied)',
         MEM | OPEN | {"mode": "rw", "sync": True}, "EACCES"),
        ('open("/dev/port", O_RDONLY|O_CLOEXEC) = -1 EPERM (Operation not permitted)',
         OPEN | {"via": "port", "mode": "r", "sync": False}, "EPERM"),
        ('openat(AT_FDCWD, "/sys/bus/pci/devices/0000:03:00.0/resource0", O_RDWR) = 5\n'
         "fstat(5, {st_mode=S_IFREG|0600, st_size=131072, ...}) = 0\n"
         "mmap(NULL, 131072, PROT_READ, MAP_SHARED, 5, 0x1000) = -1 EINVAL (Invalid argument)",
         MAP | {"via": "sysfs", "bdf": "0000:03:00.0", "bar": 0, "mode": "rw", "sync": False}
         | {"length": 131072, "offset": 4096}, "EINVAL"),
        ('openat(AT_FDCWD, "/sys/devices/pci0000:00/0000:00:02.0/resource2_wc", O_RDONLY) = -1 '
         "ENOENT (No such file or directory)",
         OPEN | {"via": "sysfs", "bdf": "0000:00:02.0", "bar": 2, "wc": True}
         | {"mode": "r", "sync": False}, "ENOENT"),
        ("mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5</sys/bus/pci/devices/0000:03:00.0/resource>,"
         " 0) = -1 ENODEV (No such device)",
         MAP | {"via": "sysfs", "bdf": "0000:03:00.0", "length": 4096, "offset": 0}
         | {"other": "/sys/bus/pci/devices/0000:03:00.0/resource"}, "ENODEV"),
        ("mmap(NULL, 4096, PROT_READ, MAP_SHARED, 4</proc/bus/pci/03/00.0>, 0xf0000000) = -1 "
         "EIO (Input/output error)",
         MAP
         | {"via": "proc", "bdf": "0000:03:00.0", "length": 4096, "address": 0xF000_0000}, "EIO"),
        ('pread64(3, "\\1\\2, 3"..., 4096, 4273995776) = -1 EFAULT (Bad address)',
         MEM | {"op": "read", "length": 4096, "address": 4273995776}, "EFAULT"),
        ('openat(AT_FDCWD, "/dev/mem", O_WRONLY) = 3\nlseek(3, 1048576, SEEK_SET) = 1048576\n'
         'write(3, "x", 1) = -1 EPERM (Operation not permitted)\nexit_group(1) = ?',
         MEM | {"mode": "w", "sync": False}
         | {"op": "write", "length": 1, "address": 1 << 20}, "EPERM"),
        ("[pid 12] ioperm(0x3f8, 8, 1)             = -1 EPERM (Operation not permitted)",
         {"via": "port", "op": "ioperm", "address": 0x3F8, "length": 8}, "EPERM"),
        ("iopl(3)                                 = 0",
         {"via": "port", "op": "iopl", "address": 0, "length": 1 << 16, "offset": 3}, ""),
        ("mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0xfe000000) = 0x7f1a2b3c4000\n"
         "--- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr=0x7f1a2b3c4000} ---",
         MEM | MAP | {"op": "load", "length": 4096, "address": 0xFE00_0000}, "SIGBUS BUS_ADRERR"),
        ("mmap(0, 4096, 0x3, 0x1, 3</dev/mem<char 1:1>>, 0xfe000000) = -1 EPERM",  # -X raw -yy
         MEM | MAP | {"prot": "rw", "length": 4096, "address": 0xFE00_0000}, "EPERM"),
        ("mmap(0, 4096, 0x5, 0x2, 3, 0xfe000000) = -1 EPERM",
         MEM | MAP
         | {"exec": True, "private": True, "length": 4096, "address": 0xFE00_0000}, "EPERM"),
        ("mmap(NULL, 4096, PROT_READ, MAP_SHARED, 11<anon_inode:[vfio-device]>, 0) = 0x7f00\n"
         "--- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr=0x7f00} ---",
         MAP | {"via": "driver", "other": "/dev/vfio", "op": "load", "length": 4096}
         | {"offset": 0}, "SIGBUS BUS_ADRERR"),
        ('openat(AT_FDCWD, "/dev/uio0", O_RDWR) = 3\n'
         "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = -1 EINVAL (Invalid argument)",
         MAP | {"via": "driver", "other": "/dev/uio0", "mode": "rw", "sync": False}
         | {"length": 4096, "offset": 0}, "EINVAL"),
        ("mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</dev/mem>, 0x1000) = -1 EPERM\n"
         "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 4</dev/dri/card0>, 0) = 0x7f00",
         MEM | MAP | {"length": 4096, "address": 4096}, "EPERM"),
    ],
)  # fmt: skip
def test_what_a_trace_shows(text: str, access: dict[str, Any], got: str) -> None:
    traced = parse_strace(text)
    assert (traced.access, traced.got) == (access, got)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mmap",
        'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3',
        "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000",
        'openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY) = 3\nread(3, "ELF"..., 832) = 832',
        "\x1b[2J",
        f"mmap(NULL, {'9' * 5000}, PROT_READ, MAP_SHARED, 3, 0) = -1 EINVAL",
        f"mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x1{'0' * 16}) = -1 EINVAL",
        "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</sys/a/0000:03:00.0/resource9>, 0) = -1 EINVAL",
        "x" * 1_000_000,
        "read(3, " * 100_000,
    ],
)
def test_a_text_without_such_an_access_is_refused(text: str) -> None:
    with pytest.raises(TextError, match=r"^--strace:1: expected a call such as mmap") as caught:
        parse_strace(text)
    assert str(caught.value).isprintable()


def test_a_signal_alone_says_nothing_of_the_access() -> None:
    line = "--- SIGBUS {si_signo=SIGBUS, si_code=BUS_ADRERR, si_addr=0x7f1234560000} ---"
    with pytest.raises(TextError, match=r"^--strace:1: expected the mmap before"):
        parse_strace(line)


def test_an_unknown_descriptor_is_that_of_the_file_that_is_named() -> None:
    line = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x1000) = -1 EINVAL"
    bar = {"via": "sysfs", "bdf": "0000:03:00.0", "bar": 2}
    assert parse_strace(line, unknown=bar).access == bar | MAP | {"length": 4096, "offset": 4096}
    memory = 'openat(AT_FDCWD, "/dev/mem", O_RDONLY) = 3\n'
    assert parse_strace(memory + line, unknown=bar).access["via"] == "devmem"


def test_ports_that_are_given_back_are_no_access() -> None:
    with pytest.raises(TextError):
        parse_strace("ioperm(0x3f8, 8, 0) = 0")


def test_a_file_of_another_kind_is_no_device_memory() -> None:
    trace = (
        'openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY) = 3\n'
        "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000\n"
    )
    with pytest.raises(TextError):
        parse_strace(trace)
    memory = 'openat(AT_FDCWD, "/dev/mem", O_RDONLY) = 4\n'
    assert parse_strace(trace + memory).access["via"] == "devmem"


BAR = "/sys/bus/pci/devices/0000:03:00.0/resource0"


@pytest.mark.parametrize(
    "text",
    [
        # two threads
        f'[pid 12] openat(AT_FDCWD, "{BAR}", O_RDWR <unfinished ...>\n'
        '[pid 13] openat(AT_FDCWD, "/etc/fstab", O_RDONLY <unfinished ...>\n'
        "[pid 12] <... openat resumed>) = 5\n[pid 13] <... openat resumed>) = 6\n"
        "[pid 12] mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5, 0 <unfinished ...>\n"
        "[pid 12] <... mmap resumed>)      = -1 EINVAL (Invalid argument)\n",
        # a mail that wraps, with Windows' line ends
        f'> openat(AT_FDCWD, "{BAR}",\r\n> O_RDWR) = 5\r\n'
        "> mmap(NULL, 4096, PROT_READ, MAP_SHARED,\r\n> 5, 0) = -1 EINVAL\r\n",
        # colours
        f'\x1b[33mopenat\x1b[0m(AT_FDCWD, \x1b[32m"{BAR}"\x1b[0m, O_RDWR) = 5\n'
        "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5, 0) = \x1b[31m-1 EINVAL\x1b[0m (Invalid)",
        # a web page that sets quotation marks and dashes
        f"openat(AT_FDCWD, \u201c{BAR}\u201d, O_RDWR) = 5\n"
        "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 5, 0) = \u20131 EINVAL (Invalid argument)",
    ],
)
def test_the_file_of_a_descriptor_is_found_however_the_trace_was_pasted(text: str) -> None:
    traced = parse_strace(text)
    assert (traced.access["via"], traced.access.get("bar"), traced.got) == ("sysfs", 0, "EINVAL")
