"""What is committed of a notebook: the same bytes from two runs, and nothing lost that counts."""

import json
import subprocess
import sys

import pytest

from devmemkit.artifact.strip import WIDGET_VIEW, strip
from devmemkit.artifact.worker import write_json
from tests.artifact import toys


def executed(uuid, model, address, when):
    """What two runs of one notebook look like; the arguments are what differs."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "widgets": {"state": model},
            "papermill": {"start_time": when},
            "language_info": {"name": "python", "version": when},
            "title": "kept",
        },
        "cells": [
            {
                "cell_type": "code",
                "id": "a",
                "execution_count": 1,
                "metadata": {"execution": {"busy": when}, "papermill": {"d": when}, "tags": []},
                "source": ["x\n", "y"],
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": ["b\n"]},
                    {
                        "output_type": "display_data",
                        "metadata": {WIDGET_VIEW: {"a": 1}},
                        "data": {
                            "text/plain": [f"<X at 0x{address}> IPY_MODEL_{model} at 0xfe000000"],
                            "text/html": [f'<i id="{uuid}"></i><b id="{uuid}"></b>'],
                            "application/json": {"docid": uuid, "n": 1},
                            WIDGET_VIEW: {"model_id": model},
                        },
                    },
                ],
            },
            {"cell_type": "markdown", "id": "b", "metadata": {"tags": ["t"]}, "source": ["# T"]},
        ],
    }


FIRST = executed("0b0e3a52-5f7a-4c55-9d2c-0a8d3f4f0001", "a" * 32, "7f00deadbeef", "2026")
SECOND = executed("9c1e3a52-5f7a-4c55-9d2c-0a8d3f4f0002", "b" * 32, "7fffdeadbee0", "2027")


def test_two_runs_give_the_same_notebook():
    assert strip(FIRST) == strip(SECOND)


def test_what_goes_and_what_stays():
    stripped = strip(FIRST)
    assert set(stripped["metadata"]) == {"kernelspec", "language_info", "title"}
    assert "version" not in stripped["metadata"]["language_info"]
    cell, prose = stripped["cells"]
    assert cell["metadata"] == {}
    assert prose["metadata"] == {"tags": ["t"]}
    assert cell["execution_count"] == 1
    stream, display = cell["outputs"]
    assert stream["text"] == ["b\n"]
    assert WIDGET_VIEW not in display["data"]
    assert display["metadata"] == {}
    (plain,) = display["data"]["text/plain"]
    assert plain.endswith(" at 0xfe000000"), "our addresses stay"
    assert "deadbeef" not in plain


def test_the_cell_that_papermill_adds_has_one_id():
    cell = {"cell_type": "code", "id": "0a1b", "metadata": {"tags": ["injected-parameters"]}}
    (stripped,) = strip({"metadata": {}, "cells": [cell]})["cells"]
    assert stripped["id"] == "injected-parameters"


def test_an_id_keeps_its_identity_within_the_notebook():
    display = strip(FIRST)["cells"][0]["outputs"][1]["data"]
    number = display["application/json"]["docid"]
    assert display["text/html"] == [f'<i id="{number}"></i><b id="{number}"></b>']
    assert number == "00000000-0000-0000-0000-000000000003"


def test_stripping_twice_changes_nothing_and_the_input_is_left_alone():
    before = json.dumps(FIRST)
    once = strip(FIRST)
    assert strip(once) == once
    assert json.dumps(FIRST) == before


def test_written_as_nbformat_writes(tmp_path):
    path = tmp_path / "n.ipynb"
    write_json(path, strip(FIRST))
    # In a process of its own: nbformat's imports warn, which is not ours to fix.
    script = (
        "import sys; sys.modules['rfc3987_syntax'] = None; import nbformat; "  # as in conftest.py
        "nbformat.write(nbformat.read(sys.argv[1], 4), sys.argv[2])"
    )
    again = tmp_path / "again.ipynb"
    subprocess.run([sys.executable, "-c", script, path, again], check=True)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_refresh_gives_the_same_bytes_twice_and_leaves_a_failing_one_alone(checkout):
    source = "import uuid\nprint(uuid.uuid4(), object())"
    fine = checkout.write("01-fine", toys.notebook(toys.text("# T"), toys.code(source)))
    bad = checkout.write("02-bad", toys.bad())
    before = bad.read_bytes()
    command = [sys.executable, "-m", "devmemkit.artifact.refresh"]
    seen = []
    for paths in ([fine, bad], [fine]):
        done = subprocess.run([*command, *paths], env=checkout.env, capture_output=True, text=True)
        failed = f"{bad}: cell In [2], '# why': expected 6.12, got 9\n" if bad in paths else ""
        assert (done.returncode, done.stderr) == (len(paths) - 1, failed)
        seen.append(fine.read_bytes())
    assert seen[0] == seen[1]
    assert json.loads(seen[0])["cells"][1]["outputs"][0]["name"] == "stdout"
    assert bad.read_bytes() == before
