"""What people write as a symptom."""

from __future__ import annotations

import errno
import os

import pytest

from devmemkit.text.symptom import MESSAGES, Symptom, parse_symptom


def test_names_messages_and_numbers_are_those_of_linux() -> None:
    for name in MESSAGES:
        number = getattr(errno, name)
        assert os.strerror(number).lower() == MESSAGES[name]
        for text in (name, name.lower(), str(number), f"-{number}", MESSAGES[name].title()):
            found = parse_symptom(text)
            assert found == (Symptom(name) if text != "-1" else None)
        assert parse_symptom(f"[Errno {number}] {os.strerror(number)}: '/dev/mem'") == Symptom(name)
        assert parse_symptom(f"mmap: {os.strerror(number)}\n") == Symptom(name)


@pytest.mark.parametrize(
    ("text", "name", "cause"),
    [
        ("Bus error (core dumped)", "SIGBUS", ""),
        ("zsh: bus error  ./a.out", "SIGBUS", ""),
        ("exit status 139", "SIGSEGV", ""),
        ("return code 135", "SIGBUS", ""),
        ("Segmentation fault", "SIGSEGV", ""),
        ("sigbus", "SIGBUS", ""),
        ("0xffffffff", "ones", ""),
        ("zeroes", "zeros", ""),
        ("Read at address  0xFE200000 (0xb6f7e000): 0xFFFFFFFF", "ones", ""),
        ("Value at address 0xFE200000 (0x7f7f373000): 0x0", "zeros", ""),
        ("[ 7.1] Lockdown: dd: /dev/mem,kmem,port is restricted; see man kernel_lockdown.7",
         "EPERM", "lockdown"),
        ("Lockdown: setpci: direct PCI access is restricted; see man", "EPERM", "lockdown"),
        ("x86/PAT: tool:99 conflicting memory types fd000000-fd001000 write-back<->uncached", "",
         "other cache type"),
        ("x86/PAT: memtype_reserve failed [mem 0xfd000000-0xfd000fff]", "",
         "other cache type"),
        ("Program dd tried to access /dev/mem between 100000->101000.", "EPERM", "page refused"),
        ("nvme 0000:01:00.0: can't reserve [mem 0xfd000000-0xfd003fff 64bit]", "EBUSY",
         "claim fails"),
        ("nvme 0000:01:00.0: can\u2019t reserve [mem 0xfd000000-0xfd003fff 64bit]", "EBUSY",
         "claim fails"),
        ("simple-framebuffer.0: [drm] *ERROR* could not acquire memory region [mem "
         "0xfd000000-0xfd3fffff]: -16", "EBUSY", "claim fails"),
    ],
)  # fmt: skip
def test_signals_contents_and_lines_of_dmesg(text: str, name: str, cause: str) -> None:
    found = parse_symptom(text)
    assert found is not None
    assert found[:2] == (name, cause)


WARNING = "resource: resource sanity check: requesting [mem 0xfed10000-0xfed15fff], which spans"


@pytest.mark.parametrize(
    "text", ["", "nope", "-1", "ENOSPC", "7", "999", "\x1b[2J", "x" * 10**6, WARNING]
)
def test_what_is_no_symptom(text: str) -> None:
    assert parse_symptom(text) is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("nvme 1: can't reserve [mem 0xfd000000-0xfd003fff 64bit]", (0xFD00_0000, 0xFD00_3FFF)),
        ("Program dd tried to access /dev/mem between 100000->101000.", (0x10_0000, 0x10_0FFF)),
        (
            "x86/PAT: t:9 conflicting memory types fd000000-fd001000 a<->b",
            (0xFD00_0000, 0xFD00_0FFF),
        ),
        ("can't reserve [mem 0x2-0x1]", None),
        ("can't reserve [io 0x3f8-0x3ff]", None),
    ],
)
def test_the_range_that_a_line_of_dmesg_names(text: str, where: tuple[int, int] | None) -> None:
    found = parse_symptom(text)
    assert found is not None
    assert found.where == where


def test_an_errno_comes_before_the_pointer_that_mmap_returned() -> None:
    line = "EAL: cannot mmap(40, 0x1100800000, 0x1000, 0x0): Invalid argument (0xffffffffffffffff)"
    assert parse_symptom(line) == Symptom("EINVAL")
    assert parse_symptom("0xffffffffffffffff") == Symptom("ones")
    line = "Lockdown: flashrom: raw io port access is restricted; see man kernel_lockdown.7"
    assert parse_symptom(line) == Symptom("EPERM", "lockdown")
