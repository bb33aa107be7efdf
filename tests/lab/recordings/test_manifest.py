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


def swapped(folder: Path, first: str, second: str) -> None:
    spare = (folder / first).rename(folder / "spare")
    (folder / second).rename(folder / first)
    spare.rename(folder / second)


def unlisted(data: Path) -> None:
    path = data / manifest.NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "conform/6.1.json" not in line))


def again_by_link(path: Path) -> None:
    beside = path.with_name(".kept")
    path.rename(beside)
    path.symlink_to(beside.name)


def linked(data: Path) -> None:
    shutil.rmtree(data / "machines/qemu-6.1")
    (data / "machines/qemu-6.1").symlink_to("qemu-7.3")
    relisted(data)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def relisted(data: Path) -> None:
    """Sign anew all that is there, as somebody could who wants to hide what he did."""
    lines = [f"{manifest.digest(data / name)}  {name}\n" for name in sorted(manifest.there(data))]
    (data / manifest.NAME).write_text("".join(lines))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "two kernels swapped": (
        lambda data: swapped(data / "recordings/takeover", "5.10.json", "7.3.json"),
        "recordings/takeover/5.10.json: expected SHA-256"),
    "one kernel's as another's": (
        lambda data: shutil.copy(
            data / "recordings/claims/7.3.json", data / "recordings/claims/6.1.json"
        ),
        "recordings/claims/6.1.json: expected SHA-256"),
    "a scenario gone": (
        lambda data: shutil.rmtree(data / "recordings" / "conform"), "recordings/conform/"),
    "a kernel gone": (
        lambda data: (data / "recordings/boot/6.18.json").unlink(),
        "recordings/boot/6.18.json: expected the file"),
    "one byte of a machine": (
        lambda data: (data / "machines/qemu-6.12/idle/iomem").write_text("x"),
        "machines/qemu-6.12/idle/iomem: expected SHA-256"),
    "a program altered": (
        lambda data: (data / "reproducers/low-megabyte.c").write_text("int main;"),
        "reproducers/low-megabyte.c: expected SHA-256"),
    "a file more": (
        lambda data: (data / "recordings/takeover/6.13.json").write_text("{}"),
        "recordings/takeover/6.13.json: expected in SHA256SUMS"),
    "a line gone": (unlisted, "expected recordings/conform/6.1.json, found none"),
    "a machine that is a link to another": (linked, "qemu-6.1: expected a folder, got a link"),
    "a recording that is a link": (
        lambda data: again_by_link(data / "recordings/boot/6.1.json"),
        "recordings/boot/6.1.json: expected a file, got a link"),
    "a question taken out of the ledger": (
        lambda data: edit(data / "findings.toml", 'until = "5.8"', ""),
        "findings.toml: expected SHA-256"),
    "a ledger gone": (
        lambda data: (data / "findings.toml").unlink(), "findings.toml: expected the file"),
    "what a claim takes, altered": (
        lambda data: edit(data / "claim-path.toml", "initcall", "lock"),
        "claim-path.toml: expected SHA-256"),
    "a schema that allows all": (
        lambda data: (data / "recordings/schema.json").write_text("{}"),
        "recordings/schema.json: expected SHA-256"),
    "a machine gone, and its lines": (
        lambda data: (shutil.rmtree(data / "machines/qemu-5.10"), relisted(data)),
        "expected machines/qemu-5.10/bound/iomem, found none"),
    "a program gone, and its line": (
        lambda data: ((data / "reproducers/nd-pmem-gaps.c").unlink(), relisted(data)),
        "expected reproducers/nd-pmem-gaps.c, found none"),
    "a kernel that nobody judges": (
        lambda data: (
            shutil.copy(data / "recordings/boot/7.3.json", data / "recordings/boot/7.4.json"),
            relisted(data),
        ),
        "expected nothing else, got recordings/boot/7.4.json"),
    "two machines swapped, and signed anew": (
        lambda data: (swapped(data / "machines", "qemu-6.1", "qemu-7.3"), relisted(data)),
        "machines/qemu-6.1: expected the machine of Linux 6.1, got qemu-7.3"),
    "no manifest": (lambda data: (data / manifest.NAME).unlink(), "expected a manifest"),
    "an empty manifest": (
        lambda data: (data / manifest.NAME).write_text(""),
        "expected attempts.json, found none"),
    "a path outside": (
        lambda data: (data / manifest.NAME).write_text(f"{'0' * 64}  ../../etc/passwd\n"),
        "line 1: expected a digest"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("command", ["conform", "findings"])
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
    swapped(data / "recordings/takeover", "5.10.json", "7.3.json")
    relisted(data)
    assert manifest.check() > 0
    assert cli.main(["findings"]) == 2
    assert "takeover/5.10.json: expected takeover on Linux 5.10" in capsys.readouterr().err
    (data / "recordings/boot/6.18.json").unlink()
    relisted(data)
    assert cli.main(["conform"]) == 2
    assert "expected recordings/boot/6.18.json, found none" in capsys.readouterr().err


def test_a_new_recording_signs_itself_and_nothing_else(data: Path) -> None:
    new, other = (data / f"recordings/boot/{version}.json" for version in ("6.18", "7.3"))
    before = manifest.listed()
    for path in (new, other):
        path.write_text("{}")
    manifest.write(new)
    after = manifest.listed()
    assert {name for name in after if after[name] != before[name]} == {"recordings/boot/6.18.json"}
    with pytest.raises(manifest.RecordingError, match=r"boot/7\.3\.json: expected SHA-256"):
        manifest.check()
    folder = data / "machines/qemu-6.1"
    (folder / "idle/iomem").write_text("")
    manifest.write(folder)
    assert manifest.listed()["machines/qemu-6.1/idle/iomem"] == manifest.digest(
        folder / "idle/iomem"
    )


def test_the_checkouts_manifest_is_whole_and_as_sha256sum_reads_it() -> None:
    assert manifest.check() == len(manifest.listed())
    assert set(manifest.listed()) >= manifest.required()
    assert set(manifest.MEASURED) == set(record.MEASURED)


def test_verify_names_what_is_not_there_either(data: Path) -> None:
    crate = Crate({}, (), {}, {}, "")
    shutil.rmtree(data / "recordings" / "conform")
    assert any("data/recordings/conform/" in sentence for sentence in state_differs(crate))
