"""A live guest for the tests of this folder, booted once; skipped where none can be had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.kernels import cache
from devmemkit.scenarios.machines import LABS

LIVE = ("6.1", "6.12", "7.3", "5.10")


@pytest.fixture(scope="session")
def kernel() -> cache.Kernel:
    """A kernel of the cache; nothing is downloaded."""
    for program in ("qemu-system-x86_64", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    found = next((kernel for version in LIVE if (kernel := cache.cached(version))), None)
    if found is None:
        pytest.skip(f"none of the kernels {', '.join(LIVE)} is in the cache")
    return found


@pytest.fixture(scope="session")
def arm_kernel() -> cache.Kernel:
    """A kernel of arm64 in the cache; nothing is downloaded."""
    for program in ("qemu-system-aarch64", "aarch64-linux-gnu-gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    found = next((one for version in LIVE if (one := cache.cached(version, "arm64"))), None)
    if found is None:
        pytest.skip(f"none of the arm64 kernels {', '.join(LIVE)} is in the cache")
    return found


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
