"""`devmemkit findings`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from devmemkit.cli.screen import aside, refusing, status

if TYPE_CHECKING:
    from devmemkit.artifact.ledger import Finding

CONDITIONS = """\
Verdicts are per kernel, for x86-64 (for arm64 where a finding says so), the configuration of the
recorded kernels (STRICT_DEVMEM=y, IO_STRICT_DEVMEM=y, no iomem=relaxed), and the questions that
are named: "holds" says that all of them speak for the finding, "refuted" that they speak against
it. A search is complete for its tasks. The model answers for kernels that were not recorded."""


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "findings",
        aliases=["claims"],
        description="Weigh every finding by its evidence, now, and print its verdict for each "
        "kernel. The exit status is 1 when a verdict is not as expected.",
        examples=("findings", "findings --json", "findings --live 6.12"),
    )
    add = parser.add_argument
    add("--live", metavar="KERNEL", help="weigh by what this kernel does, in a guest")
    add("--json", action="store_true", help="print all answers as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when a verdict is not as expected."""
    from devmemkit.artifact.ledger import ledger, to_json
    from devmemkit.lab.guest.boot import GuestError
    from devmemkit.lab.kernels.programs import KernelError

    def progress(line: str) -> None:
        status.doing = line

    found = []
    with refusing("findings", GuestError, KernelError):
        try:
            if not options.json:
                print(CONDITIONS, flush=True)
            for finding in ledger(None, options.live or "", aside, progress):
                found.append(finding)
                if not options.json:
                    print("\n".join(lines(finding)), flush=True)
        except OSError as error:
            if error.filename is None and not isinstance(error, FileNotFoundError):
                raise  # the output cannot be written
            raise ValueError(str(error)) from None
    alike = sum(finding.reproduced for finding in found)
    if options.json:
        print(json.dumps([to_json(one) for one in found], indent=1, ensure_ascii=False))
    else:
        print(f"\n{alike} of {len(found)} findings reproduced: every verdict as expected")
    return 0 if alike == len(found) else 1


def lines(finding: Finding) -> Iterator[str]:
    """A finding as text: its sentence, its evidence, its verdict per kernel."""
    from devmemkit.artifact.ledger import OPEN
    from devmemkit.artifact.scope import by_verdict, in_words

    yield f"\n{finding.id}: {finding.says}"
    yield f"  by {finding.by}; about kernels {finding.scope}" + (
        f"; nearest: {finding.nearest}" if finding.nearest else ""
    )
    for one in finding.evidence:
        yield f"  {one.shows}"
        alike: dict[str, dict[str, str]] = {}
        for version, answer in one.answers.items():
            said = f"{one.speaks(version) or OPEN}: {answer.text}"
            alike.setdefault(said, {})[version] = answer.rests_on
        for said, on in alike.items():
            yield f"    {said}: {by_verdict(on)}"
        for why in dict.fromkeys(one.not_asked.values()):
            where = [version for version, said in one.not_asked.items() if said == why]
            yield f"    not asked on {in_words(where)}: {why}"
    mark = "as expected" if finding.reproduced else f"EXPECTED {by_verdict(finding.expected)}"
    yield f"  => {by_verdict(finding.verdicts)} ({mark})"
