"""Modules: found by name, read in every compression, ordered by what they need."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devmemkit.lab.kernels.modules import load_order, modinfo, module_name, read_module
from devmemkit.lab.kernels.programs import KernelError
from tests.lab.kernels.images import elf


def names(paths: list[Path]) -> list[str]:
    return [module_name(path.name) for path in paths]


def test_a_module_loads_behind_all_that_it_needs_and_only_once(modules: Path) -> None:
    order = load_order(modules, ["nd_pmem", "e1000", "libnvdimm"])
    assert names(order) == ["libnvdimm", "nd_btt", "nd_pmem", "e1000"]


def test_dashes_are_underscores_and_what_is_built_in_is_left_out(modules: Path) -> None:
    assert names(load_order(modules, ["nvme-core", "virtio"])) == ["nvme_core"]
    assert load_order(modules, ["nvme_core"]) == load_order(modules, ["nvme-core"])


def test_a_module_that_is_not_there_is_named_with_the_folder(modules: Path) -> None:
    with pytest.raises(KernelError, match=rf"^{modules}: expected a module ramoops, found none$"):
        load_order(modules, ["ramoops"])


def test_a_need_that_is_not_there_is_an_error_too(modules: Path) -> None:
    (modules / "kernel" / "drivers" / "libnvdimm.ko").unlink()
    with pytest.raises(KernelError, match="expected a module libnvdimm"):
        load_order(modules, ["nd_pmem"])


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress, None])
def test_every_compression_reads_as_the_same_module(
    tmp_path: Path, pack: Callable[[bytes], bytes] | None
) -> None:
    image = elf(depends="libnvdimm")
    suffix = {lzma.compress: ".xz", gzip.compress: ".gz"}.get(pack, "")  # type: ignore[arg-type]
    path = tmp_path / f"some.ko{suffix}"
    path.write_bytes(pack(image) if pack else image)
    assert read_module(path) == image


def test_zstd_is_read_by_its_program_which_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.ko.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd damaged")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelError, match="install the package zstd"):
        read_module(path)


# compresses the test's own module; .ci/run installs it, and fails on a skip
@pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd on PATH")
def test_zstd(tmp_path: Path) -> None:
    image = elf(depends="")
    path = tmp_path / "some.ko.zst"
    path.write_bytes(subprocess.run(["zstd", "-qc"], input=image, stdout=-1, check=True).stdout)
    assert read_module(path) == image
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(KernelError, match=r"some\.ko\.zst: expected a compressed module, got"):
        read_module(path)


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz"])
def test_what_is_no_module_is_said_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"some.ko{suffix}"
    path.write_bytes(b"hello")
    with pytest.raises(KernelError, match=r"some\.ko.*: expected a .*module, got"):
        read_module(path)


def test_modinfo_reads_its_section_alone() -> None:
    image = elf(depends="libcrc32c", vermagic="6.1 SMP") + b"\0depends=wrong\0"
    assert modinfo(image) == {"depends": "libcrc32c", "vermagic": "6.1 SMP"}
    with pytest.raises(KernelError, match="ELF section table"):
        modinfo(image[:70])


def test_modules_that_need_each_other_are_an_error(tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"{name}.ko").write_bytes(elf(depends=other))
    with pytest.raises(KernelError, match=r"expected modules in an order, got one, which needs it"):
        load_order(tmp_path, ["one"])


@pytest.mark.parametrize("name", ["one.ko", "modules.builtin"])
def test_a_link_to_the_memory_of_a_device_is_left_unopened(tmp_path: Path, name: str) -> None:
    memory = tmp_path / "devices" / "resource0"
    memory.parent.mkdir()
    memory.write_bytes(elf())
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "one.ko").write_bytes(elf())
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(memory)
    with pytest.raises(KernelError, match=r"got the memory of a PCI device, left unopened"):
        load_order(folder, ["one"])
