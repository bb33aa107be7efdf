"""A folder of results: what is done stays done, and nothing else is taken for it."""

from __future__ import annotations

import dataclasses
import os
import resource
from pathlib import Path

import pytest

from devmemkit.artifact.folder import Folder
from devmemkit.artifact.record import CRATE, HIDDEN, Job, Record, UsageError
from devmemkit.artifact.store import Store

BEGAN = "2026-01-01T00:00:00+00:00"
JOB = Job("a job", "notebook", inputs={"data": "1"})


ONE, TWO, PARTIAL = (f"a job.{ending}" for ending in ("ipynb", "html", "partial.html"))


def done(store: Store, files: dict[str, str], error: str = "") -> Record:
    written = {name: content.encode() for name, content in files.items()}
    return store.place(JOB, written, BEGAN, 1.0, error)


def test_a_job_is_kept_while_its_inputs_and_its_files_are_the_same(tmp_path: Path) -> None:
    with Store(tmp_path, tmp_path) as store:
        assert store.kept(JOB) is None
        record = done(store, {ONE: "1", TWO: "2"})
        assert store.kept(JOB) == record
        assert store.kept(dataclasses.replace(JOB, inputs={"data": "2"})) is None
        assert store.kept(dataclasses.replace(JOB, parameters={"kernel": "6.1"})) is None
        (tmp_path / TWO).write_text("3")
        assert store.kept(JOB) is None
        (tmp_path / TWO).write_text("2")
        assert store.kept(JOB) == record
        (tmp_path / ONE).unlink()
        assert store.kept(JOB) is None


def test_a_job_that_failed_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path, tmp_path) as store:
        done(store, {PARTIAL: "1"}, "cell In [1]")
        assert store.kept(JOB) is None
        assert (tmp_path / PARTIAL).read_text() == "1"
        done(store, {ONE: "1"})
        assert not (tmp_path / PARTIAL).exists()
        assert store.kept(JOB)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"@graph": []}', "\x00", "sparse"])
def test_a_crate_that_cannot_be_read_tells_of_no_run(tmp_path: Path, text: str) -> None:
    with Store(tmp_path, tmp_path) as store:
        done(store, {ONE: "1"})
    (tmp_path / CRATE).write_text(text)
    if text == "sparse":
        os.truncate(tmp_path / CRATE, 200 << 30)
    with Store(tmp_path, tmp_path) as store:
        assert store.records == {}
        assert store.kept(JOB) is None
        done(store, {ONE: "1"})
        assert store.kept(JOB)


def test_files_in_the_making_are_no_results_and_go_with_the_next_run(tmp_path: Path) -> None:
    left = tmp_path / HIDDEN / "running" / "1-a job" / "half"  # as of a process that was killed
    left.parent.mkdir(parents=True)
    left.write_text("ha")
    with Store(tmp_path, tmp_path) as store:
        assert store.kept(JOB) is None
        assert not left.parent.parent.exists()


def test_one_run_at_a_time_and_a_lock_left_behind_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / "lock").write_text("4194304\n")  # of a process long gone
    with Store(tmp_path, tmp_path):
        told = f"got {tmp_path}, which another run writes to"
        with pytest.raises(UsageError, match=told), Store(tmp_path, tmp_path):
            pass
    with Store(tmp_path, tmp_path):
        pass


def test_a_file_that_cannot_be_written_keeps_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    folder = Folder(tmp_path)
    folder.write({"file": "old"})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            folder.write({"other": "new", "file": "new" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["file"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("error", ["", "cell In [1]"])
def test_the_next_run_reads_what_the_crate_says(tmp_path: Path, error: str) -> None:
    with Store(tmp_path, tmp_path) as store:
        record = done(store, {ONE: "1"}, error)
        other = store.place(Job("b", "findings"), {"b.json": b"2"}, record.began, 0.25, "")
    with Store(tmp_path, tmp_path) as store:
        assert store.records == {"a job": record, "b": other}
    assert (record.began, record.seconds, record.error) == (BEGAN, 1.0, error)


def test_records_of_an_earlier_version_go(tmp_path: Path) -> None:
    (tmp_path / HIDDEN / "records").mkdir(parents=True)
    (tmp_path / HIDDEN / "records" / "a job.json").write_text("{}")
    with Store(tmp_path, tmp_path):
        assert not (tmp_path / HIDDEN / "records").exists()
