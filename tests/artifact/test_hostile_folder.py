"""A folder of results that somebody else prepared: nothing outside it is touched, nothing hangs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from devmemkit.artifact import jobs
from devmemkit.artifact.folder import DEEPEST, Folder, parts
from devmemkit.artifact.jobs import Done
from devmemkit.artifact.record import CRATE, HIDDEN, Job, Record, UsageError
from devmemkit.artifact.reproduce import cell_table, is_finding, weighed
from devmemkit.artifact.store import Store

JOB = Job("a job", "notebook", inputs={"data": "1"})
BEGAN = "2026-01-01T00:00:00+00:00"
ONE, FIGURE = "a job.ipynb", "figures/a job/01.svg"


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """The folder, in one with a victim; at the end the victim, and all beside it, is as it was."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious")
    (outside / "folder").mkdir()
    (outside / "folder" / "deep").write_text("precious")
    (tmp_path / "out").mkdir()
    yield tmp_path / "out"
    found = {p.relative_to(outside).as_posix(): p for p in outside.rglob("*") if p.is_file()}
    assert sorted(found) == ["folder/deep", "victim"]
    assert {path.read_text() for path in found.values()} == {"precious"}


def done(store: Store) -> None:
    store.place(JOB, {ONE: b"1", FIGURE: b"2"}, BEGAN, 1.0, "")


def spoil(out: Path, change: Callable[[str], str]) -> None:
    """Change the text of the crate."""
    path = out / CRATE
    path.write_text(change(path.read_text("utf-8")), "utf-8")


@pytest.mark.parametrize(
    "name",
    [
        *("../../outside/victim", "../outside/victim", "{outside}/victim", "..\\outside\\victim"),
        *("figures/a job/../../../outside/victim", "a job.ipynb/../../outside/victim"),
        *("", ".", "a job.ipynb\0", "x" * 300, "\ud800"),
        *("mine.txt", "index.html", "another.ipynb", f"{HIDDEN}/lock"),
    ],
)
def test_no_name_in_a_crate_makes_a_run_delete_what_is_not_the_jobs(out: Path, name: str) -> None:
    for mine in ("mine.txt", "index.html", "another.ipynb"):
        (out / mine).write_text("mine")
    name = name.replace("{outside}", str(out.parent / "outside"))
    with Store(out, out) as store:
        done(store)
    spoil(out, lambda text: text.replace('"a%20job.ipynb"', json.dumps(name)))
    with Store(out, out) as store:
        assert store.records == {}
        assert store.kept(JOB) is None
        done(store)
        assert store.kept(JOB)
    assert {(out / m).read_text() for m in ("mine.txt", "index.html", "another.ipynb")} == {"mine"}
    assert (out / HIDDEN / "lock").exists()


def test_a_file_of_a_job_is_not_read_when_it_is_huge_or_no_file(out: Path) -> None:
    with Store(out, out) as store:
        done(store)
        assert store.kept(JOB)
        with (out / ONE).open("wb") as sparse:
            sparse.truncate(200 << 30)
        assert store.kept(JOB) is None
        (out / ONE).unlink()
        os.mkfifo(out / ONE)  # since the run began
        assert store.kept(JOB) is None
        done(store)
        assert (out / ONE).read_text() == "1"


def test_a_record_without_the_files_of_the_job_is_not_of_one_that_is_done(out: Path) -> None:
    with Store(out, out) as store:
        store.place(JOB, {FIGURE: b"2"}, BEGAN, 1.0, "")
        assert not store.records["a job"].error
        assert store.kept(JOB) is None


FINDING = {
    **dict.fromkeys(("id", "says", "by", "notebook"), "a text"),
    "reproduced": True,
    "verdicts": {"6.12": "holds"},
    "expected": {"6.12": "holds"},
    "rests_on": {"6.12": ["model"]},
}


@pytest.mark.parametrize("name", [HIDDEN, "figures", "figures/a job"])
@pytest.mark.parametrize("target", ["victim", "folder", "nowhere"])
def test_a_symbolic_link_where_a_folder_is_to_be_is_refused(
    out: Path, name: str, target: str
) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).symlink_to(out.parent / "outside" / target)
    with pytest.raises(UsageError) as caught, Store(out, out):
        pass
    assert str(caught.value) == (
        f"expected a folder of the report or nothing, got a symbolic link: {out / name}"
    )


@pytest.mark.parametrize("name", [ONE, "index.html", CRATE, f"{HIDDEN}/running"])
@pytest.mark.parametrize("kind", ["victim", "folder", "nowhere", "FIFO"])
def test_what_is_no_file_where_one_is_to_be_is_replaced(out: Path, name: str, kind: str) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    if kind == "FIFO":
        os.mkfifo(out / name)
    else:
        (out / name).symlink_to(out.parent / "outside" / kind)
    with Store(out, out) as store:
        done(store)
        store.inside.write({"index.html": "1"})
        assert store.kept(JOB)
        assert store.inside.kind(name) == ("" if name.startswith(HIDDEN) else "file")


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_lock_that_is_no_file_is_refused(out: Path, kind: str) -> None:
    lock = out / HIDDEN / "lock"
    lock.parent.mkdir()
    lock.mkdir() if kind == "folder" else lock.symlink_to(out.parent / "outside" / "victim")
    with pytest.raises(UsageError, match="expected a folder to write to, got "):
        Store(out, out).__enter__()


def test_a_file_where_a_folder_is_to_be_is_refused(out: Path) -> None:
    (out / "figures").write_text("")
    with pytest.raises(UsageError, match="expected a folder of the report or nothing, got a file"):
        Store(out, out).__enter__()


def test_folders_without_end_are_refused(out: Path) -> None:
    (out / "/".join("x" * (DEEPEST + 2))).mkdir(parents=True)
    with Folder(out) as folder, pytest.raises(OSError, match=f"more than {DEEPEST} folders in fo"):
        list(folder.walk())


def test_the_folder_itself_may_be_a_link_and_may_hold_other_things(out: Path) -> None:
    (out / "mine").mkdir()
    (out / "mine" / "link").symlink_to(out.parent / "outside")
    link = out.parent / "link"
    link.symlink_to(out)
    with Store(link, out) as store:
        done(store)
    assert (out / ONE).read_text() == "1"


def test_a_link_that_comes_during_the_run_is_not_followed(out: Path) -> None:
    outside = out.parent / "outside"
    with Store(out, out) as store:
        (out / "figures").symlink_to(outside / "folder")
        with pytest.raises(OSError, match="Not a directory"):
            done(store)
        (out / "figures").unlink()
        (out / ONE).unlink(missing_ok=True)
        (out / ONE).symlink_to(outside / "victim")
        (out / "index.html").symlink_to(outside / "victim")
        done(store)  # replaces the link
        store.inside.write({"index.html": "1"})
        assert (out / ONE).read_text() == "1"
        assert (out / "index.html").read_text() == "1"
        (out / HIDDEN / "running").symlink_to(outside / "folder")
        with pytest.raises(OSError, match="Not a directory"):
            done(store)


def test_a_link_among_the_files_of_a_job_is_not_followed(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = out.parent / "outside" / "victim"
    code = f"import os, sys; os.symlink({str(victim)!r}, f'{{sys.argv[-1]}}/{ONE}')"
    monkeypatch.setattr(jobs, "COMMAND", [sys.executable, "-c", code])
    with Store(out, out) as store, jobs.here(1, 600) as submit:
        (record,) = jobs.run([JOB], store, submit, 1).values()  # type: ignore[union-attr]
    assert record.error == "cannot write: a symbolic link, left unopened"
    assert "Traceback" not in capsys.readouterr().err


def test_what_hard_links_lead_to_is_not_written_to(out: Path) -> None:
    victim = out.parent / "outside" / "victim"
    os.link(victim, out / ONE)
    os.link(victim, out / "index.html")
    with Store(out, out) as store:
        store.inside.write({"index.html": "1"})
        done(store)
    assert (out / ONE).read_text() == "1"
    (out / HIDDEN / "lock").unlink()
    os.link(victim, out / HIDDEN / "lock")
    with Store(out, out):
        pass  # which writes nothing to it


def ended(**fields: object) -> Future[Done]:
    """A job that has ended, well but for some fields."""
    future: Future[Done] = Future()
    future.set_result(Done({ONE: b"1"}, "", BEGAN, 1.0)._replace(**fields))  # type: ignore[arg-type]
    return future


def test_files_that_a_cluster_sends_are_those_of_the_job(out: Path) -> None:
    files = {ONE: b"1", "../outside/victim": b"x"}
    with Store(out, out) as store:
        (record,) = jobs.run([JOB], store, lambda _: ended(files=files), 1).values()  # type: ignore[union-attr]
        assert record.error == "cannot write: not a file of a job: ../outside/victim"
        assert store.kept(JOB) is None
    assert not (out / ONE).exists()


def test_files_of_a_job_that_could_not_be_stored_go_with_the_next_run(out: Path) -> None:
    with Store(out, out) as store:
        done(store)
        assert jobs.run([Job("a job", "notebook")], store, lambda _: ended(files={"x": b""}), 1)
        store.write_crate()
    with Store(out, out) as store:
        assert store.records["a job"].error == "cannot write: not a file of a job: x"
        assert (out / FIGURE).exists()
        store.place(JOB, {ONE: b"1"}, BEGAN, 1.0, "")
    assert not (out / FIGURE).exists()


def test_a_folder_in_the_place_of_a_file_stays_and_its_job_fails(out: Path) -> None:
    (out / ONE / "mine").mkdir(parents=True)
    with Store(out, out) as store:
        (record,) = jobs.run([JOB], store, lambda _: ended(), 1).values()  # type: ignore[union-attr]
    assert record.error == "cannot write: Is a directory"
    assert (out / ONE / "mine").exists()


def test_no_name_steers_the_terminal(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = Job("a\x1b[2J", "notebook")
    with Store(out, out) as store:
        assert jobs.run([evil], store, lambda _: ended(error="\0\x9b", files={}), 1)
    said = capsys.readouterr().out
    assert said == "a\\x1b[2J: failed at \\x00\\x9b, 1.0 s\n"


@pytest.mark.parametrize(
    "name", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0", "\ud800"]
)
def test_what_is_no_name_inside(name: str) -> None:
    with pytest.raises(OSError, match="not the name of a file inside the folder"):
        parts(name)


def test_only_regular_files_are_opened(out: Path) -> None:
    (out / "link").symlink_to(out.parent / "outside" / "victim")
    os.mkfifo(out / "pipe")
    (out / "folder").mkdir()
    (out / "folder" / "file").write_text("1")
    with Folder(out) as folder:
        for name, kind in (("link", "symbolic link"), ("pipe", "FIFO"), ("folder", "folder")):
            with pytest.raises(OSError, match=f"a {kind}, left unopened"):
                folder.open(name)
        assert folder.read("folder/file") == b"1"
        with pytest.raises(OSError, match="1 bytes, more than the 0 that are read"):
            folder.read("folder/file", 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "null", "[" * 100_000, "9" * 10_000, "\0", "sparse", "FIFO"]
)
def test_what_an_earlier_run_made_is_not_believed(out: Path, text: str) -> None:
    path = out / "a job.values.json"
    if text == "FIFO":
        os.mkfifo(path)
    else:
        path.write_text(text)
    if text == "sparse":
        os.truncate(path, 200 << 30)
    record = Record("a job", JOB.key, outputs={path.name: "0" * 64})
    with Folder(out) as folder, pytest.raises(UsageError) as caught:
        cell_table([JOB], {"a job": record}, folder)
    assert str(caught.value).startswith(f"{path}: expected ")
    assert str(caught.value).endswith("; without the file its job runs again")


@pytest.mark.parametrize(
    "finding",
    [
        *(None, 5, [], {}),
        *(FINDING | {key: value} for key in FINDING for value in (None, 5, [None], {"6.13": "x"})),
    ],
)
def test_findings_of_an_earlier_run_are_printed_only_as_such(out: Path, finding: object) -> None:
    (out / "findings.json").write_text(json.dumps([FINDING, finding]))
    record = Record("findings", "")
    assert is_finding(FINDING)
    with Folder(out) as folder, pytest.raises(UsageError, match=r"\.json: expected findings"):
        weighed(folder, [record])


def test_a_report_is_written_whatever_its_texts(out: Path) -> None:
    with Folder(out) as folder:
        folder.write({"index.html": "a\ud800\0\x1bü"})
    assert (out / "index.html").read_bytes() == "a\\ud800\0\x1bü".encode()
