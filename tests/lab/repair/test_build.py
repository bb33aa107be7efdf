"""The repairs' module: built from nothing but packages, and never half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devmemkit.lab.kernels.cache import Kernel, KernelError, cache_dir
from devmemkit.lab.repair import build
from devmemkit.model.repairs import COPY_IN_KERNEL, IN_KERNEL
from tests.lab.kernels.images import elf

BY_HAND = Kernel("6.12", "6.12.9", "trixie", {}, Path("vmlinuz"), Path("modules"), {}, "")


def module(release: str) -> bytes:
    return elf(vermagic=f"{release} SMP")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toolchain that is there already."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = cache_dir() / "build" / "root"
    root.mkdir(parents=True)
    monkeypatch.setattr(build, "prepare", lambda kernel, progress: root)
    return root


def making(release: str) -> Callable[..., str]:
    def run(root: Path, *command: str) -> str:
        assert command[:3] == ("make", "-C", "/usr/src/linux-headers-6.12.9")
        assert (root / "work" / "Makefile").read_text().startswith("obj-m := devmemkit_repair.o")
        (root / "work" / "devmemkit_repair.ko").write_bytes(module(release))
        return ""

    return run


def test_a_module_is_built_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "run_in", making("6.12.9"))
    said: list[str] = []
    assert build.build(BY_HAND, said.append) == module("6.12.9")
    assert said == ["6.12.9: building the module of the repairs"]
    assert build.build(BY_HAND, said.append) == module("6.12.9")
    assert len(said) == 1
    assert not (root / "work").exists()


def test_another_source_is_built_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "run_in", making("6.12.9"))
    said: list[str] = []
    build.build(BY_HAND, said.append)
    changed = tmp_path / "module.c"
    changed.write_text(build.SOURCE.read_text() + "\n")
    monkeypatch.setattr(build, "SOURCE", changed)
    build.build(BY_HAND, said.append)
    assert len(said) == 2


def test_nothing_is_kept_of_a_build_that_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(root: Path, *command: str) -> str:
        (root / "work" / "devmemkit_repair.ko").write_bytes(b"half")
        raise KernelError("make: gcc-14: not found")

    monkeypatch.setattr(build, "run_in", fails)
    with pytest.raises(KernelError, match=r"^make: gcc-14: not found$"):
        build.build(BY_HAND, lambda line: None)
    assert list((cache_dir() / "build").glob("*.ko")) == []


def test_a_module_of_another_kernel_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "run_in", making("6.12.8"))
    with pytest.raises(KernelError, match=r"expected a module of 6\.12\.9, got one of '6\.12\.8'"):
        build.build(BY_HAND, lambda line: None)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "devmemkit").touch()
    with pytest.raises(KernelError, match="Not a directory"):
        build.build(BY_HAND, lambda line: None)


def test_the_module_has_each_repair_of_the_model() -> None:
    text = build.SOURCE.read_text()
    for name in (*IN_KERNEL, *COPY_IN_KERNEL):
        assert f'"{name}"' in text
