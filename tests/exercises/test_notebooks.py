"""The notebooks with the exercises: outputs as committed, unsolved and solved, with any seed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from devmemkit.artifact.execute import execute
from devmemkit.exercises.student import CHAPTERS, EXERCISES
from tests.notebook import FOLDER, Cells
from tests.test_notebooks import code_cells, joined, nbval, read, tags

NOTEBOOKS = sorted((FOLDER / "exercises").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_each_chapter_has_its_notebook_with_all_its_exercises() -> None:
    assert len(NOTEBOOKS) == len(CHAPTERS)
    for path, (title, exercises) in zip(NOTEBOOKS, CHAPTERS.items(), strict=True):
        cells = read(path)["cells"]
        assert read(path)["metadata"]["title"] == f"Exercises: {title[0].lower()}{title[1:]}"
        sources = [joined(cell["source"]) for cell in cells]
        shown = [found[1] for one in sources if (found := re.fullmatch(r'tasks\["(.*)"\]', one))]
        assert shown == [one.name for one in exercises]
        for number, one in enumerate(exercises, 1):
            points = f"{one.points} point{'s' * (one.points > 1)}"
            at = sources.index(f'tasks["{one.name}"]')
            assert sources[at - 1].startswith(f"## {number}. {one.title} ({points})\n")
            assert re.search(r"^answer = \.\.\.", sources[at + 1], re.M)
            assert sources[at + 2] == f'tasks["{one.name}"].check(answer)'
        assert [at for at, cell in enumerate(cells) if "parameters" in tags(cell)] == [1]
        assert tags(cells[-1]) == ["nbval-ignore-output"]
        counts = [cell["execution_count"] for cell in code_cells(read(path))]
        assert counts == [*range(1, len(counts) + 1)]


@each_notebook
def test_unsolved_it_runs_with_another_seed(path: Path) -> None:
    Cells(f"exercises/{path.stem}").runs({"seed": 8})


@each_notebook
def test_a_bad_seed_is_one_sentence(path: Path) -> None:
    Cells(f"exercises/{path.stem}").refuses({"seed": -1}, "seed: expected a whole number from 0")


@pytest.mark.slow
def test_the_committed_outputs_are_todays() -> None:
    run = nbval(*NOTEBOOKS)
    assert run.returncode == 0, run.stdout + run.stderr
    told = re.findall(r"^notebooks/exercises/(\S+)::ipynb::Cell \d+ PASSED", run.stdout, re.M)
    for path in NOTEBOOKS:
        assert told.count(path.stem) == len(code_cells(read(path))), run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 30])
@each_notebook
def test_a_solved_notebook_counts_its_points(path: Path, seed: int, tmp_path: Path) -> None:
    notebook = read(path)
    names = [*CHAPTERS.values()][NOTEBOOKS.index(path)]
    answers = iter(names)
    for cell in code_cells(notebook):
        if re.search(r"^answer = \.\.\.", joined(cell["source"]), re.M):
            name = next(answers).name
            cell["source"] = (
                "from devmemkit.exercises.student import EXERCISES\n"
                f"answer = EXERCISES[{name!r}].task(seed).answer"
            )
    solved, output = tmp_path / "solved.ipynb", tmp_path / "ran.ipynb"
    solved.write_text(json.dumps(notebook), "utf-8")
    # papermill runs it in its folder, from which the data must be found
    (tmp_path / "data").symlink_to(FOLDER.parent / "data")
    execute(solved, output, {"seed": seed})
    said = [
        joined(one["data"]["text/plain"])
        for cell in code_cells(read(output))
        for one in cell["outputs"]
        if "text/plain" in one.get("data", {})
    ]
    assert sum(one.startswith("Right. ") for one in said) == len(names)
    most = sum(EXERCISES[one.name].points for one in names)
    assert any(one.startswith(f"Seed {seed}: {most} of {most} points; ") for one in said)
