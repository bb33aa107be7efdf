"""`devmemkit explore`: search every order of a scenario's steps, and say what was found."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from devmemkit.explore.check import Result, explore
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.orders import concurrent


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
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """`devmemkit explore NAME`: 0 when the search ran, whatever it found; 2 for what cannot be."""
    try:
        kernel = KernelProfile(options.kernel, policy_name=options.policy, repair=options.repair)
        scenario = concurrent(options.name, kernel, options.via, options.tasks)
    except ValueError as error:
        print(f"devmemkit explore: {error}", file=sys.stderr)
        return 2
    result = explore(scenario)
    print(json.dumps(result.to_dict()) if options.json else told(options.name, kernel, result))
    return 0


def told(name: str, kernel: KernelProfile, result: Result) -> str:
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
    lines += [f"but in no state did it hold that {name}" for name in result.vacuous]
    return "\n".join(lines)
