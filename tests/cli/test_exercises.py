"""`devmemkit exercises`: the sheet for the teacher, the tasks alone, and mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import devmemkit as dk
from devmemkit import cli
from devmemkit.exercises.student import EXERCISES


def sheet(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert cli.main(["exercises", *options]) == 0
    return capsys.readouterr().out


def test_the_sheet_has_every_task_with_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    said = sheet(capsys, "--seed", "7")
    assert said.startswith("# Exercises with seed 7, with answers (30 points)\n")
    assert re.findall(r"^### .* \(`(.*)`, \d points?\)$", said, re.M) == [*EXERCISES]
    assert said.count("\n**Answer:** `") == len(EXERCISES)
    for name in ("which-pages-die", "how-it-ends", "write-a-policy"):
        assert EXERCISES[name].task(7).text in said
    assert said == sheet(capsys, "--seed", "7"), "another answer to the same question"


@pytest.mark.slow
def test_the_answers_of_the_sheet_are_python_and_right(capsys: pytest.CaptureFixture[str]) -> None:
    codes = re.findall(r"^\*\*Answer:\*\* `(.*?)`\. ", sheet(capsys, "--seed", "8"), re.M)
    for exercise, code in zip(EXERCISES.values(), codes, strict=True):
        names: dict[str, object] = {"dk": dk}
        exec(code if code.startswith("class ") else f"Mine = {code}", names)
        assert exercise.task(8).judge(names["Mine"]) == ""


def test_the_students_get_the_tasks_alone(capsys: pytest.CaptureFixture[str]) -> None:
    said = sheet(capsys, "--seed", "7", "--tasks-only")
    assert said.startswith("# Exercises with seed 7 (30 points)\n")
    assert "Answer" not in said.replace("Answer with the smallest", "")
    for exercise in EXERCISES.values():
        task = exercise.task(7)
        assert task.text in said
        assert task.why not in said


@pytest.mark.slow
def test_seeds_may_be_a_range_and_several(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "answers.md"
    said = sheet(capsys, "--seed", "3-4", "--seed", "1", "--seed", "4", "--out", str(file))
    assert said == f"wrote {file}\n"
    heads = re.findall(r"^# Exercises with seed (\d+)", file.read_text("utf-8"), re.M)
    assert heads == ["3", "4", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--seed", "x"), "expected a number such as 7, or at most 1000 such as 1-30; got 'x'"),
        (("--seed", "9-3"), "got '9-3'"),
        (("--seed", "0-1000"), "got '0-1000'"),
        (("--seed", "-1"), "got '-1'"),
        ((), "the following arguments are required: --seed"),
        (("--seed", "1", "--out", "/nowhere/at/all"), "No such file or directory"),
    ],
)
def test_a_mistake_is_one_sentence(
    options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["exercises", *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("devmemkit exercises: ")
    assert said.err.count("\n") == 1
    assert says in said.err
