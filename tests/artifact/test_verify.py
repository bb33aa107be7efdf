"""A finished run: its RO-Crate, and what `verify` finds different."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from devmemkit.artifact.entities import Crate
from devmemkit.artifact.record import Record
from devmemkit.artifact.verify import jobs_line
from tests.artifact import toys


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout with data, and a run of two notebooks in it."""
    made = toys.Checkout(tmp_path_factory.mktemp("verify") / "Ünïcode & spaces")
    made.write("01-good", toys.good())
    svg = "from IPython.display import SVG, display\ndisplay(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))"
    made.write("02-other", toys.notebook(toys.text("# Ö"), toys.code(svg)))
    (made.root / "data").mkdir()
    (made.root / "data" / "recording é.json").write_text("{}")
    (made.root / "notebooks" / "sets.toml").write_text('[[01-good]]\nkernel = "6.1"\n')
    done = made.run("reproduce")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the run that a test may spoil, and how to verify it."""
    copy = tmp_path / "run"
    shutil.copytree(finished.root / "report", copy)

    def verify(*more):
        done = finished.run("verify", copy, *more)
        assert done.stderr == ""
        assert (done.returncode == 0) == (": NO" not in done.stdout)
        return done.stdout

    return copy, verify


FILES, JOBS, STATE = (
    f"{what}: yes\n"
    for what in (
        "files as the run left them",
        "all jobs went well (3, without the findings)",
        "made from today's code, data and versions",
    )
)


def test_a_run_is_as_it_was_left(run):
    _, verify = run
    assert verify() == FILES + JOBS + STATE


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("data/recording é.json", "[]", "data/recording é.json: other than in the run"),
        ("data/recording é.json", None, "data/recording é.json: not there any more"),
        ("data/later.json", "", "data/later.json: new since the run"),
        ("notebooks/01-good.ipynb", "{}", "notebooks/01-good.ipynb: other than in the run"),
    ],
)
def test_a_state_that_is_not_the_runs_is_named(finished, run, name, text, sentence):
    _, verify = run
    path = finished.root / name
    before = path.read_bytes() if path.exists() else None
    path.unlink() if text is None else path.write_text(text)
    try:
        told = verify()
    finally:
        path.unlink(missing_ok=True) if before is None else path.write_bytes(before)
    assert told == FILES + JOBS + f"{STATE[:-4]}NO\n  {sentence}\n"


def test_a_later_run_of_another_notebook_takes_nothing_altered_for_its_own(finished, run):
    folder, verify = run
    (folder / "01-good.html").write_text("x")
    (folder / "01-good.ipynb").unlink()
    (folder / "mine.html").write_text("x")
    done = finished.run("reproduce", "--only", "2", "--out", folder)
    assert done.returncode == 0
    told = verify()
    assert "  01-good.html: altered (SHA-256 2d711642" in told
    assert "  01-good.ipynb: missing\n" in told
    assert "  mine.html: not of this run\n" in told


@pytest.mark.slow
def test_two_runs_are_the_same_but_for_times(finished, run):
    _, verify = run
    again = finished.root / "again"
    assert finished.run("reproduce", "--out", again, "--jobs", "1").returncode == 0
    assert verify("--against", again).endswith(f"the same, but for times, as {again}: yes\n")
    shutil.rmtree(again)


def test_where_a_run_differs_from_another_is_told(run, tmp_path):
    folder, verify = run
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    index = again / "index.html"
    later = re.sub(r'(?<=<td class="number">)[0-9.]+ s', "99.9 s", index.read_text())
    assert later != index.read_text()
    index.write_text(later)
    assert verify("--against", again).endswith(f"the same, but for times, as {again}: yes\n")
    page = again / "01-good.html"
    page.write_text(page.read_text().replace("6.12 4096", "6.12 4097"))
    told = verify("--against", again)
    place = page.read_bytes().index(b"6.12 4097") + 8
    assert told.endswith(f"as {again}: NO\n  01-good.html: differs at byte {place}\n")


@pytest.mark.slow
def test_a_job_that_failed_is_told(finished, tmp_path):
    finished.write("03-bad", toys.bad())
    out = tmp_path / "bad"
    try:
        assert finished.run("reproduce", "--only", "3", "--out", out).returncode == 1
        told = finished.run("verify", out).stdout
    finally:
        (finished.root / "notebooks" / "03-bad.ipynb").unlink()
    assert "without the findings): NO\n  03-bad: failed at cell In [2], '# why': expected" in told


def test_the_crate_is_one_and_names_what_every_output_was_made_from(finished):
    folder = finished.root / "report"
    crate = ROCrate(folder)
    assert crate.root_dataset["license"]["@id"].endswith("CC-BY-4.0")
    profile = crate.root_dataset["conformsTo"]
    assert (profile.id, profile.type) == ("https://w3id.org/ro/wfrun/process/0.5", "CreativeWork")
    actions = {one["name"]: one for one in crate.get_by_type("CreateAction")}
    assert {one.id for one in crate.root_dataset["mentions"]} == {a.id for a in actions.values()}
    assert set(actions) == {"01-good", "01-good@kernel=6.1", "02-other"}
    made = {file.id for action in actions.values() for file in action["result"]}
    assert "01-good%40kernel%3D6.1.html" in made
    action = actions["01-good@kernel=6.1"]
    assert action["startTime"] <= action["endTime"]
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert action["instrument"]["name"] == "devmemkit"
    assert action["instrument"].type == "SoftwareApplication"
    values = {o["name"]: o["value"] for o in action["object"] if o.type == "PropertyValue"}
    assert values == {"kernel": "6.1", "claim": 4096, "scale": 1.0, "flag": False, "machine": None}
    (read,) = (o for o in action["object"] if o["name"] == "notebooks/01-good.ipynb")
    source = finished.root / "notebooks" / "01-good.ipynb"
    assert read["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    (data,) = (o for o in action["object"] if o.id == "#data")
    assert [part["name"] for part in data["hasPart"]] == ["data/recording é.json"]
    for file in crate.get_by_type("File"):
        path = folder / file["name"]
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert {Path(file["name"]).name for file in crate.get_by_type("File")} >= files - {
        "ro-crate-metadata.json"
    }
    used = {one["name"] for one in crate.get_by_type("SoftwareApplication")}
    assert {"devmemkit", "python", "bokeh", "papermill"} <= {name.lower() for name in used}


def test_a_run_that_weighed_the_findings_is_told_from_one_that_did_not():
    def run(*names):
        records = tuple(Record(name, "") for name in names)
        return jobs_line(Crate({}, records, {}, {}, ""))

    assert run("findings", "01-good") == "all jobs went well (2, with the findings)"
    assert run("findings-6.12") == "all jobs went well (1, with the findings)"
    # as in a report of devmemkit 0.1
    assert run("claims-6.12") == "all jobs went well (1, with the findings)"
    assert run("01-good") == "all jobs went well (1, without the findings)"
