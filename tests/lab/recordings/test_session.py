"""Recording many scenarios: which run side by side, what an interrupted run leaves, what fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings import manifest, session
from devmemkit.lab.recordings.session import Job, record_all

VERSIONS = ("6.12", "7.3")
SCENARIOS = ("conform", "machine", "mmap-vs-claim", "takeover")
Child = Callable[..., tuple[str, tuple[Path, ...]]]


def kernel(version: str, suite: str = "sid") -> Kernel:
    where = Path("/nowhere")
    return Kernel(version, f"{version}.1", suite, {}, where, where, {}, f"sha256-{version}")


JOBS = tuple(Job(scenario, kernel(version)) for version in VERSIONS for scenario in SCENARIOS)


class Recorder:
    """Instead of processes: writes a file for each job, and remembers what ran beside what."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.beside: dict[str, set[str]] = {}
        self.running: set[str] = set()
        self.fails: dict[str, str] = {}
        self.lock = threading.Lock()

    def child(self, job: Job, *_: Any) -> tuple[str, tuple[Path, ...]]:
        with self.lock:
            self.running.add(job.name)
            for one in self.running:
                self.beside.setdefault(one, set()).update(self.running - {one})
        path = self.folder / job.name
        path.write_text(job.name)
        with self.lock:
            self.running.discard(job.name)
            self.done.append(job.name)
        return (self.fails[job.name], ()) if job.name in self.fails else ("", (path,))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / manifest.NAME).touch()
    made = Recorder(folder)
    monkeypatch.setattr(session, "_child", made.child)
    monkeypatch.setattr(session, "cache_dir", lambda: tmp_path / "cache" / "kernels")
    monkeypatch.setattr(manifest, "data_dir", lambda: folder)
    return made


def run(jobs: Sequence[Job] = JOBS, guests: int = 2, *, anew: bool = False) -> list[str]:
    said: list[str] = []
    record_all(jobs, guests, anew=anew, progress=said.append)
    return said


def journal(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "recording.jsonl"


@pytest.mark.parametrize("guests", [1, 2, 5])
def test_all_are_done_machines_first_and_races_alone(
    recorder: Recorder, guests: int, tmp_path: Path
) -> None:
    said = run(guests=guests)
    names = [job.name for job in JOBS]
    assert sorted(recorder.done) == sorted(names)
    assert {name.split()[0] for name in recorder.done[:2]} == {"machine"}
    assert [name.split()[0] for name in recorder.done[-2:]] == ["mmap-vs-claim"] * 2
    for name in ("mmap-vs-claim on 6.12", "mmap-vs-claim on 7.3"):
        assert recorder.beside[name] == set()
    assert all(any(line.startswith(f"{name}: written; ") for line in said) for name in names)
    assert said[-1].split("; ")[1].startswith("0 left, ")
    assert not journal(tmp_path).exists()


def test_an_interrupted_run_goes_on(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it wrote is left out, unless the file or the sources changed since, or it is asked."""

    def interrupted(line: str) -> None:
        if line.startswith("takeover on 6.12"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_all(JOBS, 1, anew=False, progress=interrupted)
    kept = [name for name in recorder.done if "takeover on 7.3" not in name]
    assert kept[:2] == ["machine on 6.12", "machine on 7.3"]
    assert "takeover on 6.12" in kept
    saved = journal(tmp_path).read_text()

    def again(**more: Any) -> list[str]:
        journal(tmp_path).write_text(saved)
        recorder.done.clear()
        said = run(guests=1, **more)
        assert not journal(tmp_path).exists()
        recorded = len(JOBS) - len(recorder.done)
        told = f"{recorded} of 8 recordings are there from the run before"
        assert said[0].startswith(told) == (recorded > 0)
        return sorted(recorder.done)

    left = again()
    assert "machine on 6.12" not in left
    assert {"mmap-vs-claim on 6.12", "mmap-vs-claim on 7.3"} <= {*left}
    (recorder.folder / "machine on 6.12").write_text("edited")
    assert again() == sorted([*left, "machine on 6.12"])
    assert again(anew=True) == sorted(job.name for job in JOBS)
    monkeypatch.setattr(session, "_sources", lambda: "others")
    assert again() == sorted(job.name for job in JOBS)


def test_one_that_fails_stops_no_other_and_is_done_next_time(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.fails = {"machine on 7.3": "guest: it ended", "takeover on 6.12": "no answer"}
    with pytest.raises(
        GuestError, match=r"^machine on 7\.3: guest: it ended; takeover on 6\.12: no answer$"
    ):
        run()
    assert len(recorder.done) == len(JOBS)
    failed, recorder.fails = set(recorder.fails), {}
    recorder.done.clear()
    run()
    assert {*recorder.done} == failed
    listed = (recorder.folder / manifest.NAME).read_text()
    assert listed == ""  # these files are none that the manifest covers
    assert not journal(tmp_path).exists()


def test_a_real_child_says_in_one_sentence_what_is_wrong() -> None:
    job = Job("takeover", kernel("6.12", suite=""))
    children: list[Any] = []
    why, paths = cast(Child, session._child)(job, children, threading.Event())
    assert why == "/nowhere: expected a folder of modules (--modules DIR), found none"
    assert paths == ()
    assert [child.returncode for child in children] == [0]


def test_a_child_that_starts_too_late_is_ended() -> None:
    over = threading.Event()
    over.set()
    why, _ = session._child(Job("takeover", kernel("6.12", suite="")), [], over)
    assert why == "its process ended with status -9"
