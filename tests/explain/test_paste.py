"""One pasted text is the same question as its parts, each given by the option of its own."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from devmemkit.cli import main
from devmemkit.explain.asking import asked_of
from devmemkit.explain.description import Description, dump_of
from devmemkit.explain.paste import read_paste
from devmemkit.explain.symptom import symptom_of
from devmemkit.scenarios.machines import data_dir
from tests.explain.known import known

BOUND = data_dir() / "machines" / "qemu-6.12" / "bound"
UNAME = "Linux box 6.12.0-1-amd64 #1 SMP Debian x86_64 GNU/Linux\n"
CALL = "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0xfebc0000) = -1 EPERM (Operation)\n"
LSPCI = """00:03.0 Ethernet controller: Intel Corporation 82540EM
\tMemory at febc0000 (32-bit, non-prefetchable) [size=128K]
\tKernel driver in use: e1000

"""
TEXTS = {
    "--iomem": (BOUND / "iomem").read_text(),
    "--ioports": (BOUND / "ioports").read_text(),
    "--lspci": LSPCI,
    "--config": "CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\nCONFIG_IO_STRICT_DEVMEM=y\n",
}


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


def without(said: str, *starts: str) -> list[str]:
    return [line for line in said.splitlines() if not line.startswith(starts)]


@pytest.mark.parametrize("seed", range(6))
def test_the_answer_is_that_of_the_files(
    seed: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options: list[str] = []
    for name, text in TEXTS.items():
        (tmp_path / name[2:]).write_text(text)
        options += [name, str(tmp_path / name[2:])]
    cmdline = "BOOT_IMAGE=/x iomem=relaxed quiet"
    options += ["--kernel", "6.12.0-1-amd64", "--arch", "x86_64", "--cmdline", cmdline]
    apart = explained(capsys, *options, "--strace", CALL)
    parts = [*TEXTS.values(), UNAME, CALL, f"{cmdline}\n"]
    random.Random(seed).shuffle(parts)
    (tmp_path / "paste").write_text("\n".join(parts))
    together = explained(capsys, "--paste", str(tmp_path / "paste"))
    assert without(together, "note: line") == apart.splitlines()
    assert len(together.splitlines()) - len(apart.splitlines()) == len(parts)


def test_options_replace_what_is_pasted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "paste").write_text(TEXTS["--iomem"] + UNAME + CALL)
    paste = "--paste", str(tmp_path / "paste")
    read = json.loads(explained(capsys, *paste, "--op", "read", "--json"))
    assert read["access"] == "read of 0x1000 bytes at 0xfebc0000 through /dev/mem"
    assert read["outcome"] == "EFAULT"
    elsewhere = explained(capsys, *paste, "--address", "0xfed00000", "--op", "mmap")
    assert elsewhere.startswith("mmap of 0x1000 bytes at 0xfed00000 through /dev/mem, Linux 6.12.0")


def test_zero_is_given_as_well() -> None:
    """BAR 0, address 0, offset 0 and length 0 are no missing options."""
    given = {"bdf": "0000:00:03.0", "bar": 0, "offset": 0, "length": 0, "address": 0}
    assert read_paste(CALL).asking(**given, wc=None, exec=False).items() >= given.items()
    assert not {"wc", "exec"} & read_paste(CALL).asking(**given, wc=None, exec=False).keys()


def test_a_resource_file_without_a_name_is_that_of_the_device_that_is_asked_about(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = "0x00000000ef100000 0x00000000ef103fff 0x0000000000140204\n"
    rows += "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 6
    (tmp_path / "paste").write_text(f"{UNAME}cat resource\n{rows}grep CONFIG_X x\n{LSPCI}")
    paste = "--paste", str(tmp_path / "paste")
    said = explained(capsys, *paste, "--bdf", "01:00.0", "--bar", "0")
    assert said.startswith(
        "mmap of 0x1000 bytes at 0xef100000 through /sys/bus/pci/devices/0000:01"
    )
    said = explained(capsys, *paste, "--bdf", "00:03.0", "--bar", "0", "--got", "EINVAL")
    assert "resource files of sysfs was not read" not in said


def test_a_command_and_its_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "paste").write_text(
        "$ sudo busybox devmem 0xfebc0000\ndevmem: mmap: Operation not permitted\n"
    )
    said = explained(capsys, "--paste", str(tmp_path / "paste"))
    assert said.startswith("mmap of 0x1000 bytes at 0xfebc0000 through /dev/mem gave EPERM")


def test_the_log_knows_the_cause_better_than_the_call() -> None:
    line = "Lockdown: devmem: /dev/mem,kmem,port is restricted; see man kernel_lockdown.7"
    found = read_paste(f'openat(AT_FDCWD, "/dev/mem", O_RDWR) = -1 EPERM\n[ 3.0] {line}\n')
    assert str(found.asked["got"]).endswith(line)


def test_a_part_that_cannot_be_read_leaves_the_others() -> None:
    zeroes = "00000000-00000000 : System RAM\n00000000-00000000 : PCI Bus 0000:00\n"
    found = read_paste(f"{UNAME}{zeroes}{CALL}")
    assert found.known == Description(release="6.12.0-1-amd64", arch="x86_64")
    assert found.refused == {
        "iomem": "the paste:1: expected addresses, got zeroes only: it must be read by root"
    }
    assert "strace" in found.asked
    assert any("/proc/iomem was not read" in note for note in found.notes)


def test_lines_keep_their_numbers() -> None:
    text = TEXTS["--iomem"].splitlines()
    text[4] = ">>> " + text[4]
    found = read_paste(UNAME + CALL + "\n".join(text))
    alone = dump_of("\n".join(text).encode(), "x")
    assert found.known.iomem is not None
    assert [one.line - 2 for one in found.known.iomem.entries] == [e.line for e in alone.entries]
    assert [one.line - 2 for one in found.known.iomem.repairs] == [r.line for r in alone.repairs]


def test_an_empty_paste_asks_nothing() -> None:
    assert read_paste("  \n\n").parts == ()
    assert read_paste("hello\n").asked == {}


DEVMEM2 = """/dev/mem opened.
Memory mapped at address 0xb6f7e000.
Value at address 0xFEBC0000 (0xb6f7e000): 0xFFFFFFFF
"""
ROW = "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (DEVMEM2, "load of 0x4 bytes at 0xfebc0000 through /dev/mem"),
        ("$ busybox devmem 0xfebc0000 32\n0xFFFFFFFF\n", "load of 0x4 bytes at 0xfebc0000"),
        ("# devmem2 0xfebc0000 h\nFFFF FFFF\n", "load of 0x4 bytes at 0xfebc0000"),
        ("$ setpci -s 00:03.0 COMMAND\nffff\n", "offset 0x0 through /sys/bus/pci/devices/0000:00"),
        (f"$ lspci -x -s 00:03.0\n00: {ROW}\n10: {ROW}\n", "offset 0x0 through /sys/bus/pci/dev"),
        ("$ xxd resource0\n00000000: ffff ffff ffff ffff  ........\n", "read through /dev/mem"),
    ],
)
def test_ones_that_a_tool_printed_are_a_symptom(text: str, about: str) -> None:
    asked = dict(read_paste(text).asked)
    _, access, got, causes = asked_of(known(), asked.pop("got"), **asked)
    assert symptom_of(got).name == "ones"
    assert about in str(access)
    assert "is gone, asleep or hangs" in " ".join(cause.what for cause in causes)


@pytest.mark.parametrize(
    "text",
    [
        f"$ lspci -xxx -s 00:03.0\n00: 86 80 0e 10\n40: {ROW}\n",
        "ffff 0000\n",
        "[    0.1] e820: mask = 0xffffffff\n",
        "#define MASK 0xffffffff\n",
        "$ setpci -s 00:03.0 COMMAND\n0007\n",
    ],
)
def test_other_values_are_no_symptom(text: str) -> None:
    assert read_paste(text).asked == {}
