"""Tasks and replies: interesting for every seed, and a wrong answer learns why, not the answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

import devmemkit as dk
from devmemkit.exercises.exercise import Task
from devmemkit.exercises.sheet import in_code
from devmemkit.exercises.student import CHAPTERS, EXERCISES, Exercises, Given
from devmemkit.model.policy import POLICIES


def is_interesting(task: Task) -> bool:
    """Whether neither all nor none is the answer, and the shape shown is no right answer."""
    answer = task.answer
    if isinstance(answer, set):
        listed = re.findall(r"^- \*\*([\w-]+)\*\*: ", task.text, re.M)
        return bool(answer) and (not listed or answer < {*listed})
    if isinstance(answer, dict):
        return len({*answer.values()}) > 1
    return bool(answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_each_student_has_a_task_worth_solving(name: str) -> None:
    """A few students here; test_solved.py has hundreds."""
    texts = set()
    for seed in range(3):
        task = EXERCISES[name].task(seed)
        assert task.judge(task.answer) == "", (seed, task.answer)
        assert is_interesting(task), (seed, task.answer)
        assert EXERCISES[name].task(seed).text == task.text
        texts.add(task.text)
    assert len(texts) > 1, "other students, the same task"


def test_exercises_rise_in_points() -> None:
    for chapter in CHAPTERS.values():
        points = [one.points for one in chapter]
        assert points == sorted(points)
    assert len(EXERCISES) == 12
    assert len({one.title for one in EXERCISES.values()}) == 12


def wrong(answer: Any) -> Any:
    """An answer of the same shape that is not right."""
    if isinstance(answer, set):
        return answer - {min(answer)}
    if isinstance(answer, dict):
        (first, word), *_ = answer.items()
        return answer | {first: next(one for one in answer.values() if one != word)}
    if isinstance(answer, int):
        return answer - 1
    return {"FaultRecheck": "DenyIdle"}.get(answer, "FaultRecheck")


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("name", EXERCISES)
def test_a_wrong_answer_learns_why_but_not_the_answer(name: str, seed: int) -> None:
    given = Given(EXERCISES[name], seed)
    right = in_code(given.task.answer)
    bad = {
        "find-the-schedule": lambda: " ".join(reversed(given.task.answer.split())),
        "break-it": lambda: given.task.answer.split()[:2],
        "write-a-policy": lambda: dk.RevokeAll,
    }.get(name, lambda: wrong(given.task.answer))()
    first = given.check(bad)
    assert first.right is False
    assert first.says.startswith("Not yet. ")
    assert right not in first.says
    assert given.task.rule not in first.says
    second = given.check(bad)
    assert given.task.rule in second.says
    assert right not in second.says
    assert not given.solved
    assert given.check(given.task.answer).right
    assert given.wrong == 2


SHAPES: dict[str, list[tuple[Any, str]]] = {
    "which-pages-die": [
        ("3, 4", "expected a set such as {0, 9}, got '3, 4'"),
        ({3, 99}, "expected some of 0, 1, 2"),
        ({3, "x"}, "got 'x'"),
        ([[3]], "got [3]"),
    ],
    "which-kernels": [({"z"}, "expected some of a, b, c, d, e, f; got 'z'"), ("ab", "such as")],
    "what-still-works": [
        ({"a": "works"}, "expected a word for each of a, b, c, d, e, f, as in"),
        (dict.fromkeys("abcdef", "SIGILL"), "expected one of EFAULT"),
        ({key: ["x"] for key in "abcdef"}, "got ['x']"),
    ],
    "last-page": [("0x10", "expected a number from 0 to 0xfff, got '0x10'"), (5000, "0xfff")],
    "find-the-schedule": [
        (7, "expected the names of tasks, such as 'mapper claimer'; got 7"),
        ("", "expected the names of tasks"),
        ("mapper driver", "expected tasks of mapper, claimer; got 'driver'"),
        ([["mapper"]], "got ['mapper']"),
    ],
    "which-policy": [("Best", "expected one of NoProtection, "), ([], "got []")],
    "write-a-policy": [
        (dk.RevokeAll(), "expected a class based on dk.Policy"),
        (int, "got <class 'int'>"),
    ],
}


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [(name, answer, says) for name, cases in SHAPES.items() for answer, says in cases],
)
def test_an_answer_of_another_shape_is_told_so(name: str, answer: Any, says: str) -> None:
    given = Given(EXERCISES[name], 7)
    reply = given.check(answer)
    assert reply.right is False
    assert reply.says.startswith("That is no answer to this question: expected ")
    assert says in reply.says
    assert given.wrong == 0


def test_the_replies_name_what_differs() -> None:
    tasks = Exercises(3)
    pages = tasks["which-pages-die"]
    assert str(pages.check({3, 4, 5, 6})) == (
        "Not yet. Page 7 is missing: the claim has 0x840 bytes of it. Try again."
    )
    assert "Page 8 is wrong: no byte is claimed." in str(pages.check({3, 4, 5, 6, 7, 8}))
    last = tasks["last-page"]
    assert "With x = 0x800 the claim's bytes lie in pages 2 to 4, and page 4 is gone" in str(
        last.check(0x800)
    )
    assert "page 5 stays mapped; so it does with a smaller x" in str(last.check(0x802))
    find = tasks["find-the-schedule"]
    said = str(find.check("mapper " * 6 + "claimer " * 7))
    assert "Step 13 does not exist: claimer has already taken all its steps" in said
    said = str(find.check("claimer " * 3 + "mapper"))
    assert (
        "These 4 steps do not end the race: mapper is at pci_mmap_resource and claimer is at zap"
        in said
    )
    said = str(find.check(["mapper"] * 6 + ["claimer"] * 6))
    assert "It ends killed: the numbers of its steps are pci_mmap_resource 2; insert 7" in said
    policy = tasks["write-a-policy"]
    said = str(policy.check(dk.RevokeAll))
    assert "2 of 5 wishes are granted" in said
    assert "is “yes”, wanted is “no”, as in this schedule: U0:do_mmap" in said


def test_a_task_that_waits_cannot_go_on() -> None:
    given = next(
        given
        for seed in range(99)
        for given in [Given(EXERCISES["break-it"], seed)]
        if "Process U0 writes" in given.task.text
    )
    assert "Step 3 is not possible: U0 has to wait" in str(given.check("U0 U0 U0 A0"))


def test_trying_a_policy_leaves_no_trace() -> None:
    before = dict(POLICIES.known)
    given = Given(EXERCISES["write-a-policy"], 7)

    class RevokeAfterGrace(dk.RevokeAll):
        """As the built-in policy is called, but another one."""

    given.check(RevokeAfterGrace)
    assert dict(POLICIES.known) == before


def test_a_policy_is_asked_anew_when_its_class_has_changed() -> None:
    given = Given(EXERCISES["write-a-policy"], 7)
    for steps in (("both_ends", "zap_begin", "zap"), given.task.answer.after_insert):
        parts = {"after_insert": steps, "on_fault": given.task.answer.on_fault}
        parts["excludes_idle"] = given.task.answer.excludes_idle
        reply = given.check(type("Mine", (dk.RevokeAll,), parts))
        assert reply.right == (steps == given.task.answer.after_insert)


def test_points_are_those_of_what_was_solved() -> None:
    tasks = Exercises(7)
    assert str(tasks.points()) == "Seed 7: 0 of 0 points; none solved"
    for name in ("which-pages-die", "last-page"):
        tasks[name].check(tasks[name].task.answer)
    tasks["which-kernels"].check(tasks["which-kernels"].task.answer ^ {"a"})
    tasks["which-kernels"].check(tasks["which-kernels"].task.answer)
    assert str(tasks["whose-mapping"].check(...)) == "not answered yet"
    assert str(tasks.points()) == (
        "Seed 7: 5 of 7 points; which-pages-die, last-page, which-kernels (1 wrong before) solved"
    )


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True, None])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"^seed: expected a whole number from 0, got "):
        Exercises(seed)


def test_an_unknown_exercise_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"^exercise: expected one of which-pages-die, "):
        Exercises(1)["coffee"]


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("name", EXERCISES)
def test_what_a_reply_tells_to_look_at_can_be_looked_at(name: str, seed: int) -> None:
    why = EXERCISES[name].task(seed).why
    for code in re.findall(r"See it: `(.*?)`", why):
        assert eval(code, {"dk": dk})
    assert ("See it: " in why) == (
        name in ("which-pages-die", "which-kernels", "last-page", "which-policy")
    )
