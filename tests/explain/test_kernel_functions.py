"""Each check of an access has a kernel function and a sentence, also without docstrings."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import devmemkit
from devmemkit.explain.access import OPS, VIAS, Access
from devmemkit.explain.calls import calls_of
from devmemkit.explain.kernel_functions import (
    BY_OPERATION,
    FUNCTIONS,
    MOVED,
    MOVED_X86,
    SAYS,
    function_of,
)
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile, Release
from devmemkit.model.step import step_names


def steps_of_accesses() -> set[tuple[str, str]]:
    """Operation and step of every check that an access can have."""
    accesses = [
        Access(via, op, 0, 4, bdf=bdf)
        for via, op, bdf in product(VIAS, OPS, ("", "0000:00:03.0"))
        if (via not in ("sysfs", "proc") or bdf)
        and not (via == "port" and op not in ("read", "write"))
        and not (via == "proc" and op in ("read", "write"))
    ]
    accesses += [Access("port", op, 0, 4) for op in ("ioperm", "iopl")]
    operations = {call.operation for access in accesses for call in calls_of(access)}
    return {
        (operation, step)
        for version, operation in product(VERSIONS, operations)
        for step in step_names(KernelProfile(version), operation)
    }


def test_each_check_has_a_function_and_a_sentence() -> None:
    found = steps_of_accesses()
    assert {step for _, step in found} == SAYS.keys()
    for operation, step in found:
        assert step in FUNCTIONS or (operation, step) in BY_OPERATION
        assert all(function_of(operation, step, KernelProfile("7.3")))
        assert SAYS[step].endswith(".")


@pytest.mark.parametrize(
    ("step", "release", "found"),
    [
        ("vma_link_file", "5.15", ("vma_link", "mm/mmap.c")),
        ("vma_link_file", "6.1", ("mmap_region", "mm/mmap.c")),
        ("vma_link_file", "6.8", ("mmap_region", "mm/mmap.c")),
        ("vma_link_file", "6.11", ("vma_link_file", "mm/mmap.c")),
        ("vma_link_file", "6.12", ("vma_link_file", "mm/vma.c")),
        ("range_is_allowed", "6.15", ("range_is_allowed", "drivers/char/mem.c")),
        ("range_is_allowed", "6.16", ("range_is_allowed", "include/linux/io.h")),
        ("mmap_mem", "6.18", ("mmap_mem", "drivers/char/mem.c")),
        ("mmap_mem", "6.19", ("mmap_mem_prepare", "drivers/char/mem.c")),
        ("phys_mem_access_prot_allowed", "5.4", (..., "arch/x86/mm/pat.c")),
        ("phys_mem_access_prot_allowed", "5.6", (..., "arch/x86/mm/pat/memtype.c")),
        ("valid_mmap_phys_addr_range", "4.9", (..., "drivers/char/mem.c")),
        ("load_step", "4.19", ("__do_page_fault", "arch/x86/mm/fault.c")),
        ("load_step", "4.20", ("do_user_addr_fault", "arch/x86/mm/fault.c")),
        ("sysfs_open", "2.6", ("open", "fs/sysfs/bin.c")),
        ("pci_mmap_resource_range", "4.9", ("pci_mmap_page_range", "arch/x86/pci/i386.c")),
        ("dup_mmap_failed", "6.12", ("dup_mmap", "kernel/fork.c")),
    ],
)
def test_a_function_is_named_as_the_version_has_it(
    step: str, release: str, found: tuple[object, str]
) -> None:
    function, file = found
    expected = (step if function is ... else function, file)
    assert function_of("", step, Release(release)) == expected


def test_what_moved_in_x86_is_no_function_of_another_architecture() -> None:
    assert not MOVED.keys() & MOVED_X86.keys()
    for arch in ("arm64", "other"):
        for step in FUNCTIONS:
            for release in ("4.4", "5.4", "6.12"):
                name, file = function_of("", step, Release(release, arch=arch))
                assert name
                assert not file.startswith("arch/x86")
    page = function_of("", "vma_link_file", Release("6.6", arch="arm64"))
    assert page == ("mmap_region", "mm/mmap.c")
    fault = function_of("", "load_step", Release("4.4", arch="arm64"))
    assert fault == ("do_page_fault", "arch/arm64/mm/fault.c")


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--json",), ("--got", "EPERM")], ids=str)
def test_the_answer_needs_no_docstrings(more: tuple[str, ...]) -> None:
    asked = ("explain", "--machine", "qemu-6.12", "--address", "0xfebc0000", *more)
    root = Path(devmemkit.__file__).resolve().parents[1]
    normal, stripped = (
        subprocess.run(
            [sys.executable, *options, "-m", "devmemkit", *asked],
            env={**os.environ, "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            timeout=3600,
            check=True,
        ).stdout
        for options in ((), ("-OO",))
    )
    assert normal == stripped
    assert "no lock held in between" in normal or "--got" in more
