"""A live guest for the tests of this folder, booted once; skipped where none can be had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.kernels import cache
from devmemkit.scenarios.machines import LABS

LIVE = ("6.1", "6.12", "7.3", "5.10")


def cached(flavour: str, *programs: str) -> cache.Kernel:
    """A kernel of the cache that these programs can boot; nothing is downloaded."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    for version in LIVE:
        if kernel := cache.cached(version, flavour):
            return kernel
    pytest.skip(f"none of the {flavour} kernels {', '.join(LIVE)} is in the cache")


@pytest.fixture(scope="session")
def kernel() -> cache.Kernel:
    return cached("x86_64", "qemu-system-x86_64", "gcc")


@pytest.fixture(scope="session")
def arm_kernel() -> cache.Kernel:
    return cached("arm64", "qemu-system-aarch64", "aarch64-linux-gnu-gcc")


@pytest.fixture(scope="session")
def arm_booted(arm_kernel: cache.Kernel) -> Iterator[Guest]:
    with boot(arm_kernel, lab="arm64") as guest:
        yield guest


@pytest.fixture
def arm_guest(arm_booted: Guest) -> Iterator[Guest]:
    """The arm64 guest as it was after its boot, the start of its idle memory zeroed."""
    yield arm_booted
    at = LABS["arm64"]
    arm_booted.reset((at.pmem, 1 << 20), (at.ivshmem_bar, 1 << 20))


@pytest.fixture(scope="session")
def booted(kernel: cache.Kernel) -> Iterator[Guest]:
    with boot(kernel) as guest:
        yield guest


@pytest.fixture
def guest(booted: Guest) -> Iterator[Guest]:
    """The guest as it was after its boot, the start of its idle memory zeroed."""
    yield booted
    booted.reset((0x4000_0000, 1 << 20), (0xF800_0000, 1 << 20))
