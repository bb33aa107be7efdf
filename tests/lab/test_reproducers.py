"""The programs of the findings: short, harmless without arguments, judged beside controls."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devmemkit.artifact.ledger import entries
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.initramfs import COMPILE
from devmemkit.lab.recordings.recording import path_of, read
from devmemkit.lab.reproducers import RUNS, digest, judge, source, verdict


def test_each_is_a_file_and_each_file_is_one() -> None:
    folder = source("unaligned-claim").parent
    assert {path.stem for path in folder.iterdir()} == RUNS.keys()
    named = {entry["reproducer"] for entry in entries() if "reproducer" in entry}
    assert named == RUNS.keys()
    with pytest.raises(ValueError, match=r"reproducer: expected one of .*; got 'x'"):
        source("x")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("name", RUNS)
def test_it_is_short_compiles_and_touches_nothing_without_arguments(
    name: str, tmp_path: Path
) -> None:
    text = source(name).read_text("utf-8")
    assert text.count("\n") < 60
    program = tmp_path / name
    subprocess.run([*COMPILE, "-Werror", "-o", program, source(name)], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (usage,) = re.findall(rf"^ \*   {name} (.*)$", text, re.M)
    assert done.stderr == f"expected {usage}\n"


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "6.18", "7.3"])
def test_it_was_recorded_as_it_is_today_with_its_control(version: str) -> None:
    recorded = {
        one["name"]: one for one in read(path_of("reproducers", version)).content["reproducers"]
    }
    assert recorded.keys() == RUNS.keys()
    for name, one in recorded.items():
        assert one["sha256"] == digest(name)
        for told, run in zip(one["runs"], filter(None, RUNS[name]), strict=True):
            assert told["arguments"] == run.arguments
            if told["control"]:
                assert told["status"] == 1
    assert {told for _, told, _, _ in judge(recorded.values(), version)} == {Verdict.PASSED}


def made(status: int, control: int | None = None) -> dict[str, Any]:
    runs = [{"control": False, "status": status}]
    runs += [{"control": True, "status": control}] if control is not None else []
    return {"name": "dead-mapping", "runs": runs}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (made(0, 1), "reproduced"),
        (made(1, 1), "not reproduced"),
        (made(2, 1), "could not be tried"),
        (made(0, 0), "its control reproduced"),
        (made(0, 2), "its control could not be tried"),
        (made(139), "ended with status 139"),
    ],
)
def test_a_program_counts_only_beside_a_control_that_does_not(
    entry: dict[str, Any], says: str
) -> None:
    assert verdict(entry) == says


def test_a_kernel_that_does_what_the_model_does_not_is_told() -> None:
    assert [(told, differs) for _, told, _, differs in judge([made(0, 1)], "6.18")] == [
        (Verdict.PASSED, ())
    ]
    assert [(told, differs) for _, told, _, differs in judge([made(0, 1)], "6.12")] == [
        (Verdict.FAILED, ("expected not reproduced, got: reproduced",))
    ]
    assert next(judge(copy.deepcopy([made(0, 1)]), "4.5"))[1] is Verdict.FAILED
