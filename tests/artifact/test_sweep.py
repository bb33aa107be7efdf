"""`devmemkit sweep`: a notebook over a grid, here and on a Dask cluster of real processes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.artifact import toys

TABLE = """\
kernel: str = "6.12"
claim: int = 0x1000
"""
VALUES = """\
from devmemkit.figures.text import values
if kernel == "5.10":
    raise ValueError(f"claim: expected another, got {claim}")
values(answer=claim * 2, told=kernel, rows=[1, 2])
"""


@pytest.fixture
def swept(checkout):
    cells = toys.text("# T"), toys.parameters(TABLE), toys.code(VALUES)
    checkout.write("01-toy", toys.notebook(*cells))
    return checkout


def rows(folder):
    text = (folder / "table.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.slow
def test_every_cell_has_its_row_and_one_that_fails_keeps_its_notebook(swept):
    done = swept.run("sweep", "1", "-p", "kernel=6.1,5.10", "-p", "claim=0x10", "--out", "o ü")
    assert done.returncode == 1
    assert done.stderr == ""
    folder = swept.root / "o ü"
    assert f"1 of 2 cells done; {folder}/table.csv\n" in done.stdout
    error = "cell In [3], 'from devmemkit.figures.text import values': claim: expected another"
    columns = ("kernel", "claim", "error", "answer", "told", "rows")
    assert [tuple(row[name] for name in columns) for row in rows(folder)] == [
        ("6.1", "16", "", "32", "6.1", "[1, 2]"),
        ("5.10", "16", f"{error}, got 16", "", "", ""),
    ]
    assert (folder / "01-toy@kernel=5.10,claim=16.partial.ipynb").exists()
    assert swept.run("verify", folder).stdout.startswith("files as the run left them: yes")

    again = swept.run("sweep", "1", "-p", "kernel=6.1,5.10", "-p", "claim=16", "--out", "o ü")
    assert again.stdout.startswith("1 of 2 are done already\n")
    assert "kernel=6.1" not in again.stdout


@pytest.mark.slow
def test_a_grid_in_a_file_and_on_the_command_line(swept, tmp_path):
    grid = tmp_path / "grid.toml"
    grid.write_text('kernel = ["7.3"]\nclaim = [1, "0x2"]\n')
    done = swept.run("sweep", "01", "--grid", grid, "-p", "claim=3")
    assert done.returncode == 0, done.stdout + done.stderr
    found = [(row["kernel"], row["claim"]) for row in rows(swept.root / "sweep")]
    assert found == [("7.3", "3")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "expected -p NAME=VALUE,VALUE,... or --grid FILE, got neither"),
        ("-p claim=1,x", "01-toy.ipynb: expected an integer (such as 4096 or 0x1000) for"),
        ("-p claim=16,0x10", "expected names of their own for the files of each run, got 01-"),
        ("--grid none", "none: expected TOML with NAME = [VALUE, ...], got: "),
        ("--grid pyproject.toml", "pyproject.toml: expected a list of values for project, got {"),
        ("-p claim=1,2 -p kernel=1,2 --cells 3", "expected at most 3 cells, got 4; --cells N "),
        ("-p claim=1 --scheduler :::", "--scheduler: expected a Dask scheduler at ':::', got no "),
        ("-p claim=1 --out notebooks", "expected a folder of its own for the report, got "),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_one_sentence(swept, refusal, arguments, sentence):
    said = refusal("sweep", "1", *arguments.split())
    assert said.startswith(f"devmemkit sweep: {sentence}")


class Dask:
    """A scheduler and workers, each a process of its own in a folder that is no checkout."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.processes: list[subprocess.Popen[bytes]] = []
        told = folder / "scheduler.json"
        self.start("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", told)
        end = time.monotonic() + 3600  # it hangs
        while not (told.exists() and told.stat().st_size):
            assert time.monotonic() < end, "the scheduler did not start"
            time.sleep(0.05)
        self.address = json.loads(told.read_text())["address"]

    def start(self, name: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{name}", *map(str, arguments)]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start(
            *("dask_worker", self.address, "--no-nanny", "--nthreads", 1, "--no-dashboard"),
            *("--local-directory", self.folder),
        )

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path, checkout):
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Dask(folder, checkout.env | {"DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "false"})
    yield cluster
    cluster.end()


@pytest.mark.slow
def test_on_a_cluster_a_killed_worker_costs_its_cell_alone(checkout, dask, tmp_path):
    """The worker that has the cell claim=2 dies with it; the cell is run again by the other."""
    told = tmp_path / "told"
    cell = f"""\
import os, time
from pathlib import Path
from devmemkit.figures.text import values
from devmemkit.scenarios.machines import data_dir
with open({str(told)!r}, "a") as file:
    file.write(f"{{claim}}\\n")
if claim == 2 and Path({str(told)!r}).read_text().split().count("2") == 1:
    time.sleep(600)
values(data=(data_dir() / "recording").read_text(), here=os.getcwd())
"""
    checkout.write("01-slow", toys.notebook(toys.parameters(TABLE), toys.code(cell)))
    (checkout.root / "data" / "machines").mkdir(parents=True)
    (checkout.root / "data" / "recording").write_text("travelled")
    first, second = dask.worker(), dask.worker()
    command = ("sweep", "1", "-p", "claim=1,2,3", "--scheduler", dask.address)
    with checkout.start(*command) as process:
        end = time.monotonic() + 3600  # it hangs
        while not (told.exists() and "2" in told.read_text().split()):
            assert time.monotonic() < end, (dask.folder / "log").read_text()
            time.sleep(0.05)
        (slow,) = (worker for worker in (first, second) if has_kernel(worker.pid, "claim=2"))
        slow.send_signal(signal.SIGKILL)
        stdout, stderr = process.communicate(timeout=3600)
    assert process.returncode == 0, stdout + stderr
    found = rows(checkout.root / "sweep")
    assert [(row["claim"], row["error"], row["data"]) for row in found] == [
        (claim, "", "travelled") for claim in "123"
    ]
    assert str(checkout.root) not in {row["here"] for row in found}
    assert sorted(told.read_text().split()) == ["1", "2", "2", "3"]


def has_kernel(pid: int, name: str) -> bool:
    """Whether a worker, by its process id, has a child that does the job of that name."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid and name in os.fsdecode((entry / "cmdline").read_bytes()):
                    return True
            except (OSError, ValueError):
                continue
    return False
