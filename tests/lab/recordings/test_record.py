"""Recording: a random run whole, with the operations it rests on, or not at all; memory cleared."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from devmemkit import cli
from devmemkit.lab.fuzz.conform import Conformance, Keep
from devmemkit.lab.fuzz.generate import Sequence
from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.kernels import cache
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings import manifest, record, recording
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.recheck import judge_run
from devmemkit.lab.recordings.recording import RecordingError, read
from devmemkit.scenarios.stories.script import Story
from tests.lab.recordings.small import MADE, OPERATIONS, PERFORMED
from tests.lab.recordings.test_recording import ABOUT


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder of recordings that has the schema, a kernel that boots in no time."""
    there = tmp_path / "recordings"
    there.mkdir()
    schema = recording.folder() / "schema.json"
    (there / "schema.json").write_bytes(schema.read_bytes())
    (tmp_path / manifest.NAME).touch()
    for place in (recording, runs):
        monkeypatch.setattr(place, "folder", lambda: there)
    monkeypatch.setattr(manifest, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(runs, "SEED", 1)
    monkeypatch.setattr(runs, "SEQUENCES", 2)
    monkeypatch.setattr(record, "about", lambda *_: ABOUT)
    kernel = SimpleNamespace(version="6.12", release="6.12.1")
    monkeypatch.setattr(cache, "get", lambda version, flavour="x86_64": kernel)
    return there


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def plays(
    monkeypatch: pytest.MonkeyPatch, *, ended: str = "", sequences: int = 2
) -> list[tuple[Sequence, ...]]:
    """Let a run be of the small one's first sequences; what it was given comes into the list."""
    given = []

    def run(
        kernel: Any, seed: int, ops: int, progress: Callable[[str], None], *,
        recorded: tuple[Sequence, ...], keep: Keep, lab: str,
    ) -> Conformance:  # fmt: skip
        given.append(recorded)
        found = Conformance("6.12", "6.12.1", seed, ops, ended=ended, complete=not ended)
        for made, performed in zip(MADE[:2], PERFORMED, strict=False):
            keep(made, performed)
            found.ops += len(performed.outcomes)
        found.sequences = sequences
        return found

    monkeypatch.setattr(record, "conform", run)
    return given


def test_a_run_is_written_with_its_operations_and_judged(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = plays(monkeypatch)
    assert cli.main(["lab", "record", "conform", "--kernel", "6.12"]) == 0
    assert files(there) == ["conform/6.12.json", "conform/operations.xz", "schema.json"]
    listed = (there.parent / manifest.NAME).read_text()
    assert all(f"  recordings/{name}\n" in listed for name in files(there)[:2])
    assert given == [tuple(MADE[:2])]
    written = read(there / "conform" / "6.12.json")
    found = judge_run(written, lambda line: None, 1)
    assert found.compared == written.content["conform"]["ops"] > 400
    assert found.differences == ()


def test_recorded_operations_are_played_again_and_stay(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there / "conform").mkdir()
    (there / runs.where("2g")).write_bytes(OPERATIONS)
    given = plays(monkeypatch)
    assert cli.main(["lab", "record", "conform", "--kernel", "6.12"]) == 0
    assert given == [tuple(MADE)]
    assert (there / runs.where("2g")).read_bytes() == OPERATIONS
    assert judge_run(read(there / "conform" / "6.12.json"), lambda line: None, 1).compared


@pytest.mark.parametrize(
    ("ended", "sequences", "status", "sentence"),
    [
        ("interrupted", 2, 130, "devmemkit lab: interrupted"),
        ("after 2 sequences: guest: it ended", 2, 2, "expected 100000 operations, it ended: after"),
        ("", 3, 2, "conform: expected 100000 operations in 2 sequences"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_writes_nothing(
    there: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ended: str,
    sequences: int,
    status: int,
    sentence: str,
) -> None:
    plays(monkeypatch, ended=ended, sequences=sequences)
    assert cli.main(["lab", "record", "conform", "--kernel", "6.12"]) == status
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert files(there) == ["schema.json"]


def test_one_that_could_not_be_read_writes_no_operations_either(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(monkeypatch)
    monkeypatch.setattr(record, "about", lambda *_: {**ABOUT, "taken": "today"})
    made = record.record("conform", cache.get("6.12"), lambda line: None)
    assert made.beside.keys() == {"operations.xz"}
    with pytest.raises(RecordingError, match="expected what the schema says at taken"):
        made.write(recording.path_of("conform", "6.12"))
    assert files(there) == ["schema.json"]


def test_a_guest_that_fails_is_no_run(monkeypatch: pytest.MonkeyPatch, there: Path) -> None:
    plays(monkeypatch, ended="after 0 sequences: guest: no answer")
    with pytest.raises(GuestError, match="no answer"):
        record.record("conform", cache.get("6.12"), lambda line: None)


@pytest.mark.parametrize(
    ("version", "cmdline", "cleared"),
    [
        ("6.12", "", True),
        ("6.12", "iomem=relaxed", True),
        ("6.12", "lockdown=integrity", False),
        ("6.12", "quiet lockdown=confidentiality", False),
        ("6.12", "lockdown=none", True),
        ("6.12", "xlockdown=integrity", True),
        ("4.4", "lockdown=integrity", True),
    ],
)
def test_memory_is_cleared_unless_the_kernel_is_locked_down(
    monkeypatch: pytest.MonkeyPatch, version: str, cmdline: str, cleared: bool
) -> None:
    resets: list[tuple[object, ...]] = []
    guest = SimpleNamespace(boot_seconds=1.0, reset=lambda *clear: resets.append(clear))
    monkeypatch.setattr(record, "boot", lambda *_, **__: nullcontext(guest))
    monkeypatch.setattr(record, "perform", lambda *_: None)
    kernel = cast(Kernel, SimpleNamespace(release=f"{version}.0", version=version))
    played = [Story(key, key, (), cmdline=cmdline) for key in ("a", "b")]
    assert len(list(record.play_stories(kernel, played, lambda _: None))) == 2
    assert resets == [record.to_clear("2g") if cleared else ()] * 2
