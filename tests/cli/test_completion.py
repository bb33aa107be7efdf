"""Completion: the words that may come next, and the scripts in the shells that are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import devmemkit
from devmemkit import cli
from devmemkit.cli.completion import words
from devmemkit.model.features import VERSIONS
from devmemkit.scenarios.machines import recorded
from tests.slow import slow_where

ROOT = Path(devmemkit.__file__).parents[1]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ([""], [*cli.COMMANDS]),
        (["exp"], ["explore", "explain"]),
        (["--v"], ["--version"]),
        (["lab", ""], ["list", "run", "record"]),
        (["lab", "run", "take"], ["takeover"]),
        (["lab", "run", "--k"], ["--kernel"]),
        (["lab", "record", "takeover", "--kernel", "7."], [v for v in VERSIONS if v[0] == "7"]),
        (["explain", "--op", ""], ["read", "write", "mmap", "load", "store"]),
        (["explain", "--machine", "qemu-6.1"], [m for m in recorded() if m.startswith("qemu-6.1")]),
        (["explain", "--exec", "--pri"], ["--private"]),
        (["explore", "mmap"], ["mmap-vs-claim"]),
        (["explore", "--via", ""], ["devmem", "sysfs"]),
        (["explore", "mmap-vs-claim", "--policy", "Refuse"], ["RefuseClaim"]),
        (["explore", "mmap-vs-claim", "--repair", "f"], ["fault"]),
        (["iomem", ""], []),
        (["iomem", "--svg", ""], []),
        (["coffee", "--"], ["--help", "--version"]),
    ],
)
def test_the_words_that_may_come_next(typed: list[str], found: list[str]) -> None:
    assert words(typed) == found


def test_the_status_says_whether_there_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "words", "explain", "--lock"]) == 0
    assert capsys.readouterr().out == "--lockdown\n"
    assert cli.main(["completion", "words", "iomem", "--svg", ""]) == 1
    assert cli.main(["completion", "words"]) == 0
    assert capsys.readouterr().out.split() == list(cli.COMMANDS)


BASH = """
COMP_WORDS=(devmemkit explain --op l) COMP_CWORD=3
_devmemkit; echo "${COMPREPLY[@]}"
COMP_WORDS=(devmemkit iomem '') COMP_CWORD=2
_devmemkit; echo "${COMPREPLY[@]}"
complete -p devmemkit
"""
ASKED = {
    "bash": (BASH, "load\n\ncomplete -o default -F _devmemkit devmemkit\n"),
    "zsh": (BASH.replace("complete -p devmemkit", ""), "load\n\n"),
    "fish": ("complete -C 'devmemkit explain --op l'", "load\n"),
}


@pytest.mark.parametrize("shell", slow_where(lambda shell: shell != "bash", ASKED))
def test_the_script_completes_in_its_shell(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "devmemkit"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m devmemkit "$@"\n')
    script.chmod(0o755)
    assert cli.main(["completion", shell]) == 0
    asked, answer = ASKED[shell]
    done = subprocess.run(
        [shell, "-c", capsys.readouterr().out + asked],
        cwd=tmp_path,
        env=os.environ
        | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (answer, "")
