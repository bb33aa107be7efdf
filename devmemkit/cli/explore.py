"""`devmemkit explore`: search every order of a scenario's steps and print what was found."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from devmemkit.cli.screen import refusing, status
from devmemkit.explore.check import Result, explore
from devmemkit.explore.export import graph
from devmemkit.explore.interleavings import Orders, orders
from devmemkit.explore.policy_matrix import QUESTIONS, matrix, row_in_words
from devmemkit.host.files import write
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import GROUP, POLICIES
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS
from devmemkit.scenarios.races.catalogue import ORDERS, concurrent
from devmemkit.text.columns import columns


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    with refusing("explore", ValueError):  # an installed policy that cannot be loaded
        policies = ", ".join(POLICIES)
    parser = commands.add_parser(
        "explore",
        description="Search every order of a scenario's steps. Print the shortest schedule that "
        "violates a property, or how many states were checked without finding one.\n\n"
        f"RACE is {', '.join(ORDERS)}; or policies: the table of policies, in which "
        f"searches answer {len(QUESTIONS)} questions about each.\n\n"
        f"POLICY is {policies}. A package adds its own by an entry point of the group {GROUP}. "
        f"REPAIR is {_listed(REPAIRS)}; of a read or write {_listed(COPY_REPAIRS)}.",
        examples=(
            "explore mmap-vs-claim --kernel 7.3",
            "explore mmap-vs-claim --kernel 7.3 --repair recheck",
            "explore policies --policy RefuseClaim",
        ),
    )
    add, listed = parser.add_argument, "one of those above"
    add("name", metavar="RACE", help=f"what is searched, {listed}")
    add("--kernel", default="6.12", metavar="KERNEL", help="version (default: %(default)s)")
    effect = f"effect of a claim on mappings, {listed} (default: the kernel's)"
    add("--policy", metavar="POLICY", help=effect)
    order = f"another order of the steps of an mmap or of a copy, {listed}"
    add("--repair", default="", metavar="REPAIR", help=order)
    add("--via", default="devmem", metavar="devmem|sysfs", help="mapped file (default: devmem)")
    tasks = "processes that do the same, 1 to 9 (default: 1)"
    add("--tasks", type=int, default=1, metavar="N", help=tasks)
    add("--graph", type=Path, metavar="FILE", help="also write all states to a JSON file")
    add("--json", action="store_true", help="print the result as JSON")


def _listed(repairs: dict[str, str]) -> str:
    return "; ".join(f"{name} ({what})" for name, what in repairs.items())


def run(options: argparse.Namespace) -> int:
    """Print the result of the search; 0 whatever it found."""
    if options.name == "policies":
        return _policies(options)
    kernel = KernelProfile(options.kernel, policy_name=options.policy, repair=options.repair)
    scenario = concurrent(options.name, kernel, options.via, options.tasks)
    status.doing = f"searching {options.name}"
    if options.graph is not None:
        try:
            write(options.graph, json.dumps(graph(scenario)) + "\n")
        except OSError as error:
            raise ValueError(f"{options.graph}: {error.strerror}") from None
    result = explore(scenario)
    counted = orders(scenario)
    if options.json:
        print(json.dumps(result.to_dict() | {"interleavings": counted and counted._asdict()}))
    else:
        # some scenarios repair an order themselves, which the kernel's name then says
        print(format_result(options.name, scenario.machine.kernel, result, counted))
    return 0


def _policies(options: argparse.Namespace) -> int:
    tasks = options.tasks != 1
    for name, given in (("repair", options.repair), ("graph", options.graph), ("tasks", tasks)):
        if given:
            raise ValueError(f"--{name}: expected a single race, got the table of policies")
    rows = (options.policy,) if options.policy else ()
    began = time.perf_counter()
    cells = []
    for cell in matrix(options.kernel, options.via, rows):
        status.doing = f"searched {cell.policy}: {cell.question}"
        cells.append(cell)
    seconds = time.perf_counter() - began
    bad = [cell for cell in cells if cell.example and not cell.good]
    if options.json:
        summary = {
            "verdict": "found" if bad else "not-found",
            "states": sum(cell.states for cell in cells),
            "transitions": sum(cell.transitions for cell in cells),
            "seconds": round(seconds, 4),
            "counterexample": {"line": bad[0].example} if bad else None,
            "cells": [cell._asdict() for cell in cells],
        }
        print(json.dumps(summary))
        return 0
    table = [("policy", "question", "states", "wanted", "answer")]
    for one in cells:
        answer = one.answer if one.good else f"{one.answer}  <-"
        table.append((one.policy, one.question, str(one.states), one.wanted, answer))
    print(columns(table))
    where = f"Linux {options.kernel}, one page mapped through {options.via}"
    print(f"\n{where}; {seconds:.3f} s; <- is not the answer wanted, or none\n")
    for row in dict.fromkeys(cell.policy for cell in cells):
        print(f"{row}: {row_in_words(row)}")
    for cell in bad:
        print(f"\n{cell.policy}, {cell.question}:\n  {cell.example}")
    return 0


def format_result(name: str, kernel: KernelProfile, result: Result, counted: Orders | None) -> str:
    """A result for people: the verdict first, then the shortest way to what was found."""
    size = f"{result.transitions} transitions, {result.seconds:.3f} s"
    if result.counterexample or result.vacuous:
        size = f"{result.states} states, {size}"
    how = f" ({', '.join(result.reductions)})" if result.reductions else ""
    lines = [f"{name} on {kernel}: {result.words}; {size}{how}"]
    if result.counterexample is not None:
        lines.append(f"violated: {result.counterexample.broken}")
        lines.append(result.counterexample.line())
        lines += [
            f"  {number:2} {step.task}: {step.operation} {step.step}"
            + (f" = {step.outcome}" if step.outcome is not None else "")
            for number, step in enumerate(result.counterexample.steps, 1)
        ]
        if result.bound:
            lines.append(f"perhaps not the shortest: the search for it stopped at {result.bound}")
    elif result.bound:
        lines.append(f"the search stopped at a bound of {result.bound}: states beyond are unknown")
    if counted is not None:
        differ = "differ in more than the order of independent steps"
        lines.append(f"{counted.all:,} orders of all steps; {counted.different:,} {differ}")
    if not result.bound:
        lines += [f"vacuous: in no state does it hold that {name}" for name in result.vacuous]
    return "\n".join(lines)
