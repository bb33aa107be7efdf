"""The parts of an answer: the verdict of each case, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.explain.access import Access
from devmemkit.explain.advice import Advice
from devmemkit.explain.verdict import Later, Verdict
from devmemkit.model.machine import Machine


@dataclass(frozen=True)
class Branch:
    """A verdict, and the conditions under which it holds, in words."""

    conditions: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Explanation:
    """How an access ends on a machine.

    `verdict`, `advice` and `later` are those of the likeliest case, which takes `assumed` for
    granted. `branches` covers the other cases if they differ, `unknown` lists the facts that the
    description lacks, `notes` its limits.
    """

    access: Access
    machine: Machine
    verdict: Verdict
    assumed: tuple[str, ...]
    branches: tuple[Branch, ...]
    advice: tuple[Advice, ...]
    later: Later | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
