"""`verify` on a crate that somebody else wrote: a sentence each, and nothing outside is opened."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devmemkit.artifact.provenance import ROOT, sha256
from devmemkit.artifact.record import CRATE, HIDDEN, Job
from devmemkit.artifact.store import Store
from devmemkit.cli import main

Json = Any
FILE = CRATE
PAGE, FIGURE = "01-toy.ipynb", "figures/01-toy/01.svg"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout, with a run of two jobs in its folder `report`."""
    root = tmp_path_factory.mktemp("hostile") / "checkout"
    for folder in ("notebooks", "data"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "devmemkit"\n')
    notebook = root / "notebooks" / PAGE
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    (root / "data" / "recording").write_text("recorded")
    inputs = {f"notebooks/{PAGE}": sha256(notebook)}
    with chdir(root), Store(root / "report", root) as store:
        for job in (
            Job("01-toy", "notebook", notebook, {"kernel": "6.12"}, inputs),
            Job("findings", "findings"),
        ):
            files = {"findings.json": b"[]"}
            if job.notebook:
                names = (PAGE, "01-toy.html", FIGURE)
                files = {name: f"content of {name}".encode() for name in names}
            store.place(job, files, "2026-01-01T00:00:00+00:00", 1.0, "")
        store.inside.write({"index.html": "the index"})
        store.write_crate()
    return root


class Run:
    """A copy of the run that a test may spoil, and what `verify` says of it."""

    def __init__(self, made: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        shutil.copytree(made / "report", folder)
        self.good = json.loads((folder / FILE).read_text())

    def write(self, told: Json) -> None:
        (self.folder / FILE).write_text(told if isinstance(told, str) else json.dumps(told))

    def change(self, change: Callable[[list[Json]], Any]) -> None:
        """Change the graph; entities are found by `of`."""
        told = copy.deepcopy(self.good)
        change(told["@graph"])
        self.write(told)

    def spoil(self, name: str, kind: str) -> None:
        """Put something of this kind in the place of a file, which goes outside of the folder."""
        path, outside = self.folder / name, self.folder.parent / "outside"
        path.rename(outside)
        if kind == "sparse":
            path.touch()
            os.truncate(path, 200 << 30)
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind != "none":
            path.symlink_to("/dev/zero" if kind == "device" else outside)

    def verify(self, *more: object) -> tuple[int, str]:
        status = main(["verify", str(self.folder), *map(str, more)])
        stdout, stderr = self.capsys.readouterr()
        assert (status == 2) == bool(stderr)
        assert stderr.count("\n") == (status == 2)
        assert (status == 2) == (": expected " in stderr)
        assert (status == 1) == (": NO" in stdout)
        assert (stdout + stderr).replace("\n", "").isprintable()
        return status, stdout + stderr


@pytest.fixture
def run(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.chdir(made)
    return Run(made, tmp_path / "run", capsys)


def of(graph: list[Json], id: str) -> Json:
    return next(one for one in graph if one["@id"] == id)


def test_an_entity_that_somebody_added_is_passed_over(run: Run) -> None:
    run.change(lambda graph: graph.append({"@id": "#me", "@type": "Person", "sha256": 5}))
    assert run.verify()[0] == 0


def test_the_run_itself_is_verified(run: Run) -> None:
    assert run.verify()[0] == 0
    assert run.verify("--against", run.folder)[0] == 0
    shutil.rmtree(run.folder / HIDDEN)  # as in a copy that leaves hidden files out
    assert run.verify()[0] == 0


OUTSIDE = [
    *("../victim", "..%2Fvictim", "%2e%2e/victim", "figures/../../victim", "file:../victim"),
    *("/etc/passwd", "//etc/passwd", "%2Fetc%2Fpasswd", "file:///etc/passwd"),
    *("http://localhost/victim", "./01-toy.html", "01%2Dtoy.html", "figures//01-toy/01.svg"),
    *("01-toy.html/", "", ".", "a%00b", "a\0b", "a\nb", "\x1b[2J", "%FF", "\ud800"),
    *("x" * 300, "01-toy.html/" * 2000),
]


@pytest.mark.parametrize("id", OUTSIDE, ids=range(len(OUTSIDE)))
@pytest.mark.parametrize("where", ["a File", "a result"])
def test_an_id_outside_the_folder_is_refused(run: Run, id: str, where: str) -> None:
    (run.folder.parent / "victim").write_text("precious")

    def change(graph: list[Json]) -> None:
        if where == "a File":
            of(graph, "01-toy.html")["@id"] = id
        else:
            of(graph, "#run-01-toy")["result"].append({"@id": id})

    run.change(change)
    status, said = run.verify()
    assert status == 2
    assert ": expected " in said


def without(id: str, *keys: str) -> Callable[[list[Json]], Any]:
    def change(graph: list[Json]) -> None:
        for key in keys:
            del of(graph, id)[key]
        if not keys:
            graph.remove(of(graph, id))

    return change


def having(id: str, **fields: Any) -> Callable[[list[Json]], Any]:
    return lambda graph: of(graph, id).update(fields)


WRONG = [None, 5, 1.5, True, [], ["x"], {}, {"a": [1]}, ""]
MALFORMED = [
    *(without(id, "@type") for id in (PAGE, "#devmemkit", "./", "#run-findings")),
    *(without(PAGE, key) for key in ("sha256", "@id")),
    *(without(id) for id in ("#devmemkit", "./", PAGE, "#run-findings", "#run-01-toy")),
    *(having(PAGE, **{key: value}) for key in ("@type", "sha256") for value in WRONG),
    *(having(PAGE, **{"@id": value}) for value in WRONG),
    *(having("#devmemkit", sha256=value) for value in WRONG),
    *(having("#data/recording", sha256=value) for value in WRONG),
    *(having("#version-bokeh", version=value) for value in WRONG),
    *(having("#run-findings", name=value) for value in WRONG),
    *(having("#run-findings", error=value) for value in WRONG),
    *(having("#run-findings", result=value) for value in (None, 5, ["x"], [{}], [{"@id": []}])),
    *(
        having("#run-findings", **{key: value})
        for key in ("startTime", "endTime")
        for value in (*WRONG, "yesterday", "2026-01-01T00:00:00", "9" * 10_000)
    ),
    *(having("#01-toy/kernel", value=value) for value in ([1], {}, float("inf"), float("nan"))),
    having("#01-toy/kernel", name=[]),
    *(having("./", mentions=value) for value in (None, 5, [], [{"@id": "#run-findings"}])),
    having(PAGE, **{"@type": ["File"]}),
    having("#run-findings", name="../x"),
    lambda graph: graph.append(graph[-1]),
    lambda graph: graph.append([]),
    lambda graph: graph.append("x"),
    lambda graph: graph.clear(),
    *(lambda graph, id=id: of(graph, "./")["hasPart"].append({"@id": id}) for id in ("a", "#data")),
    *(
        lambda graph, kind=kind: graph.__setitem__(
            slice(None), [one for one in graph if one["@type"] != kind]
        )
        for kind in ("CreateAction", "File")
    ),
]


@pytest.mark.parametrize("change", MALFORMED, ids=range(len(MALFORMED)))
def test_a_crate_that_is_not_well_formed_is_refused_with_its_place(
    run: Run, change: Callable[[list[Json]], Any]
) -> None:
    run.change(change)
    status, said = run.verify()
    assert status == 2
    assert said.startswith(f"devmemkit verify: {run.folder}/{FILE}: expected ")


TEXTS = {
    "deep": '{"@graph": ' + "[" * 100_000,
    "digits": '{"@graph": [' + "9" * 10_000 + "]}",
    "not UTF-8": "\udcff",
    "list": "[]",
    "number": "5",
    "null": "null",
    "graph": '{"@graph": {}}',
    "none": '{"@graph": null}',
    "empty": "",
    "zeros": "\0" * 100,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_is_no_crate_is_refused(run: Run, text: str) -> None:
    (run.folder / FILE).write_text(text, errors="surrogateescape")
    assert run.verify()[0] == 2


@pytest.mark.parametrize("kind", ["sparse", "FIFO", "folder", "link", "device", "none"])
def test_a_crate_that_is_no_file_of_a_run_is_left_unread(run: Run, kind: str) -> None:
    run.spoil(FILE, kind)
    status, said = run.verify()
    assert status == 2
    endings = {"sparse": "bytes, more than the", "none": "got: No such file or directory\n"}
    assert endings.get(kind, ", left unopened") in said


@pytest.mark.parametrize("kind", ["sparse", "FIFO", "folder", "link", "device"])
@pytest.mark.parametrize("name", [PAGE, FIGURE])
def test_a_file_that_is_none_of_a_run_is_named_and_left_unread(
    run: Run, name: str, kind: str
) -> None:
    run.spoil(name, kind)
    for arguments in ((), ("--against", run.folder)):
        status, said = run.verify(*arguments)
        assert status == 1
        assert f"\n  {name}: " in said


def test_a_folder_of_the_run_that_is_a_link_is_not_followed(run: Run) -> None:
    (run.folder / "figures").rename(run.folder.parent / "figures")
    (run.folder / "figures").symlink_to("../figures")
    status, said = run.verify("--against", run.folder)
    assert status == 1
    assert f"\n  {FIGURE}: missing\n" in said
    assert "\n  figures: not of this run (a symbolic link)\n" in said
    assert f"\n  {FIGURE}: cannot be compared: " in said


def test_hidden_files_count(run: Run) -> None:
    hidden = run.folder / HIDDEN
    for name in ("more", "records/other.json", "records/x.txt", "running/1-x/y"):
        (hidden / name).parent.mkdir(exist_ok=True, parents=True)
        (hidden / name).write_text("1")
    (run.folder / ".hidden").write_text("1")
    os.mkfifo(hidden / "pipe")
    (run.folder / "\x1b[2J").write_text("1")
    status, said = run.verify()
    assert status == 1
    for name in ("more", "pipe", "records/other.json", "records/x.txt", "running/1-x/y"):
        assert f"  {HIDDEN}/{name}: not of this run" in said
    assert "  .hidden: not of this run" in said
    assert "  \\x1b[2J: not of this run" in said


def test_a_job_that_failed_cannot_be_hidden(run: Run) -> None:
    action = "#run-findings"
    failed = {"@id": "http://schema.org/FailedActionStatus"}
    for change, sentence in (
        (having(action, actionStatus=failed), "findings: failed at its status, {'@id': "),
        (without(action, "actionStatus"), "findings: failed at its status, None"),
        (having(action, error="\x1b]0;x\x07"), "findings: failed at \\x1b]0;x\\x07"),
    ):
        run.change(change)
        status, said = run.verify()
        assert status == 1
        assert f" findings): NO\n  {sentence}" in said


def test_a_state_that_is_not_told_is_not_the_same(run: Run) -> None:
    for change, sentence in (
        (without("#data/recording"), "data/recording: new since the run"),
        (without("#data/recording", "sha256"), "data/recording: new since the run"),
        (having("#devmemkit", sha256="0" * 64), "devmemkit: its code is other than in the run"),
        (having("#version-bokeh", version="1.0"), f"bokeh: {version('bokeh')}, in the run 1.0"),
        (without("#version-bokeh"), "bokeh: "),
        (without(f"#notebooks/{PAGE}"), "01-toy: the run does not tell which notebook it was"),
        (having("#run-01-toy", object=[]), "01-toy: the run does not tell which notebook it was"),
    ):
        run.change(change)
        status, said = run.verify()
        assert status == 1
        assert f"made from today's code, data and versions: NO\n  {sentence}" in said


def test_a_report_of_an_earlier_version_is_said_to_be_one(run: Run) -> None:
    run.change(without("./", "conformsTo"))  # as in 0.1, whose version alone would not tell
    said = "(its provenance declares no profile, its findings are called claims)"
    assert run.verify()[1].startswith(f"a report of devmemkit 0.1 {said}\nfiles as the run left")


def test_the_folder_to_compare_with_is_read_like_the_other(run: Run, made: Path) -> None:
    other = run.folder.parent / "other"
    shutil.copytree(made / "report", other)
    (other / PAGE).unlink()
    status, said = run.verify("--against", other)
    assert status == 1
    assert f"{PAGE}: cannot be compared: No such file or directory\n" in said
    (other / FILE).write_text("{}")
    assert f"{other}: expected a finished run with" in run.verify("--against", other)[1]
    assert f"{run.folder}/x: expected a finished" in run.verify("--against", run.folder / "x")[1]


def paths(value: Json, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in a JSON value."""
    found = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((*at, key))
        if isinstance(inner, dict | list):
            found += paths(inner, (*at, key))
    return found


HOSTILE = st.sampled_from(
    [
        *(None, 0, -1, 1e308, True, [], {}, [[]], {"@id": "../victim"}, [{"@id": "/dev/zero"}]),
        *("", "x", "\0", "\x1b[2J", "\ud800", "../victim", "/etc/passwd", "File", "CreateAction"),
    ]
)


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_crate_altered_at_random_ends_in_sentences(run: Run, data: st.DataObject) -> None:
    told = copy.deepcopy(run.good)
    for _ in range(data.draw(st.integers(1, 3))):
        *folders, key = data.draw(st.sampled_from(paths(told)))
        inner = told
        for one in folders:
            inner = inner[one]
        how = data.draw(st.sampled_from(["replace", "delete", "copy"]))
        if how == "replace":
            inner[key] = copy.deepcopy(data.draw(HOSTILE))  # the next one may change it
        elif how == "delete":
            del inner[key]
        else:
            inner[key] = copy.deepcopy(data.draw(st.sampled_from(list(run.good["@graph"]))))
        if not told.get("@graph"):
            break
    run.write(told)
    run.verify()  # which asserts


WATCH = """
import json, os, sys
folder, checkout, root = sys.argv[1:]
allowed = (folder, checkout, root, sys.prefix, sys.base_prefix)
allowed = tuple(os.path.realpath(path) + "/" for path in allowed)
seen = []
def hook(event, args):
    if event == "open" and not isinstance(args[0], int):
        name, mode, flags = os.fsdecode(args[0]), args[1], args[2]
        if "/" in name:
            real = os.path.realpath(name) + "/"
            if not real.startswith(allowed):
                seen.append(name)
        elif name == ".." or not flags & os.O_NOFOLLOW:
            seen.append(name)
from devmemkit.cli import main
import devmemkit.artifact.verify, io, contextlib
crate = os.path.join(folder, "ro-crate-metadata.json")
good = json.load(open(crate))
ids = json.loads(sys.stdin.read())
sys.addaudithook(hook)
for id in ids:
    told = json.loads(json.dumps(good))
    for entity in told["@graph"]:
        if entity["@id"] == "01-toy.html":
            entity["@id"] = id
        for key in ("result", "hasPart"):
            for one in entity.get(key, ()):
                if one["@id"] == "01-toy.html":
                    one["@id"] = id
    with open(crate, "w") as file:
        json.dump(told, file)
    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["verify", folder]) == (0 if id == "01-toy.html" else 2), id
print(json.dumps(seen))
"""


def test_nothing_outside_the_folder_is_opened(run: Run, made: Path) -> None:
    """Every name that is opened, told by the interpreter's audit hook."""
    (run.folder.parent / "victim").write_text("precious")
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(run.folder), str(made), str(ROOT)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps([*OUTSIDE, "01-toy.html"]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
