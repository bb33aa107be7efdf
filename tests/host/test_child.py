"""Processes that end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import devmemkit
from devmemkit.host.child import ending_with_us

ENV = os.environ | {"PYTHONPATH": str(Path(devmemkit.__file__).parents[1])}


def test_it_is_the_program_itself() -> None:
    script = 'echo $$ "$@"; kill -TERM $$'
    with subprocess.Popen(
        ending_with_us("/bin/sh", "-c", script, "sh", "a b", "-c"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read() == f"{process.pid} a b -c\n"
    assert process.returncode == -signal.SIGTERM


def test_it_is_killed_with_its_parent() -> None:
    code = """
import os, subprocess
from devmemkit.host.child import ending_with_us
child = subprocess.Popen(ending_with_us("/bin/sh", "-c", "echo; exec sleep 600"), stdout=1)
os.read(0, 1)
os.kill(os.getpid(), 9)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdout.readline()  # the child runs
        parent.stdin.close()
        assert parent.stdout.read() == b""  # ends when nobody holds the pipe any more


def test_it_does_not_start_when_its_parent_is_gone_already() -> None:
    python, options, code, _, program, *arguments = ending_with_us("/bin/echo", "alive")
    gone = [python, options, code, str(os.getpid() + 1), program, *arguments]
    done = subprocess.run(gone, capture_output=True)
    assert done.stdout == b""


def test_a_program_that_cannot_be_executed_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(ending_with_us(str(tmp_path / "none")), stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/none: No such file or directory\n")
