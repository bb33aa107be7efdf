"""What is cited, and the archive that is deposited."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import devmemkit
from devmemkit import cli
from devmemkit.artifact import cite
from devmemkit.artifact.provenance import ROOT, commit, data_files, digest_of

DATA = digest_of(data_files(ROOT))


def test_version_names_commit_and_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == (
        f"devmemkit {devmemkit.__version__}, commit {commit(ROOT)}, data sha256 {DATA}\n"
    )


def test_the_digest_of_the_data_is_what_sha256sum_prints() -> None:
    script = "find data -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    done = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split()[0] == DATA


def test_bibtex_is_one_entry_with_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cite"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("@software{devmemkit,\n")
    assert text.endswith("}\n")
    assert text.count("{") == text.count("}")
    fields = dict(re.findall(r"^  (\w+) *= \{(.*)\},?$", text, re.M))
    assert fields["version"] == devmemkit.__version__
    assert fields["author"] == "{The devmemkit authors}"
    assert fields["title"].startswith("devmemkit: what a driver's claim")
    assert f"data SHA-256 {DATA}" in fields["note"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean clone, as it is committed, that the commands run in."""
    source = tmp_path / "source"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, tracked.split("\0")):
        if name.startswith(("data/machines/", "devmemkit/artifact/")) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-C", source, *identity, *command], check=True)
    monkeypatch.chdir(source)
    return source


def test_an_archive_holds_all_that_is_committed_and_names_its_commit(
    clone: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"
    head = commit(clone)
    assert cite.archive(one) == f"{one}: {one.stat().st_size / 1e6:.1f} MB, commit {head}"
    cite.archive(two)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, two)}
    assert len(digests) == 1
    with tarfile.open(one) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"devmemkit-{devmemkit.__version__}"
    names = ["README.md", "requirements.lock", "data/machines/qemu-6.12/machine.json"]
    assert all((unpacked / name).is_file() for name in names)
    assert data_files(unpacked) == data_files(clone)
    assert commit(unpacked) == f"{head} (archive)"


def test_an_archive_of_what_is_not_committed_is_refused(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / "README.md").write_text("changed")
    assert cli.main(["archive", str(tmp_path / "a.tar.gz")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("devmemkit archive: expected a checkout without local changes, got ")
    shutil.rmtree(clone / ".git")
    assert cli.main(["archive", str(tmp_path / "a.tar.gz")]) == 2
    assert "expected a git checkout of devmemkit, got none" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(cite.UsageError, match=r"none/a\.tar\.gz: "):
        cite.archive(tmp_path / "none" / "a.tar.gz")


@pytest.mark.slow
def test_outside_a_checkout_there_is_nothing_to_cite(tmp_path: Path) -> None:
    package = tmp_path / "site" / "devmemkit"
    shutil.copytree(ROOT / "devmemkit", package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-P", "-m", "devmemkit"]
    env = {"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"}
    run = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    told = subprocess.run([*command, "--version"], **run).stdout
    assert told == (
        f"devmemkit {devmemkit.__version__}, commit not a git checkout, "
        "no data: not in a checkout\n"
    )
    for words in (["findings"], ["conform"], ["lab", "record", "takeover"]):
        refused = subprocess.run([*command, *words], **run)
        told = "data/machines: expected in a checkout of devmemkit, found none\n"
        assert (refused.returncode, refused.stderr) == (
            2,
            f"devmemkit {' '.join(words[:2])}: {told}",
        )
    refused = subprocess.run([*command, "cite"], **run)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"devmemkit cite: {package.parent / 'CITATION.cff'}: expected a citation, "
        "got: No such file or directory\n"
    )


@pytest.mark.parametrize("kind", ["a device", "a pipe"])
def test_an_archive_is_never_written_to_a_device_or_a_pipe(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    target = tmp_path / "a.tar.gz"
    if kind == "a device":
        target.symlink_to("/dev/null")
    else:
        os.mkfifo(target)
    assert cli.main(["archive", str(target)]) == 2
    told = capsys.readouterr()
    assert (told.out, f"got {kind}, left unopened" in told.err) == ("", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [("authors:\n", "expected a title, got none"), ("title: caf\udce9\n", "invalid")],
)
def test_a_citation_that_is_none_is_one_sentence(
    clone: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (clone / "CITATION.cff").write_text(text, "utf-8", "surrogateescape")
    assert cli.main(["cite"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("devmemkit cite: CITATION.cff: ")
    assert said in told
