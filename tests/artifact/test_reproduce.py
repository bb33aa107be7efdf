"""The command: which notebooks, how they end, what is left behind."""

import hashlib
import html
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from devmemkit.artifact.plan import choose, name_of
from devmemkit.artifact.record import HIDDEN, UsageError
from tests.artifact import toys


def names(folder):
    """What a user sees there, but for the provenance that every run leaves."""
    seen = sorted(path.name for path in folder.iterdir())
    return [name for name in seen if name not in (HIDDEN, "ro-crate-metadata.json")]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition):
    end = time.monotonic() + 3600  # it hangs
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def outputs(path):
    return [
        "".join(output.get("text", ""))
        for cell in json.loads(path.read_text())["cells"]
        for output in cell.get("outputs", ())
    ]


@pytest.mark.slow
def test_one_fails_the_others_go_on_and_the_failing_cell_is_named(checkout):
    checkout.write("01-good", toys.good())
    checkout.write("02-bad", toys.bad())
    (checkout.root / "data").mkdir()
    (checkout.root / "data" / "d").write_bytes(b"abc")
    checkout.write("03-dead", toys.notebook(toys.code("import os\nos._exit(3)")))
    done = checkout.run("reproduce", "--jobs", "2")
    report = checkout.root / "report"
    assert done.returncode == 1
    assert done.stderr == ""
    assert "\n02-bad: failed at cell In [2], '# why': expected 6.12, got 9, " in done.stdout
    assert "\n03-dead: failed at cell In [1], 'import os': the kernel died, " in done.stdout
    assert "\n01-good: done, " in "\n" + done.stdout
    assert re.search(r"^\d+ s$", done.stdout, re.M)
    assert done.stdout.endswith(f"report: {report}/index.html\n")
    assert names(report) == [
        "01-good.html",
        "01-good.ipynb",
        "02-bad.partial.html",
        "02-bad.partial.ipynb",
        "03-dead.partial.html",
        "03-dead.partial.ipynb",
        "index.html",
    ]
    index = (report / "index.html").read_text()
    start, _, runs = index.partition('<h2 id="runs">')
    guided = start.partition('<h2 id="start">')[2]
    assert re.findall(r'href="([^"]*)"', guided) == ["01-good.html"]
    assert "<p>Some prose.</p>" in guided
    assert re.findall(r'<th scope="row"><a href="([^"]*)"', runs) == [
        "01-good.html",
        "02-bad.partial.html",
        "03-dead.partial.html",
    ]
    assert "<td>Linux 6.12, claim 0x1000, scale 1.0, not flag, no machine<small>as the" in runs
    assert re.findall(r'class="status-(\w+)"', index) == ["done", "failed", "failed"]
    assert ">A good one</a>" in index
    assert "<code>not a git checkout</code>" in index
    assert f"<pre>{hashlib.sha256(b'abc').hexdigest()}  data/d</pre>" in index
    page = (report / "02-bad.partial.html").read_text()
    assert "This run stopped early." in page
    assert "<strong>ValueError</strong>: expected 6.12, got 9" in page
    printed = outputs(report / "01-good.ipynb")
    assert printed[0] == "6.12 4096 1.0 False None\n"
    assert printed[1] == f"{checkout.root}/notebooks\n{sys.executable}\n"


def test_every_run_has_files_of_its_own(checkout, refusal):
    checkout.write("01-good", toys.good())
    sets = checkout.root / "notebooks" / "sets.toml"
    for text, sentence in (
        ('[[01-good]]\nkernel = "6.1"\n' * 2, "expected names of their own for the files of each"),
        ("01-good = 5", f"{sets}: expected [[01-good]] and parameters, got 5"),
        ("[[01-good]]\nkernel = [1]", f"{sets}: expected [[01-good]] and parameters, got [{{"),
        ('[[02-gone]]\nkernel = "6.1"', f"{sets}: expected sets of notebooks that are there, got"),
        ("\0", f"{sets}: expected TOML with [[NOTEBOOK]] and its parameters, got: "),
    ):
        sets.write_text(text)
        assert refusal("reproduce").startswith(f"devmemkit reproduce: {sentence}")
    sets.unlink()
    checkout.write("index", toys.good())
    said = "expected names of their own for the files of each run, got index"
    assert refusal("reproduce") == f"devmemkit reproduce: {said}\n"


def test_a_name_is_no_longer_than_a_file_may_have():
    name = name_of(Path("01-good.ipynb"), {"machine": "中" * 300})
    assert len(name.encode()) < 130
    assert name != name_of(Path("01-good.ipynb"), {"machine": "中" * 301})


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    """One run of odd notebooks from below their checkout; where it is, and what it printed."""
    folder = tmp_path_factory.mktemp("odd")
    checkout = toys.Checkout(folder / "checkout")
    checkout.write("01-50% & #1? ü", toys.notebook(toys.text("# T")))
    checkout.write("02-lines", toys.notebook(toys.code("\n  \nint(\n    'x'\n)")))
    content = toys.notebook(toys.code("import sys\nprint(sys.executable, sys.prefix)"))
    content["metadata"]["kernelspec"] = {"name": "no-such-kernel", "display_name": "x"}
    checkout.write("03-kernel", content)
    (checkout.root / "data" / "machines").mkdir(parents=True)
    (checkout.root / "data" / "SHA256SUMS").write_text("")
    long, cwd = folder / ("x" * 100), checkout.root / "a" / "b"
    long.mkdir()
    cwd.mkdir(parents=True)
    elsewhere = {"JUPYTER_PATH": str(folder), "PATH": "/usr/bin:/bin", "TMPDIR": str(long)}
    checkout.env |= elsewhere
    done = checkout.run("reproduce", cwd=cwd)
    assert (done.returncode, done.stderr) == (1, "")
    return cwd, done.stdout


@pytest.mark.slow
def test_links_lead_to_files_whatever_their_names(below):
    report = below[0] / "report"
    link, *_ = re.findall(r'href="([^"#]*)"', (report / "index.html").read_text())
    base = f"{report.as_uri()}/index.html"
    target = urlsplit(urljoin(base, html.unescape(link)))
    assert (target.query, target.fragment) == ("", "")
    assert Path(unquote(target.path)) == report / "01-50% & #1? ü.html"


@pytest.mark.slow
def test_a_failure_over_several_lines_is_quoted_by_its_first(below):
    assert "02-lines: failed at cell In [1], 'int(': invalid literal for int() " in below[1]


@pytest.mark.slow
def test_the_kernel_is_this_interpreter_whatever_is_registered(below):
    assert outputs(below[0] / "report" / "03-kernel.ipynb") == [f"{sys.executable} {sys.prefix}\n"]


@pytest.mark.slow
def test_a_long_path_of_temporary_files_leaves_room_for_the_sockets(below):
    assert "\n03-kernel: done, " in below[1]


@pytest.mark.slow
def test_the_checkout_is_found_from_below(below):
    found = names(below[0] / "report")
    assert found[-3:] == ["03-kernel.html", "03-kernel.ipynb", "index.html"]


@pytest.mark.slow
def test_only_with_typed_parameters_keeps_the_other_rows(checkout):
    checkout.write("01-good", toys.good())
    checkout.write("02-other", toys.notebook(toys.text("# Other")))
    arguments = ["-p", "claim=0x20", "-p", "flag=true", "-p", "machine=x", "-p", "scale=2"]
    done = checkout.run("reproduce", "--only", "1", "--out", "o", *arguments)
    assert done.returncode == 0, done.stderr
    name = "01-good@claim=32,flag=True,machine=x,scale=2.0"
    assert outputs(checkout.root / "o" / f"{name}.ipynb")[0] == "6.12 32 2.0 True x\n"
    index = (checkout.root / "o" / "index.html").read_text()
    assert "<td>claim 32, scale 2.0, flag, machine x</td>" in index
    assert re.findall(r'class="status-\w+">([^<]*)<', index) == ["done", "not run"]
    assert checkout.run("reproduce", "--only", "02", "--out", "o").returncode == 0
    index = (checkout.root / "o" / "index.html").read_text()
    assert re.findall(r'class="status-\w+">([^<]*)<', index) == ["earlier run", "done"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_kernel_outlives_the_command_and_the_next_run_works(checkout, tmp_path, how):
    told, temporary = tmp_path / "pid", tmp_path / "t"
    temporary.mkdir()
    checkout.env |= {"TMPDIR": str(temporary)}
    checkout.write("01-slow", toys.slow(told))
    with checkout.start("reproduce") as process:
        until(lambda: told.exists() and told.read_text())
        assert list(temporary.glob("devmemkit-*"))
        process.send_signal(how)
        _, stderr = process.communicate(timeout=3600)
    report = checkout.root / "report"
    if how != signal.SIGKILL:
        assert process.returncode == 128 + how
        assert stderr == f"interrupted; finished jobs are in {report}\n"
    kernel = int(told.read_text())
    until(lambda: not alive(kernel))
    assert names(report) == []  # a job's files come when all of them are there
    checkout.write("01-slow", toys.good())
    assert checkout.run("reproduce").returncode == 0
    assert names(report) == ["01-slow.html", "01-slow.ipynb", "index.html"]
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_progress_is_told_and_a_repaired_notebook_replaces_its_partial_output(checkout):
    checkout.write("01-good", toys.good())
    checkout.write("02-bad", toys.bad())
    done = checkout.run("reproduce", "--jobs", "1")
    *lines, _, _ = re.sub(r"\d+(\.\d)? s", "N s", done.stdout).splitlines()
    assert lines == [
        "01-good: started",
        "01-good: done, N s",
        "1 of 2 done, about N s left",
        "02-bad: started",
        "02-bad: failed at cell In [2], '# why': expected 6.12, got 9, N s",
    ]
    checkout.write("02-bad", toys.good())
    assert checkout.run("reproduce", "--only", "2").returncode == 0
    assert names(checkout.root / "report")[2:] == ["02-bad.html", "02-bad.ipynb", "index.html"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--only 9", "no notebook matches '9': expected one of 01-good, 02-bad"),
        ("--only 0", "more than one notebook matches '0': expected one of 01-good, 02-bad"),
        ("--only 1 -p clam=1", "01-good.ipynb: no parameter 'clam' (did you mean 'claim'?); it "),
        ("--only 1 -p claim=x", "01-good.ipynb: expected an integer (such as 4096 or 0x1000) for"),
        ("--only 2 -p a=1", "02-bad.ipynb: no parameter 'a'; it has none"),
        ("-p claim=1", "expected --only NAME with -p"),
        ("--jobs 0", "argument --jobs: expected a whole number from 1, got '0'"),
        ("--only=", "no notebook matches '': expected one of 01-good, 02-bad"),
        ("--out=", "argument --out: expected a folder, got ''"),
        ("--out .", "expected a folder of its own for the report, got {root}"),
        ("--out notebooks", "expected a folder of its own for the report, got {root}/notebooks"),
        ("--out other", "expected a folder of its own for the report, got {root}/other"),
        ("--out pyproject.toml", "expected a folder to write to, got {root}/pyproject.toml: Not a"),
        ("--out " + "x" * 300, "expected a folder to write to, got {root}/xxx"),
        ("--out loop", "expected a folder to write to, got {root}/loop: Too many levels of sy"),
        ("--out /proc", "expected a folder to write to, got /proc: "),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_one_sentence(
    checkout, refusal, arguments, sentence
):
    checkout.write("01-good", toys.good())
    checkout.write("02-bad", toys.bad())
    (checkout.root / "other" / ".git").mkdir(parents=True)
    (checkout.root / "loop").symlink_to("loop")
    before = sorted(checkout.root.rglob("*"))
    expected = sentence.replace("{root}", str(checkout.root))
    said = refusal("reproduce", *arguments.split())
    assert said.startswith(f"devmemkit reproduce: {expected}")
    assert sorted(checkout.root.rglob("*")) == before


def test_a_checkout_without_notebooks_is_refused(checkout, refusal):
    assert refusal("reproduce") == (
        "devmemkit reproduce: expected to run inside a checkout of devmemkit with "
        f"notebooks/*.ipynb, got {checkout.root}\n"
    )


def test_choose():
    paths = [Path(f"{name}.ipynb") for name in ("01-a", "02-b", "10-b-more", "10x")]
    assert choose(paths, "1") == paths[0]
    assert choose(paths, "002") == paths[1]
    assert choose(paths, "10-b") == paths[2]
    assert choose(paths, "10-b-more.ipynb") == paths[2]
    for nothing in ("", ".ipynb"):
        with pytest.raises(UsageError, match=f"no notebook matches '{nothing}': .* one of 01-a$"):
            choose(paths[:1], nothing)


@pytest.mark.slow
def test_a_ledger_that_is_gone_is_told(below):
    assert "\nfindings: failed at RecordingError: SHA256SUMS: expected attempts.json" in below[1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("[" * 100_000), "expected a notebook of format 4, got R"),
        (lambda path: path.write_text("[]"), "expected a notebook of format 4, got TypeError"),
        (lambda path: path.write_bytes(b"\xff"), "expected a notebook of format 4, got Unicode"),
        (os.mkfifo, "expected a file, got a pipe, left unopened"),
        (lambda path: path.symlink_to("/dev/zero"), "expected a file, got a device, left unopened"),
        (os.mkdir, "expected a file, got a folder"),
    ],
)
def test_what_is_no_notebook_is_one_sentence(checkout, refusal, make, said):
    checkout.write("01-good", toys.good())
    path = checkout.root / "notebooks" / "02-other.ipynb"
    make(path)
    refused = refusal("reproduce", "--only", "02", "-p", "a=1")
    assert refused.startswith(f"devmemkit reproduce: {path}: {said}")


@pytest.mark.slow
def test_what_is_no_notebook_fails_and_the_others_go_on(checkout):
    texts = [
        *("{", "[]", "[" * 100_000),
        '{"nbformat": 4, "cells": [1]}',
        '{"nbformat": 4, "cells": [{}]}',
        '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 1, "metadata": {}}]}',
    ]
    for number, text in enumerate(texts):
        (checkout.root / "notebooks" / f"0{number}-other.ipynb").write_text(text)
    checkout.write("09-good", toys.good())
    done = checkout.run("reproduce")
    assert (done.returncode, done.stderr) == (1, "")
    assert "\n00-other: failed at NotJSONError: Notebook does not appear to be JSON" in done.stdout
    for number, _ in enumerate(texts):
        assert f"\n0{number}-other: failed at " in done.stdout
    assert "\n09-good: done, " in done.stdout
    assert (checkout.root / "report" / "ro-crate-metadata.json").exists()
