"""A live guest for the tests of this folder, booted once; skipped where none can be had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.kernels import cache

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
def booted(kernel: cache.Kernel) -> Iterator[Guest]:
    with boot(kernel) as guest:
        yield guest


@pytest.fixture
def guest(booted: Guest) -> Iterator[Guest]:
    """The guest as it was after its boot, the start of its idle memory zeroed."""
    yield booted
    booted.reset((0x4000_0000, 1 << 20), (0xF800_0000, 1 << 20))
