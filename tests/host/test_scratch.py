"""Temporary folders: gone at the end, or with the next one; never what is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import devmemkit
from devmemkit.host import scratch as scratch_module
from devmemkit.host.scratch import PREFIX, scratch, sweep

ENV = os.environ | {"PYTHONPATH": str(Path(devmemkit.__file__).parents[1])}
KILLED = """
import os, sys
from devmemkit.host.scratch import scratch
with scratch(sys.argv[1], sys.argv[2]) as folder:
    (folder / "inner").mkdir()
    (folder / "inner" / "file").touch()
    os.kill(os.getpid(), 9)
"""


def left(where: Path, prefix: str = PREFIX) -> Path:
    """A folder whose owner was killed."""
    before = set(where.iterdir())
    subprocess.run([sys.executable, "-c", KILLED, prefix, str(where)], env=ENV)
    (one,) = set(where.iterdir()) - before
    return one


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with scratch(where=str(tmp_path)) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prefix", [PREFIX, "devmemkit-guest-"])
def test_the_next_one_removes_what_a_killed_owner_left(tmp_path: Path, prefix: str) -> None:
    old = left(tmp_path, prefix)
    assert (old / "inner" / "file").exists()
    with scratch(where=str(tmp_path)) as folder:
        assert list(tmp_path.iterdir()) == [folder]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders into which a notebook's kernel, which has not noticed yet, writes as they go."""
    remove = scratch_module.os.rmdir
    folders: list[Path] = []

    def late(path: str | Path, **more: Any) -> None:
        if Path(path) in folders:
            (Path(path) / "k.json").touch()
            folders.clear()
        remove(path, **more)

    monkeypatch.setattr(scratch_module.os, "rmdir", late)
    return folders


def test_what_is_written_to_it_while_it_goes_is_removed_by_the_next_one(
    tmp_path: Path, written: list[Path]
) -> None:
    with scratch(where=str(tmp_path)) as old:
        written.append(old)
        old.chmod(0o1700)  # as jupyter leaves it
    assert (old / "k.json").exists()
    sweep(tmp_path)
    assert not old.exists()


def test_what_is_written_while_it_is_swept_is_removed_by_the_one_after(
    tmp_path: Path, written: list[Path]
) -> None:
    old = left(tmp_path)
    written.append(old)
    sweep(tmp_path)
    assert (old / "k.json").exists()
    sweep(tmp_path)
    assert not old.exists()


def test_what_a_kernel_makes_anew_behind_a_sweep_goes_with_the_next_one(tmp_path: Path) -> None:
    old = tmp_path / "devmemkit-0abcdefg"
    old.mkdir(mode=0o1700)
    (old / "k.json").touch()
    (old / "ipython").mkdir()
    sweep(tmp_path)
    assert not old.exists()


def test_a_folder_whose_owner_lives_stays(tmp_path: Path) -> None:
    with scratch(where=str(tmp_path)) as one:
        code = "import sys; from devmemkit.host.scratch import *; sweep(Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=ENV, check=True)
        with scratch(where=str(tmp_path)) as two:
            assert {one, two} == set(tmp_path.iterdir())


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    (elsewhere / "file").touch()
    where = tmp_path / "where"
    where.mkdir()
    old = left(where)
    (old / "inner" / "link").symlink_to(elsewhere)
    (where / "devmemkit-abcdefgh").symlink_to(elsewhere)
    (where / "devmemkit-0abcdefg").symlink_to(old)
    os.mkfifo(where / "devmemkit-fifofifo")
    (where / "devmemkit-filefile").touch()
    notes = where / "devmemkit-my_notes"
    notes.mkdir(mode=0o700)
    (notes / "thought").touch()
    shared = where / "devmemkit-shared00"
    shared.mkdir(mode=0o755)
    (shared / "owner").touch()
    (where / "devmemkit-guest-long_name").mkdir(mode=0o700)
    before = set(where.iterdir())
    sweep(where)
    assert set(where.iterdir()) == before - {old}
    assert (notes / "thought").exists()
    assert (elsewhere / "file").exists()


def test_a_folder_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = left(tmp_path)
    monkeypatch.setattr(scratch_module.os, "geteuid", lambda: os.getuid() + 1)
    sweep(tmp_path)
    assert old.exists()


def test_one_that_is_swept_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = scratch_module.fcntl.flock, []

    def flock(folder: int, how: int) -> None:
        if not swept and how == scratch_module.fcntl.LOCK_EX:
            swept.extend(tmp_path.iterdir())
            sweep(tmp_path)
        lock(folder, how)

    monkeypatch.setattr(scratch_module.fcntl, "flock", flock)
    with scratch(where=str(tmp_path)) as folder:
        assert folder not in swept
        assert folder.is_dir()
    assert not list(tmp_path.iterdir())
