"""Kernels passed by hand: whole, of one release, and what their files say."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from devmemkit.lab.kernels.image import identify
from devmemkit.lab.kernels.kernel import config_facts, custom
from devmemkit.lab.kernels.modules import load_order
from devmemkit.lab.kernels.programs import KernelError
from tests.lab.kernels.images import RELEASE, arm_image, bzimage


def test_a_kernel_passed_by_hand(modules: Path, tmp_path: Path) -> None:
    image = tmp_path / f"vmlinuz-{RELEASE}"
    image.write_bytes(bzimage(RELEASE))
    (tmp_path / f"config-{RELEASE}").write_text(
        "CONFIG_DEVMEM=y\n# CONFIG_STRICT_DEVMEM is not set\nCONFIG_OTHER=m\n"
    )
    kernel = custom(image, modules)
    assert (kernel.version, kernel.release, kernel.packages) == ("6.12", RELEASE, {})
    assert (kernel.config["CONFIG_DEVMEM"], kernel.config["CONFIG_STRICT_DEVMEM"]) == ("y", "n")
    assert "CONFIG_OTHER" not in kernel.config
    assert [path.name for path in load_order(kernel.modules, ["nvme_core"])] == ["nvme-core.ko"]


def test_a_kernel_by_hand_without_its_configuration_does_not_know_it(
    modules: Path, tmp_path: Path
) -> None:
    image = tmp_path / "bzImage"
    image.write_bytes(bzimage(RELEASE))
    assert custom(image, modules).config == {}


def test_a_kernel_by_hand_must_be_whole(modules: Path, tmp_path: Path) -> None:
    image = tmp_path / "vmlinuz"
    image.write_bytes(bzimage("6.1.0-1-amd64"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(KernelError, match=rf"of 6\.1\.0-1-amd64, got those of {RELEASE[:6]}"):
        custom(image, modules)
    with pytest.raises(KernelError, match=r"empty: expected modules .* found none"):
        custom(image, tmp_path / "empty")
    with pytest.raises(KernelError, match=r"none: expected a kernel image, got: No such file"):
        custom(tmp_path / "none", modules)
    with pytest.raises(KernelError, match=r"none: expected a folder of modules .*, found none"):
        custom(image, tmp_path / "none")


WHOLE, ARM = bzimage(RELEASE), arm_image(RELEASE)
ZERO_SECTORS = bytearray(WHOLE)  # which means 4
ZERO_SECTORS[0x1F1] = 0
NAME, HOSTILE = RELEASE.encode(), b"\x1b[31m".ljust(len(RELEASE))


@pytest.mark.parametrize(
    ("content", "arch"),
    [
        *((one, "x86_64") for one in (WHOLE, WHOLE + b"signature", bytes(ZERO_SECTORS))),
        *((one, "arm64") for one in (ARM, ARM + b"signature", ARM.replace(b"PE\0\0", bytes(4)))),
    ],
)
def test_a_whole_image_says_its_release_and_may_have_something_behind_it(
    tmp_path: Path, content: bytes, arch: str
) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)
    assert identify(path) == (arch, RELEASE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "bzImage or arm64 Image, got another file"),
        (b"\x7fELF" + bytes(5000), "another file; a build makes it as arch/x86/boot/bzImage or "),
        (gzip.compress(WHOLE, mtime=0), "got another file"),
        (gzip.compress(ARM, mtime=0), " or arch/arm64/boot/Image, beside vmlinux"),
        (b"MZ" + bytes(5000), "got another file"),
        (b"HdrS" * 2000, "got another file"),
        (bytes(0x202) + b"HdrS", "got another file"),
        (WHOLE[:-1], "bzImage, got 2623 of its 2624 bytes: it is truncated"),
        (WHOLE[:0x320], "bzImage, got 800 of its 2624 bytes: it is truncated"),
        (WHOLE[:0x260], "bzImage, got 608 of its 2624 bytes: it is truncated"),
        (WHOLE.replace(NAME, bytes(len(NAME))), "bzImage, got one without a release"),
        (WHOLE.replace(NAME, HOSTILE), "bzImage, got one without a release"),
        (ARM[:-1], "arm64 Image, got 1023 of its 1024 bytes: it is truncated"),
        (ARM[:0x90], "arm64 Image, got 144 of its 1024 bytes: it is truncated"),
        (ARM.replace(NAME, HOSTILE), "arm64 Image, got one without a release"),
    ],
)
def test_what_is_no_image_is_said_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)
    with pytest.raises(KernelError) as error:
        identify(path)
    assert str(error.value).startswith(f"{path}: expected a Linux ")
    assert said in str(error.value)


def test_an_arm64_kernel_passed_by_hand(modules: Path, tmp_path: Path) -> None:
    image = tmp_path / "Image"
    image.write_bytes(ARM)
    (tmp_path / "config").write_text("CONFIG_DEVMEM=y\nCONFIG_ARM64_PA_BITS=48\n")
    kernel = custom(image, modules)
    assert (kernel.arch, kernel.version) == ("arm64", "6.12")
    assert kernel.config["CONFIG_ARM64_PA_BITS"] == "48"
    assert "CONFIG_X86_PAT" not in kernel.config


def test_an_image_that_is_no_file_is_left_unopened(tmp_path: Path, modules: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)  # which nobody opens: to open it would wait for ever
    link = tmp_path / "link"
    link.symlink_to("/dev/zero")
    refused = [(fifo, "a pipe"), (link, "a device"), (tmp_path, "a folder")]
    refused.append((Path("/proc/version"), "a file of the kernel"))
    for path, got in refused:
        with pytest.raises(
            KernelError, match=f"^{path}: expected .*, got {got}(, left unopened)?$"
        ):
            identify(path)
    image = tmp_path / "vmlinuz"
    image.write_bytes(WHOLE)
    for path in (fifo, image, tmp_path / "none"):
        with pytest.raises(KernelError, match=f"{path}: expected a folder of modules"):
            custom(image, path)


def test_modules_that_are_no_files_are_not_read(tmp_path: Path, modules: Path) -> None:
    image = tmp_path / "vmlinuz"
    image.write_bytes(WHOLE)
    folder = tmp_path / "pipes"
    folder.mkdir()
    os.mkfifo(folder / "e1000.ko")
    (folder / "nvme.ko").symlink_to("/dev/zero")
    with pytest.raises(KernelError, match=r"pipes: expected modules .* found none"):
        custom(image, folder)


def test_a_configuration_that_is_the_memory_of_a_device_is_left_unopened(tmp_path: Path) -> None:
    (tmp_path / "resource0").write_text("CONFIG_DEVMEM=y\n")
    (tmp_path / "config").symlink_to(tmp_path / "resource0")
    with pytest.raises(KernelError, match=r"config: .*the memory of a PCI device, left unopened"):
        config_facts("x86_64", tmp_path / "config")
