"""The sheet: the tasks of one or more students as Markdown, with the answers for the teacher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from devmemkit.exercises.policies import in_python
from devmemkit.exercises.student import CHAPTERS, EXERCISES, check_seed


def sheet(seeds: Iterable[int], *, answers: bool = True) -> Iterator[str]:
    """The parts of the sheet, exercise by exercise; ValueError for a seed that is none."""
    most = sum(one.points for one in EXERCISES.values())
    for seed in map(check_seed, seeds):
        yield f"# Exercises with seed {seed}{', with answers' * answers} ({most} points)\n"
        for chapter, exercises in CHAPTERS.items():
            yield f"\n## {chapter}\n"
            for exercise in exercises:
                task = exercise.task(seed)
                points = f"{exercise.points} point{'s' * (exercise.points > 1)}"
                yield f"\n### {exercise.title} (`{exercise.name}`, {points})\n\n{task.text}\n"
                if answers:
                    yield f"\n**Answer:** `{in_code(task.answer)}`. {task.rule} {task.why}\n"
        yield "\n"


def in_code(answer: Any) -> str:
    """An answer as Python has it: a set in order, a number as hex."""
    if isinstance(answer, set):
        return f"{{{', '.join(map(repr, sorted(answer)))}}}"
    if isinstance(answer, type):
        return in_python(answer)
    return hex(answer) if isinstance(answer, int) else repr(answer)
