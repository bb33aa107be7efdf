"""Exercises on policies: one to recognise by its answers, and one to write."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from devmemkit.exercises.exercise import FILE, Task, listing
from devmemkit.explore.policy_matrix import QUESTIONS, Cell
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES, ClaimStep, FaultRule, Policy, RevokeAll
from devmemkit.scenarios.machines import VIAS

KERNELS = ("5.10", "6.12", "7.3")
"""A few, as a sheet for a class searches each once."""
ASKED = [name for name in QUESTIONS if name != "claim depends on"]


@cache
def cell(policy: str, question: str, kernel: str, via: str) -> Cell:
    """The answer of a built-in policy to a question."""
    return QUESTIONS[question](KernelProfile(kernel, policy_name=policy), via)


def which_policy(random: Random) -> Task:
    """A policy, told by its answers to a few questions."""
    kernel, via = random.choice(KERNELS), random.choice(VIAS)

    def answers(policy: str, questions: list[str]) -> list[str]:
        return [cell(policy, one, kernel, via).answer for one in questions]

    names = [*POLICIES.built_in]
    while True:
        hidden, questions = random.choice(names), random.sample(ASKED, 4)
        told = answers(hidden, questions)
        if [name for name in names if answers(name, questions) == told] == [hidden]:
            break

    def judge(given: Any) -> str:
        name = getattr(given, "name", given)
        if name not in names:
            raise ValueError(f"expected one of {listing(names)}; got {given!r}")
        for question, here in zip(questions, told, strict=True):
            if (other := cell(name, question, kernel, via).answer) != here:
                return f"under {name} the answer to “{question}” is “{other}”, not “{here}”"
        return ""

    rows = "\n".join(f"| {one} | {said} |" for one, said in zip(questions, told, strict=True))
    known = "\n".join(f"- `{name}`: {POLICIES[name].what}" for name in names)
    return Task(
        f"These are the policies:\n\n{known}\n\nOne of them, on Linux {kernel} with pages mapped "
        f"through `{FILE[via]}`, gives these answers:\n\n"
        f"| question | answer |\n|---|---|\n{rows}\n\n"
        "(“no mapping” and “no claim” say that the process, or the driver, did not get one.) "
        "Which policy is it?",
        '"NameOfAPolicy"', hidden, judge,
        "Take one question after the other, and strike out the policies that answer otherwise. "
        "docs/words.md has the questions in full.",
        f"In a few words: {POLICIES[hidden].what}. "
        f'See it: `dk.policy_matrix(kernel="{kernel}", via="{via}", rows=("{hidden}",))`',
    )  # fmt: skip


def _design(*steps: ClaimStep, on_fault: FaultRule = "signal", idle: bool = False) -> type[Policy]:
    parts = {"after_insert": steps, "on_fault": on_fault, "excludes_idle": idle}
    return type("Design", (RevokeAll,), parts)


TOUCH, LEARNS = "touch after the claim", "process learns of the claim"
KILLED, LOCKED = "unmodified program is killed", "rmap lock held for n pages"
DESIGNS = {
    (LEARNS, KILLED): _design("both_ends", "notify"),
    (TOUCH, LEARNS): _design("both_ends", "notify", "zap_begin", "zap", on_fault="insert"),
    (TOUCH, LOCKED): _design("both_ends", "refuse_if_mapped", "refused", on_fault="insert"),
    ("DMA after the claim", LOCKED): _design(idle=True),
}
"""Policies of no kernel and no proposal, by two wishes that no built-in policy grants at once."""


def in_python(design: type[Policy]) -> str:
    """One of DESIGNS as a student would write it."""
    return (
        f"class Mine(dk.RevokeAll): after_insert = {design.after_insert!r}; "
        f"on_fault = {design.on_fault!r}; excludes_idle = {design.excludes_idle!r}"
    )


def ask(policy: type[Policy], question: str, kernel: str, via: str) -> Cell:
    """The answer of a policy that need not be registered."""
    kept = dict(POLICIES.known)
    POLICIES.known[policy.name] = policy()
    try:
        return QUESTIONS[question](KernelProfile(kernel, policy_name=policy.name), via)
    finally:
        POLICIES.known = kept


@cache
def granted(core: tuple[str, str], kernel: str, via: str) -> dict[str, str]:
    """The wishes that a policy of DESIGNS grants: by question, the answer that is wanted."""
    cells = {one: ask(DESIGNS[core], one, kernel, via) for one in ASKED}
    return {one: cell.wanted for one, cell in cells.items() if cell.good}


def write_policy(random: Random) -> Task:
    """A policy to write, so that several questions get the answers that are wanted."""
    kernel, via = random.choice(KERNELS), random.choice(VIAS)
    core = random.choice([*DESIGNS])
    wanted = granted(core, kernel, via)
    more = random.sample([one for one in wanted if one not in core], 3)
    wishes = [one for one in wanted if one in (*core, *more)]

    def judge(given: Any) -> str:
        if not (isinstance(given, type) and issubclass(given, Policy)):
            raise ValueError(f"expected a class based on dk.Policy, got {given!r}")
        cells = {one: ask(given, one, kernel, via) for one in wishes}
        refused = [one for one, cell in cells.items() if not cell.good]
        if not refused:
            return ""
        first = cells[refused[0]]
        example = f", as in this schedule: {first.example}" if first.example else ""
        return (
            f"{len(wishes) - len(refused)} of {len(wishes)} wishes are granted. The answer to "
            f"“{refused[0]}” is “{first.answer}”, wanted is “{first.wanted}”{example}"
        )

    rows = "\n".join(f"| {one} | {wanted[one]} |" for one in wishes)
    return Task(
        f"On Linux {kernel}, with pages mapped through `{FILE[via]}`, no built-in policy "
        f"grants all these wishes:\n\n| question | wanted |\n|---|---|\n{rows}\n\nWrite one that "
        "does: a class based on `dk.Policy`, or on one that exists. docs/how-to/add-a-policy.md "
        "lists its attributes and the steps of a claim.",
        "Mine", DESIGNS[core], judge,
        "Find, for each wish, the built-in policies that grant it, and what they have in common: "
        "a step of `after_insert`, the rule `on_fault`, or what they exclude.",
        f"Another one that does is `{in_python(DESIGNS[core])}`.",
    )  # fmt: skip
