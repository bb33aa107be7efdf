"""The exercises as a student meets them in a notebook: tasks, answers, replies and points."""

from __future__ import annotations

from typing import Any, NamedTuple

from devmemkit.exercises import claims, files, orders, other_races, policies
from devmemkit.exercises.exercise import Exercise

CHAPTERS = {
    "Mappings and claims": (
        Exercise("which-pages-die", "Which pages die", 1, claims.pages_die),
        Exercise("which-kernels", "Which kernels take the page away", 1, files.which_kernels),
        Exercise("whose-mapping", "Whose mapping loses the page", 2, claims.whose),
        Exercise("what-still-works", "What still works on a dead page", 2, files.calls),
        Exercise("last-page", "The page that stays", 3, claims.last_page),
        Exercise("new-mappings", "A way around", 3, files.new_mapping),
    ),
    "Orders": (
        Exercise("how-it-ends", "How it ends", 2, orders.endings),
        Exercise("find-the-schedule", "Find the schedule", 3, orders.find_schedule),
        Exercise("break-it", "Break another race", 3, other_races.break_it),
        Exercise("repair-it", "Repair it", 3, orders.repairs),
    ),
    "Policies": (
        Exercise("which-policy", "Which policy is it", 3, policies.which_policy),
        Exercise("write-a-policy", "Write a policy", 4, policies.write_policy),
    ),
}
"""By title of the notebook: its exercises, the easiest first."""
EXERCISES = {one.name: one for chapter in CHAPTERS.values() for one in chapter}


def check_seed(seed: Any) -> int:
    """The student's number; ValueError for what is none."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed: expected a whole number from 0, got {seed!r}")
    return seed


class Reply(NamedTuple):
    """Whether an answer is right (None: there is none yet), and what to say of it."""

    right: bool | None
    says: str

    def __repr__(self) -> str:
        return self.says

    def _repr_markdown_(self) -> str:
        mark = {True: "✔ ", False: "✘ ", None: ""}[self.right]
        return mark + self.says


class Given:
    """A task that a student was given, and how far the student has come with it."""

    def __init__(self, exercise: Exercise, seed: int) -> None:
        self.exercise, self.task = exercise, exercise.task(seed)
        self.wrong = 0
        self.solved = False

    def __repr__(self) -> str:
        return f"{self.task.text}\n\nAn answer looks like this: `answer = {self.task.form}`"

    _repr_markdown_ = __repr__

    def check(self, answer: Any) -> Reply:
        """Say whether an answer is right, or why it is not; the rule is for the second try."""
        if answer is ... or answer is None:
            return Reply(None, "not answered yet")
        try:
            fault = self.task.judge(answer)
        except ValueError as error:
            return Reply(False, f"That is no answer to this question: {error}.")
        if not fault:
            self.solved = True
            return Reply(True, f"Right. {self.task.why}")
        self.wrong += 1
        rule = f" {self.task.rule}" if self.wrong > 1 else " Try again."
        return Reply(False, f"Not yet. {fault[0].upper()}{fault[1:]}.{rule}")


class Exercises(dict[str, Given]):
    """The tasks of a student by name, each made when it is asked for; ValueError for a bad seed.

    >>> tasks = Exercises(seed=7)
    >>> tasks["which-pages-die"].check(...)
    not answered yet
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = check_seed(seed)

    def __missing__(self, name: str) -> Given:
        if name not in EXERCISES:
            raise ValueError(f"exercise: expected one of {', '.join(EXERCISES)}; got {name!r}")
        self[name] = Given(EXERCISES[name], self.seed)
        return self[name]

    def points(self) -> Reply:
        """What the student has reached in the exercises that were opened."""
        reached = sum(one.exercise.points for one in self.values() if one.solved)
        most = sum(one.exercise.points for one in self.values())
        solved = ", ".join(
            f"{name} ({one.wrong} wrong before)" if one.wrong else name
            for name, one in self.items()
            if one.solved
        )
        return Reply(
            None, f"Seed {self.seed}: {reached} of {most} points; {solved or 'none'} solved"
        )
