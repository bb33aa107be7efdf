"""Several texts in one: every line gets to the reader of its kind, in whatever order they stand."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from devmemkit.scenarios.machines import data_dir
from devmemkit.text.paste import KINDS, SHOWS, architecture_in, release_in, split
from tests.samples import SAMPLES, needs_samples

BOUND = data_dir() / "machines" / "qemu-6.12" / "bound"
FOLDERS = {"iomem": "iomem", "ioports": "ioports", "lspci": "lspci", "pci_resource": "resource"}
FILES = [
    pytest.param(path, kind, id=f"{folder}/{path.name}")
    for folder, kind in FOLDERS.items()
    for path in sorted((SAMPLES / folder).glob("*.txt"))
]
MORE = {
    "kunpeng-vf-bars.txt": [*4 * ["command", "lspci"], "command", "iomem", *2 * ["command", "log"]],
    "numeric-sandybridge.txt": ["log", "release", "cmdline", "log"],
}
"""What some of them have below, as a person sees it."""
SHORT = {
    "release": "Linux box 6.12.0-1-amd64 #1 SMP Debian x86_64 GNU/Linux\n",
    "config": "CONFIG_DEVMEM=y\n# CONFIG_IO_STRICT_DEVMEM is not set\n",
    "cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet iomem=relaxed\n",
    "lockdown": "[none] integrity confidentiality\n",
    "cpuinfo": "address sizes\t: 39 bits physical, 48 bits virtual\n",
    "mtrr": "reg00: base=0x0c0000000 ( 3072MB), size= 1024MB, count=1: uncachable\n",
    "rights": "crw-r----- 1 root kmem 1, 1 Sep  3 18:01 /dev/mem\nuid=1000(a) gid=9(kmem)\n",
    "command": "$ sudo busybox devmem 0xfebc0000\n",
    "symptom": "devmem: mmap: Operation not permitted\n",
    "log": "[    0.004000] KERNEL supported cpus:\n",
    "strace": 'openat(AT_FDCWD, "/dev/mem", O_RDWR) = 3\n'
    "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0xfebc0000) = -1 EPERM\n",
    "lspci": "00:03.0 Ethernet controller: Intel Corporation 82540EM\n"
    "\tMemory at febc0000 (32-bit, non-prefetchable) [size=128K]\n"
    "\tKernel driver in use: e1000\n",
    "resource": "==> /sys/bus/pci/devices/0000:00:03.0/resource <==\n"
    + "0x00000000febc0000 0x00000000febdffff 0x0000000000040200\n" * 13,
    "iomem": (BOUND / "iomem").read_text(),
    "ioports": (BOUND / "ioports").read_text(),
}


@needs_samples
@pytest.mark.parametrize(("path", "kind"), FILES)
def test_a_real_text_is_one_part(path: Path, kind: str) -> None:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    found = split(text)
    more = MORE.get(path.name, ())
    kind = "ioports" if path.name == "mips-mt7621.txt" else kind  # all below 64 KiB: of ports
    assert [part.kind for part in found] == [kind, *more]
    lines = [line for part in found for line in part.text.splitlines() if line.strip()]
    assert lines == [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("kind", SHOWS)
def test_each_kind_alone(kind: str) -> None:
    [part] = split(SHORT[kind])
    assert part == (kind, 1, SHORT[kind].count("\n"), SHORT[kind])
    assert kind in KINDS


@pytest.mark.parametrize("order", [*permutations(("iomem", "lspci", "strace", "symptom"))])
def test_any_order(order: tuple[str, ...]) -> None:
    found = split("\n".join(SHORT[kind] for kind in order))
    assert [part.kind for part in found] == [*order]
    assert [part.text.strip() for part in found] == [SHORT[kind].strip() for kind in order]


@pytest.mark.parametrize("below", SHOWS)
@pytest.mark.parametrize("above", SHOWS)
def test_every_kind_below_every_other(above: str, below: str) -> None:
    found = split(SHORT[above] + SHORT[below])
    assert [part.kind for part in found] == [above, below] if above != below else [above]


@pytest.mark.parametrize(
    "prompt", ["$ ", "# ", "root@box:~# ", "pi@raspberrypi:~ $ ", "[user@host ~]$ ", "sudo "]
)
def test_a_prompt_begins_a_part(prompt: str) -> None:
    typed = f"{prompt}busybox devmem 0xfebc0000\n"
    found = split(SHORT["iomem"] + typed + SHORT["symptom"])
    assert [part.kind for part in found] == ["iomem", "command", "symptom"]


def test_mail_quotes_and_prose_do_not_hide_a_text() -> None:
    text = "Hello,\n\nI see this:\n> " + SHORT["iomem"].replace("\n", "\n> ") + "\nThanks\n"
    assert [part.kind for part in split(text)] == ["other", "iomem"]


def test_release_and_architecture() -> None:
    assert release_in("Linux box 6.12.0-1-amd64 #1 SMP") == "6.12.0-1-amd64"
    assert release_in("[    0.000000] Linux version 5.13.0-trunk-amd64 (debian)") == (
        "5.13.0-trunk-amd64"
    )
    assert release_in("6.8.0-45-generic") == "6.8.0-45-generic"
    assert release_in("nothing") == ""
    assert architecture_in("Linux pi 6.6.31+rpt-rpi-v8 #1 SMP PREEMPT aarch64 GNU/Linux") == (
        "aarch64"
    )
    assert architecture_in("6.8.0-45-generic") == ""
