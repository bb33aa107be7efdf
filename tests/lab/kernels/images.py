"""Small kernel images and modules, made of the bytes that the lab reads."""

from __future__ import annotations

import gzip
import lzma
import struct
from pathlib import Path

RELEASE = "6.12.5+deb13-amd64"


def elf(**info: str) -> bytes:
    """The smallest module: an ELF64 header, a .modinfo section, the table and names of both."""
    values = b"".join(f"{key}={value}\0".encode() for key, value in info.items())
    names = b"\0.modinfo\0.names\0"
    text, table = 64 + len(values), 64 + len(values) + len(names)
    header = b"\x7fELF\2\1" + bytes(34) + struct.pack("<Q", table) + bytes(10)
    header += struct.pack("<HHH", 64, 3, 2)
    sections = struct.pack("<IIQQQQ", 0, 0, 0, 0, 0, 0) + bytes(24)
    sections += struct.pack("<IIQQQQ", 1, 1, 0, 0, 64, len(values)) + bytes(24)
    sections += struct.pack("<IIQQQQ", 10, 3, 0, 0, text, len(names)) + bytes(24)
    return header + values + names + sections


def bzimage(release: str) -> bytes:
    """The smallest bzImage: a setup part of 4 sectors that names the release, 64 bytes of code."""
    head = bytearray(5 * 512)
    head[0x1F1] = 4
    head[0x1F4:0x1F8] = struct.pack("<I", 64 // 16)
    head[0x1FE:0x202] = b"\x55\xaa\xeb\x6a"
    head[0x202:0x206] = b"HdrS"
    head[0x206:0x208] = struct.pack("<H", 0x20F)
    head[0x20E:0x210] = struct.pack("<H", 0x300 - 0x200 + 0x10)
    name = f"{release} (builder@host) #1 SMP\0".encode()
    head[0x310 : 0x310 + len(name)] = name
    return bytes(head) + bytes(64)


def arm_image(release: str) -> bytes:
    """The smallest arm64 Image: its header, a PE header with one section of 512 bytes, a banner."""
    head = bytearray(0x200)
    head[0:2], head[0x38:0x3C], head[0x3C] = b"MZ", b"ARMd", 0x40
    head[0x40:0x48] = b"PE\0\0" + struct.pack("<HH", 0xAA64, 1)
    head[0x54:0x56] = struct.pack("<H", 16)  # of the optional header
    head[0x78:0x80] = struct.pack("<II", 0x200, 0x200)
    text = f"Linux version %s (%s)\0Linux version {release} (builder@host) #1 SMP\n\0"
    return bytes(head) + text.encode().ljust(0x200, b"\0")


def fill(folder: Path) -> None:
    """A folder where e1000 stands alone, nd_pmem needs a chain, and virtio is built in."""
    drivers = folder / "kernel" / "drivers"
    drivers.mkdir(parents=True)
    magic = f"{RELEASE} SMP preempt mod_unload"
    (drivers / "e1000.ko").write_bytes(elf(depends="", vermagic=magic))
    (drivers / "nd_pmem.ko.xz").write_bytes(
        lzma.compress(elf(depends="nd_btt,libnvdimm", vermagic=magic))
    )
    (drivers / "nd_btt.ko.gz").write_bytes(gzip.compress(elf(depends="libnvdimm", vermagic=magic)))
    (drivers / "libnvdimm.ko").write_bytes(elf(license="GPL", vermagic=magic))
    (drivers / "nvme-core.ko").write_bytes(elf(depends="virtio", vermagic=magic))
    (folder / "modules.builtin").write_text("kernel/drivers/virtio/virtio.ko\n")
