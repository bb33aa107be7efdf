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
from devmemkit.explain.kernel_functions import BY_OPERATION, FUNCTIONS, SAYS, function_of
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile
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
        assert all(function_of(operation, step))
        assert SAYS[step].endswith(".")


@pytest.mark.parametrize("more", [(), ("--json",), ("--got", "EPERM")], ids=str)
def test_the_answer_needs_no_docstrings(more: tuple[str, ...]) -> None:
    asked = ("explain", "--machine", "qemu-6.12", "--address", "0xfebc0000", *more)
    root = Path(devmemkit.__file__).resolve().parents[1]
    normal, stripped = (
        subprocess.run(
            [sys.executable, *options, "-m", "devmemkit.cli", *asked],
            env={**os.environ, "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        ).stdout
        for options in ((), ("-OO",))
    )
    assert normal == stripped
    assert "no lock held across pages" in normal or "--got" in more
