"""An exercise: from a student's number to a task, its answer, and a reply to every other answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from reprlib import repr as shortened
from typing import Any, NamedTuple

from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile

FILE = {"devmem": "/dev/mem", "sysfs": "resource2"}
"""By `via`: the file through which processes map a BAR."""

Judge = Callable[[Any], str]
"""Gives "" for a right answer, a sentence for a wrong one; ValueError for one of another shape."""


@dataclass(frozen=True)
class Task:
    """What one student is asked: `text` in Markdown, and `form`, an answer of the right shape.

    `answer` is a right answer; others may be right, too: `judge` decides. `rule` is the sentence
    that helps with every such task, `why` says how this one comes out.
    """

    text: str
    form: str
    answer: Any
    judge: Judge
    rule: str
    why: str


@dataclass(frozen=True)
class Exercise:
    """A kind of task; `make` writes one with the numbers that it draws."""

    name: str
    title: str
    points: int
    make: Callable[[Random], Task]

    def task(self, seed: int) -> Task:
        """The task of a student; the same seed gives the same task."""
        return self.make(Random(f"{self.name} {seed}"))


class Item(NamedTuple):
    """One of several things to judge: in words, how it comes out, and the fact that decides."""

    says: str
    value: Any
    because: str


def listed(items: Mapping[str, Item]) -> str:
    """The items as a Markdown list."""
    return "\n".join(f"- **{label}**: {item.says}" for label, item in items.items())


def mixed(draw: Callable[[], list[Item]], least: int = 2) -> dict[str, Item]:
    """Items by letter, drawn until all differ, `least` come out one way, and as many another."""
    while True:
        items = draw()
        values = [item.value for item in items]
        enough = sum(values.count(one) >= least for one in set(values)) > 1
        if enough and len({item.says for item in items}) == len(items):
            return dict(zip("abcdefgh", items, strict=False))


def picked(items: Mapping[Any, Item], form: str) -> tuple[set[Any], Judge]:
    """The set of labels whose items come out true, and its judge."""
    known = [*items]

    def judge(given: Any) -> str:
        if not isinstance(given, set | frozenset | list | tuple):
            raise ValueError(f"expected a set such as {form}, got {shortened(given)}")
        for one in given:
            if one not in known:
                raise ValueError(f"expected some of {listing(known)}; got {shortened(one)}")
        for label, item in items.items():
            if (label in given) != item.value:
                what = f"page {label}" if isinstance(label, int) else f"({label})"
                how = "missing" if item.value else "wrong"
                return f"{what} is {how}: {item.because}"
        return ""

    return {label for label, item in items.items() if item.value}, judge


def worded(items: Mapping[str, Item], words: Iterable[str], form: str) -> tuple[Any, Judge]:
    """The words of the items by label, and their judge."""
    known = [*words]

    def judge(given: Any) -> str:
        if not isinstance(given, Mapping) or given.keys() != items.keys():
            raise ValueError(
                f"expected a word for each of {listing(items)}, as in {form}; "
                f"got {shortened(given)}"
            )
        for word in given.values():
            if word not in known:
                raise ValueError(f"expected one of {listing(known)}; got {shortened(word)}")
        for label, item in items.items():
            if given[label] != item.value:
                return f"({label}) is not {given[label]!r}: {item.because}"
        return ""

    return {label: item.value for label, item in items.items()}, judge


def listing(values: Iterable[object]) -> str:
    """Values in a sentence."""
    return ", ".join(map(str, values))


def kernels(*, revoking: bool = False, since: str = "") -> list[str]:
    """The kernels that the model knows by name, from `since` on, perhaps only those that revoke."""
    names = [*VERSIONS]
    later = names[names.index(since) :] if since else names
    return [one for one in later if KernelProfile(one).revokes or not revoking]
