"""What a run says it was made on."""

import hashlib
import os
import shutil
import subprocess

import pytest

from devmemkit import __version__
from devmemkit.artifact import provenance
from devmemkit.artifact.provenance import ROOT, checkout, commit, made_on


def git(root, *arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", "-C", root, *identity, *arguments]
    return subprocess.run(
        command, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


# a wheel's user may have no git; .ci/run has it, and fails on a skip
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_and_local_changes(tmp_path, monkeypatch):
    git(tmp_path, "init", "-q")
    assert commit(tmp_path).startswith("unknown: fatal: ")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "x")
    head = git(tmp_path, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")  # as within a hook of another repository
    assert commit(tmp_path) == head
    (tmp_path / "untracked").write_text("1")
    assert commit(tmp_path) == head
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == f"{head} with local changes"


def test_a_folder_below_a_foreign_checkout_is_not_a_checkout(tmp_path):
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "site-packages"
    inner.mkdir()
    assert commit(inner) == "not a git checkout"


def test_without_git(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(tmp_path) == "unknown: git is not installed"


def test_the_nearest_checkout_of_this_project_counts(tmp_path, monkeypatch):
    below = tmp_path / "notebooks"
    below.mkdir()
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "devmemkit"\n')
    assert checkout(below) == tmp_path
    monkeypatch.setattr(provenance, "ROOT", below)
    for other in ('[project]\nname = "other"\n', "not = toml = at all", ""):
        project.write_text(other)
        assert checkout(below) is None


def test_an_installed_package_that_differs_from_the_checkout_is_told(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "devmemkit"\n')
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "devmemkit", "devmemkit", ignore=shutil.ignore_patterns("__pycache__"))
    assert made_on()["commit"] == "not a git checkout"
    (tmp_path / "devmemkit" / "cli.py").write_text("")
    assert made_on()["commit"] == "not a git checkout; the installed package differs from it"


def test_facts_and_their_two_forms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "<dump>.txt"
    data.write_bytes(b"abc")
    facts = made_on([data, ROOT / "devmemkit" / "__init__.py"], seed=7)
    assert facts["devmemkit"] == __version__
    assert facts["seed"] == "7"
    name = f"{tmp_path.parts[-2]}/{tmp_path.name}/<dump>.txt"
    assert facts[f"sha256 of {name}"] == hashlib.sha256(b"abc").hexdigest()
    assert "sha256 of devmemkit/__init__.py" in facts, "relative to the checkout"
    assert str(tmp_path) not in repr(facts), "no full path of this machine"
    assert repr(facts).splitlines()[-1].split() == ["seed", "7"]
    assert "/&lt;dump&gt;.txt" in facts._repr_html_()
    assert "seed" not in made_on()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("way", ["fsmonitor", "filter", "hook"])
def test_no_program_of_somebody_elses_checkout_is_run(tmp_path, way):
    root, mark = tmp_path / "root", tmp_path / "ran"
    root.mkdir()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    git(root, "init", "-q")
    (root / "file").write_text("1")
    (root / ".gitattributes").write_text("file filter=own\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    head = git(root, "rev-parse", "HEAD")
    if way == "fsmonitor":
        git(root, "config", "core.fsmonitor", str(program))
    elif way == "filter":
        git(root, "config", "filter.own.clean", str(program))
        git(root, "config", "filter.own.required", "true")
    else:
        git(root, "config", "core.hooksPath", str(tmp_path))
        program.rename(tmp_path / "post-index-change")
    os.utime(root / "file", (1, 1))  # so that it is looked into
    assert commit(root) == head
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [b"project = 3\n", b"[[project]]\n", b'[project]\nname = "caf\xe9"\n', b"a=" + b"[" * 100_000],
)
def test_a_project_that_is_none_is_passed_over(tmp_path, text):
    (tmp_path / "pyproject.toml").write_bytes(text)
    assert checkout(tmp_path) == ROOT


def test_a_project_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pyproject.toml")
    assert checkout(tmp_path) == ROOT
