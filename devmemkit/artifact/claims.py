"""`devmemkit claims`: every claim of the ledger weighed now, from recordings or a live kernel."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devmemkit.artifact.ledger import Claim, Ledger


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser("claims", help="weigh every claim by its evidence, now")
    parser.add_argument("--live", metavar="KERNEL", help="play what was recorded on this kernel")
    parser.add_argument("--json", action="store_true", help="all answers, as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the claims; 0 when each verdict is as expected, 1 when not, 2 when it cannot be."""
    from devmemkit.artifact.ledger import LedgerError, to_json
    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError
    from devmemkit.lab.recordings.recording import RecordingError

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        found = []
        for claim in weighed(options.live or "", tell):
            found.append(claim)
            if not options.json:
                print("\n".join(lines(claim)), flush=True)
    except (LedgerError, RecordingError, GuestError, KernelError, OSError) as error:
        print(f"devmemkit claims: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(to_json(found), indent=1, ensure_ascii=False))
    else:
        alike = sum(claim.reproduced for claim in found)
        print(f"\n{alike} of {len(found)} claims reproduced: every verdict as expected")
    return 0 if all(claim.reproduced for claim in found) else 1


def weighed(kernel: str, tell: Callable[[str], None]) -> Iterator[Claim]:
    """Every claim, by what was recorded; or those about a `kernel`, by what it does in a guest."""
    from devmemkit.artifact.ledger import Ledger, entries

    told = entries()
    weighing = _live(kernel, told, tell) if kernel else Ledger()
    return (claim for claim in map(weighing.weigh, told) if claim.evidence)


def by_verdict(verdicts: Mapping[str, str]) -> str:
    """Verdicts (or answers) by kernel in one line, the kernels of equal ones together."""
    alike: dict[str, list[str]] = {}
    for version, verdict in verdicts.items():
        alike.setdefault(verdict, []).append(version)
    return "; ".join(f"{verdict} on {', '.join(on)}" for verdict, on in alike.items())


def lines(claim: Claim) -> Iterator[str]:
    """A claim in the terminal: its sentence, its evidence, its verdict per kernel."""
    yield f"\n{claim.id}: {claim.says}"
    yield f"  by {claim.by}" + (f"; nearest: {claim.nearest}" if claim.nearest else "")
    for one in claim.evidence:
        answers = {version: answer or "no evidence" for version, answer in one.answers.items()}
        yield f"  {one.rests_on}, {one.then}: {one.shows}: {by_verdict(answers)}"
    mark = "as expected" if claim.reproduced else f"EXPECTED {by_verdict(claim.expected)}"
    yield f"  => {by_verdict(claim.verdicts)} ({mark})"


def _live(name: str, told: list[dict[str, Any]], tell: Callable[[str], None]) -> Ledger:
    """A ledger for one kernel whose recordings are taken now, in a guest."""
    from devmemkit.artifact.answers import Sources
    from devmemkit.artifact.ledger import Ledger, LedgerError
    from devmemkit.lab.kernels import cache
    from devmemkit.lab.recordings.record import record
    from devmemkit.model.kernel import KernelProfile

    try:
        version = KernelProfile(name).version
    except ValueError as error:
        raise LedgerError(f"--live: {error}") from None
    asked = [one for entry in told for one in entry["evidence"] if version in one["kernels"]]
    measured = {"race": "mmap-vs-claim", "reproducer": "reproducers"}
    played = [one for one in asked if one["kind"] in ("recorded", *measured)]
    wanted = sorted({measured.get(one["kind"]) or one["scenario"] for one in played})
    if not wanted:
        raise LedgerError(f"--live: expected a kernel that was recorded, got {name!r}")
    kernel = cache.get(version)
    given = {}
    for scenario in wanted:
        tell(f"{scenario} on Linux {kernel.release} ...")
        given[scenario, version] = record(scenario, kernel, tell)
    return Ledger(Sources(given, live=True), (version,))
