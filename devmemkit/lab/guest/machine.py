"""The machines that QEMU emulates for the guests: arguments, kernel parameters, device tree."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from devmemkit.host.child import ending_with_us
from devmemkit.lab.guest.device_tree import with_region
from devmemkit.lab.guest.initramfs import GuestError
from devmemkit.scenarios.machines import LABS

PARAMETERS = "quiet panic=-1 oops=panic nokaslr norandmaps"


@dataclass(frozen=True)
class Board:
    """The board that QEMU emulates for a kernel; its `program` is in Debian's `package`.

    With `tree` a device tree says where the persistent memory is, and the PCI devices get the slots
    that they have on a PC. `phys_bits` is the width of the addresses that mmap of /dev/mem accepts,
    where /proc/cpuinfo does not say it: PHYS_MASK on a CPU without LPA2.
    """

    program: str
    package: str
    arguments: tuple[str, ...]
    parameters: str
    tree: bool = False
    phys_bits: int | None = None


_VIRT = Board(
    "qemu-system-aarch64",
    "qemu-system-arm",
    ("-M", "virt", "-cpu", "cortex-a57"),
    # mem= takes the last 256 MiB from the kernel; the device tree says what is there
    f"console=ttyAMA0 {PARAMETERS} mem=1792M",
    tree=True,
    phys_bits=48,
)
BOARDS = {
    "x86_64": Board(
        "qemu-system-x86_64",
        "qemu-system-x86",
        ("-cpu", "qemu64"),
        f"console=ttyS0 {PARAMETERS} memmap=256M!1G",
    ),
    "arm64": _VIRT,
    # a Cortex-A57 has no pages of 16 KiB
    "arm64-16k": replace(_VIRT, arguments=("-M", "virt", "-cpu", "neoverse-n1")),
}
"""The boards by flavour of the kernels that they run."""


def cmdline(lab: str) -> str:
    """Kernel parameters of every guest on a machine of LABS; a story may add others."""
    return BOARDS[LABS[lab].flavour].parameters


def machine(shared_mib: int = 64, *, lab: str = "2g", counted: bool = False) -> tuple[str, ...]:
    """QEMU's arguments: a machine of data/machines, with an ivshmem BAR of so many MiB.

    `lab` is a name of LABS. A `counted` one has one CPU, and its clock advances by 1 ns with
    each instruction.
    """
    clock = ("-icount", "shift=0,sleep=off") if counted else ()
    cpus = ("-accel", f"tcg,thread={'single' if counted else 'multi'}")
    board = BOARDS[LABS[lab].flavour]
    e1000, nvme, ivshmem, port = (f",addr={at}" if board.tree else "" for at in range(3, 7))
    # its option ROM is one of a PC
    rom = ",romfile=" if board.tree else ""
    return (
        *(*cpus, *clock, *board.arguments, "-smp", "1" if counted else "2"),
        *("-m", str(LABS[lab].memory)),
        *("-display", "none", "-no-reboot", "-nic", "none", "-device", f"e1000{e1000}{rom}"),
        *("-blockdev", "null-co,node-name=scratch,size=16777216,read-zeroes=on"),
        *("-device", f"nvme,drive=scratch,serial=1{nvme}"),
        *("-device", f"ivshmem-plain,memdev=shared{ivshmem}"),
        *("-object", f"memory-backend-ram,id=shared,size={shared_mib}M,share=on"),
        # no memory BAR, which would change the addresses of the recorded machines
        *("-device", f"virtio-serial-pci,disable-modern=on,vectors=0{port}"),
    )


def qemu(flavour: str = "x86_64") -> str:
    """The path of QEMU for one of BOARDS; GuestError when it is not installed."""
    board = BOARDS[flavour]
    path = shutil.which(board.program)
    if path is None:
        raise GuestError(f"{board.program}: not found; install QEMU (package {board.package})")
    return path


def device_tree(lab: str, arguments: tuple[str, ...], work: Path) -> tuple[str, ...]:
    """QEMU's arguments for a device tree with the machine's persistent memory, a file in `work`.

    It is QEMU's own tree for `arguments`, with a node that the driver of_pmem takes; a PC has
    none. GuestError when QEMU does not say its tree.
    """
    at = LABS[lab]
    if not BOARDS[at.flavour].tree:
        return ()
    file = work / "tree.dtb"
    command = ending_with_us(qemu(at.flavour), *arguments, "-machine", f"dumpdtb={file}")
    done = subprocess.run(command, capture_output=True, text=True)
    if not file.is_file():
        raise GuestError(f"{command[-1]}: expected QEMU to write it, got: {done.stderr.strip()}")
    tree = with_region(file.read_bytes(), "pmem-region", at.pmem, at.pmem_end + 1 - at.pmem)
    file.write_bytes(tree)
    return ("-dtb", str(file))
