"""`devmemkit explore`: search every order of a scenario's steps, and say what was found."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from devmemkit.cli.screen import complain
from devmemkit.explore.check import Result, explore
from devmemkit.explore.graph import graph
from devmemkit.explore.interleavings import Orders, orders
from devmemkit.explore.policies import matrix
from devmemkit.host.files import SourceError, write
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.races.catalogue import concurrent


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser("explore", help="search every order of a scenario's steps")
    parser.add_argument("name", metavar="NAME", help="such as mmap-vs-claim")
    parser.add_argument("--kernel", default="6.12", metavar="V")
    parser.add_argument("--policy", metavar="P", help="what a claim does; by default the kernel's")
    parser.add_argument(
        "--repair", default="", metavar="R", help="another order of an mmap's steps"
    )
    parser.add_argument("--via", default="devmem", metavar="devmem|sysfs")
    parser.add_argument("--tasks", type=int, default=1, metavar="N")
    parser.add_argument("--graph", type=Path, metavar="FILE", help="write all states as JSON")
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """`devmemkit explore NAME`: 0 when the search ran, whatever it found; 2 for what cannot be."""
    if options.name == "policies":
        return _policies(options)
    try:
        kernel = KernelProfile(options.kernel, policy_name=options.policy, repair=options.repair)
        scenario = concurrent(options.name, kernel, options.via, options.tasks)
    except ValueError as error:
        complain("explore", error)
        return 2
    if options.graph is not None:
        try:
            write(options.graph, json.dumps(graph(scenario)) + "\n")
        except SourceError as error:
            complain("explore", error)
            return 2
        except OSError as error:
            complain("explore", f"{options.graph}: {error.strerror}")
            return 2
    result = explore(scenario)
    counted = orders(scenario)
    if options.json:
        print(json.dumps(result.to_dict() | {"interleavings": counted and counted._asdict()}))
    else:
        print(told(options.name, kernel, result, counted))
    return 0


def _policies(options: argparse.Namespace) -> int:
    rows = (options.policy,) if options.policy else ()
    began = time.perf_counter()
    try:
        cells = list(matrix(options.kernel, options.via, rows))
    except ValueError as error:
        complain("explore", error)
        return 2
    seconds = time.perf_counter() - began
    examples = [cell.example for cell in cells if cell.example and not cell.good]
    if options.json:
        summary = {
            "verdict": "found" if examples else "not-found",
            "states": sum(cell.states for cell in cells),
            "transitions": sum(cell.transitions for cell in cells),
            "seconds": round(seconds, 4),
            "counterexample": {"line": examples[0]} if examples else None,
            "cells": [cell._asdict() for cell in cells],
        }
        print(json.dumps(summary))
        return 0
    print(f"policies on Linux {options.kernel}, mapped through {options.via}; {seconds:.3f} s")
    for row in dict.fromkeys(cell.policy for cell in cells):
        print(f"\n{row}")
        for cell in cells:
            if cell.policy == row:
                well = "" if cell.good else "  <-"
                print(f"  {cell.question:36} {cell.answer}{well} ({cell.states} states)")
                if cell.example and not cell.good:
                    print(f"    {cell.example}")
    return 0


def told(name: str, kernel: KernelProfile, result: Result, counted: Orders | None) -> str:
    """A result for people: the verdict first, then the shortest way to what was found."""
    size = f"{result.states} states, {result.transitions} transitions, {result.seconds:.3f} s"
    how = f" ({', '.join(result.reductions)})" if result.reductions else ""
    lines = [f"{name} on {kernel}: {result.verdict}; {size}{how}"]
    if result.counterexample is not None:
        lines.append(f"broken: {result.counterexample.broken}")
        lines.append(result.counterexample.line())
        lines += [
            f"  {number:2} {step.task}: {step.operation} {step.step}"
            + (f" = {step.outcome}" if step.outcome is not None else "")
            for number, step in enumerate(result.counterexample.steps, 1)
        ]
    elif result.bound:
        lines.append(f"it ended at a bound of {result.bound}: what is beyond is not known")
    else:
        lines.append(f"all {result.states} states explored, none bad")
    if counted is not None:
        lines.append(f"{counted.all:,} orders of all steps, {counted.different:,} of them differ")
    lines += [f"but in no state did it hold that {name}" for name in result.vacuous]
    return "\n".join(lines)
