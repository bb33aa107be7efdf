"""A compiler and a kernel's headers come verified and whole, and only what is missing comes."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.lab.kernels import cache, toolchain
from devmemkit.lab.kernels.cache import KernelError
from tests.lab.kernels.world import NEW, OLD, World

HEADERS = 3
"""Packages with headers; the compiler and its library are two more."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toolchain of the small repository."""
    monkeypatch.setattr(toolchain, "TOOLS_SUITE", "stable")
    monkeypatch.setattr(toolchain, "TOOLS", ("gcc-14",))


def prepare(world: World, kernel: cache.Kernel) -> Path:
    with cache.filling(world.said.append):
        return toolchain.prepare(kernel, world.said.append)


def test_headers_and_the_compiler_with_its_needs_come_once(world: World) -> None:
    kernel = world.get("6.12")
    world.served()
    root = prepare(world, kernel)
    assert (root / f"usr/src/linux-headers-{NEW}/Makefile").is_file()
    assert (root / "usr/src/linux-headers-6.12.15+deb13-common/Makefile").is_file()
    assert (root / "usr/lib/linux-kbuild-6.12.15+deb13/objtool").is_file()
    assert (root / "usr/bin/gcc-14").read_bytes() == b"gcc"
    assert (root / "usr/lib/libgcc.so").read_bytes() == b"library"
    assert not (root / "usr/bin/unneeded").exists()
    assert len(world.served()) == HEADERS + 2
    assert prepare(world, kernel) == root
    assert world.served() == []
    assert list((cache.cache_dir() / "debs").iterdir()) == []


def test_a_package_whose_unpacking_was_ended_is_unpacked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = world.get("6.12")
    run = toolchain.run

    def ended(where: str, *command: str, cwd: Path | None = None) -> str:
        if where.startswith("libgcc"):
            raise KeyboardInterrupt
        return run(where, *command, cwd=cwd)

    with monkeypatch.context() as patch:
        patch.setattr(toolchain, "run", ended)
        with pytest.raises(KeyboardInterrupt):
            prepare(world, kernel)
    world.served()
    root = prepare(world, kernel)
    assert (root / "usr/lib/libgcc.so").read_bytes() == b"library"
    assert not any(name.startswith("libgcc") for name in world.served()), "it was there already"


def test_a_changed_byte_in_the_headers_is_noticed(world: World) -> None:
    kernel = world.get("6.12")
    deb = world.archive.folder / "pool" / f"linux-headers-{NEW}_6.12.15-1_amd64.deb"
    data = bytearray(deb.read_bytes())
    data[-100] ^= 1
    deb.write_bytes(data)
    with pytest.raises(KernelError, match=r"^linux-headers-.*: expected the digest"):
        prepare(world, kernel)
    assert not (cache.cache_dir() / f"build/root/usr/src/linux-headers-{NEW}").exists()


def test_a_kernel_without_headers_is_refused_in_a_sentence(world: World) -> None:
    kernel = world.get("7.3")
    name = r"linux-headers-7\.3\.4\S+"
    wanted = rf"^kernel 7\.3: expected its headers, {name}, in stable-backports, which has none;"
    with pytest.raises(KernelError, match=wanted):
        prepare(world, kernel)
    assert not (cache.cache_dir() / "build").exists()


def test_the_headers_that_a_suite_has_are_named(world: World) -> None:
    kernel = replace(world.get("6.12"), release=OLD)
    with pytest.raises(KernelError, match=f", which has linux-headers-{re.escape(NEW)}; to have"):
        prepare(world, kernel)


def test_a_suite_without_the_compiler_is_refused_in_a_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "TOOLS", ("gcc-99",))
    with pytest.raises(KernelError, match=r"^stable: Unable to locate package gcc-99$"):
        prepare(world, world.get("6.12"))


def test_a_kernel_passed_by_hand_has_no_headers(world: World) -> None:
    kernel = replace(world.get("6.12"), suite="")
    with pytest.raises(KernelError, match=f"{NEW[:6]}.*: expected a kernel of Debian's suites"):
        prepare(world, kernel)


def test_a_kernel_of_another_architecture_is_refused(world: World) -> None:
    kernel = replace(world.get("6.12"), arch="arm64")
    with pytest.raises(KernelError, match=f"{NEW[:6]}.*: expected an x86_64 kernel, got arm64"):
        prepare(world, kernel)


def test_a_machine_without_namespaces_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(KernelError, match=r"^unshare: not found; install the package util-linux$"):
        toolchain.run_in(Path("/"), "true")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("unshare: unshare failed: Operation not permitted", "run it as root, or allow user name"),
        ("mount: /root/dev: permission denied.", "run it as root, or allow user namespaces"),
        ("warning: pahole differs\nmodule.c:1:1: error: no such type", "make: module.c:1:1: error"),
        ("/bin/sh: 1: x86_64-linux-gnu-gcc-14: not found", "make: .*gcc-14: not found$"),
        ("", "make: failed without a word"),
    ],
)
def test_a_command_that_fails_is_one_sentence(
    said: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "unshare"
    fake.write_text(f"#!/bin/sh\nprintf '%s' '{said}' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(fake))
    with pytest.raises(KernelError, match=sentence) as raised:
        toolchain.run_in(tmp_path, "make", "modules")
    assert "\n" not in str(raised.value)
