"""The architecture and the release of a kernel, as its image says."""

from __future__ import annotations

import re
from pathlib import Path

from devmemkit.lab.kernels import modules as ko
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.model.printable import printable

HEAD = 1 << 16
RELEASE = rb"[\w.+~-]+"
BUILT = "a build makes it as arch/x86/boot/bzImage or arch/arm64/boot/Image, beside vmlinux"


def identify(vmlinuz: Path) -> tuple[str, str]:
    """The architecture ("x86_64", "arm64") and the release of an image.

    An x86 image is a bzImage, one of arm64 the plain Image. KernelError for a truncated image or
    another file.
    """
    name = printable(str(vmlinuz))
    head = ko.contents(vmlinuz, "a kernel image", most=HEAD)
    if head[0x38:0x3C] == b"ARMd":
        image = ko.contents(vmlinuz, "a kernel image")
        arch, what, whole = "arm64", "arm64 Image", _end_of_sections(image)
        # linux_banner (init/version.c) is the only place where it is
        said = re.search(rb"(?<=Linux version )" + RELEASE + rb"(?= \()", image)
    elif head[0x202:0x206] == b"HdrS" and _number(head, 0x1FE, 2) == 0xAA55:
        # setup_sects, where 0 is 4, and the boot sector; syssize. A signature may follow.
        whole = ((head[0x1F1] or 4) + 1) * 512 + _number(head, 0x1F4, 4) * 16
        at = _number(head, 0x20E, 2) + 0x200
        arch, what, said = "x86_64", "bzImage", re.match(RELEASE, head[at : at + 256])
    else:
        raise KernelError(
            f"{name}: expected a Linux bzImage or arm64 Image, got another file; {BUILT}"
        )
    size = vmlinuz.stat().st_size
    if size < whole:
        got = f"{size} of its {whole} bytes: it is truncated"
    elif said is None:
        got = "one without a release"
    else:
        return arch, said[0].decode()
    raise KernelError(f"{name}: expected a Linux {what}, got {got}")


def _number(image: bytes, at: int, width: int) -> int:
    return int.from_bytes(image[at : at + width], "little")


def _end_of_sections(image: bytes) -> int:
    """Where the sections of an Image end, which is a PE file, too; 0 for one without EFI's stub.

    Source: arch/arm64/kernel/efi-header.S; the header's image_size counts memory, not bytes.
    """
    at = _number(image, 0x3C, 4)
    if image[at : at + 4] != b"PE\0\0":
        return 0
    sections = at + 24 + _number(image, at + 20, 2)
    fields = (sections + 40 * number for number in range(_number(image, at + 6, 2)))
    # SizeOfRawData, PointerToRawData
    return max((_number(image, f + 16, 4) + _number(image, f + 20, 4) for f in fields), default=0)
