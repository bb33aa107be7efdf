"""The manifest: what is missing, altered, swapped or not listed is an error with its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devmemkit import cli
from devmemkit.artifact import answers
from devmemkit.artifact.entities import Crate
from devmemkit.artifact.verify import state_differs
from devmemkit.lab.recordings import manifest, record
from devmemkit.scenarios.machines import data_dir


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of data/ that may be spoiled, in the place of the checkout's."""
    copy = tmp_path / "data"
    shutil.copytree(data_dir(), copy)
    monkeypatch.chdir(tmp_path)
    answers._read.cache_clear()
    yield copy
    answers._read.cache_clear()


def swapped(data: Path) -> None:
    one, two = (data / "recordings" / "takeover" / f"{v}.json" for v in ("5.10", "7.3"))
    three = one.with_name("spare")
    one.rename(three)
    two.rename(one)
    three.rename(two)


def copied(data: Path) -> None:
    shutil.copy(data / "recordings/claims/7.3.json", data / "recordings/claims/6.1.json")


def unlisted(data: Path) -> None:
    path = data / manifest.NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "conform/6.1.json" not in line))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "two kernels swapped": (swapped, "recordings/takeover/5.10.json: expected SHA-256"),
    "one kernel's as another's": (copied, "recordings/claims/6.1.json: expected SHA-256"),
    "a scenario gone": (
        lambda data: shutil.rmtree(data / "recordings" / "conform"),
        "recordings/conform/",
    ),
    "a kernel gone": (
        lambda data: (data / "recordings/boot/6.18.json").unlink(),
        "recordings/boot/6.18.json: expected the file",
    ),
    "one byte of a machine": (
        lambda data: (data / "machines/qemu-6.12/idle/iomem").write_text("x"),
        "machines/qemu-6.12/idle/iomem: expected SHA-256",
    ),
    "a program altered": (
        lambda data: (data / "reproducers/low-megabyte.c").write_text("int main;"),
        "reproducers/low-megabyte.c: expected SHA-256",
    ),
    "a file more": (
        lambda data: (data / "recordings/takeover/6.13.json").write_text("{}"),
        "recordings/takeover/6.13.json: expected in SHA256SUMS",
    ),
    "a line gone": (unlisted, "expected conform on Linux 6.1, found none"),
    "no manifest": (lambda data: (data / manifest.NAME).unlink(), "expected a manifest"),
    "an empty manifest": (
        lambda data: (data / manifest.NAME).write_text(""),
        "expected takeover on Linux 5.10, found none",
    ),
    "a path outside": (
        lambda data: (data / manifest.NAME).write_text(f"{'0' * 64}  ../../etc/passwd\n"),
        "line 1: expected a digest",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("command", ["conform", "claims"])
def test_who_judges_fails_and_names_it(
    data: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    spoil, sentence = SPOILED[name]
    spoil(data)
    assert cli.main([command]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.startswith(f"devmemkit {command}: ")
    assert told.count("\n") == 1


def test_a_manifest_made_anew_does_not_hide_what_is_gone_or_in_anothers_place(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swapped(data)
    manifest.write()
    assert manifest.check() > 0
    assert cli.main(["claims"]) == 2
    assert "takeover/5.10.json: expected takeover on Linux 5.10" in capsys.readouterr().err
    (data / "recordings/boot/6.18.json").unlink()
    manifest.write()
    assert cli.main(["conform"]) == 2
    assert "expected boot on Linux 6.18, found none" in capsys.readouterr().err


def test_the_checkouts_manifest_is_whole_and_as_sha256sum_reads_it() -> None:
    assert manifest.check() == len(manifest.listed())
    assert {name.split("/")[0] for name in manifest.listed()} == set(manifest.FOLDERS)
    assert set(manifest.MEASURED) == set(record.MEASURED)


def test_verify_names_what_is_not_there_either(data: Path) -> None:
    crate = Crate({}, (), {}, {}, "")
    shutil.rmtree(data / "recordings" / "conform")
    assert any("data/recordings/conform/" in sentence for sentence in state_differs(crate))
