"""Kernels passed by hand: whole, of one release, and what their files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from devmemkit.lab.kernels.kernel import custom, module_files, release_of
from devmemkit.lab.kernels.programs import KernelError
from tests.lab.kernels.images import RELEASE, bzimage, fill


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    fill(folder)
    return folder


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
    assert kernel.find_module("nvme_core").name == "nvme-core.ko"
    assert [path.name for path in module_files(kernel, ["nd_btt"])] == [
        "libnvdimm.ko",
        "nd_btt.ko.gz",
    ]
    with pytest.raises(KernelError, match="module virtio, it is built in"):
        kernel.find_module("virtio")
    with pytest.raises(KernelError, match="module ramoops, found none"):
        kernel.find_module("ramoops")


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


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(5000), bytes(0x202) + b"HdrS"])
def test_what_is_no_bzimage_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)
    with pytest.raises(KernelError, match="vmlinuz: expected a Linux bzImage"):
        release_of(path)
