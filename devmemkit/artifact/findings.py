"""Every finding weighed now, from recordings or on a live kernel, and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from devmemkit.artifact.scope import by_verdict, in_words
from devmemkit.model.kernel import VERSIONS

if TYPE_CHECKING:
    from devmemkit.artifact.ledger import Finding, Ledger


CONDITIONS = """\
Verdicts are per kernel, for x86-64, the configuration of the recorded kernels (STRICT_DEVMEM=y,
IO_STRICT_DEVMEM=y, no iomem=relaxed), and the questions that are named: "holds" says that all of
them speak for the finding, "refuted" that they speak against it. A search is complete for its
tasks. The model answers for kernels that were not recorded."""


def weighed(
    kernel: str, tell: Callable[[str], None], progress: Callable[[str], None] = lambda line: None
) -> Iterator[Finding]:
    """Every finding, by what was recorded; or those about a `kernel`, by what it does in a guest.

    `tell` gets a line on each guest, `progress` one before each finding.
    """
    from devmemkit.artifact.ledger import ledger

    if kernel:
        return ledger(None, lambda told: _live(kernel, told, tell), progress)
    return ledger(progress=progress)


def lines(finding: Finding) -> Iterator[str]:
    """A finding as text: its sentence, its evidence, its verdict per kernel."""
    from devmemkit.artifact.ledger import OPEN

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


def is_finding(told: Any) -> bool:
    """Whether a finding read from a file, which anyone may have written, can be printed."""
    texts = ("id", "says", "by", "notebook")
    return (
        isinstance(told, dict)
        and all(isinstance(told.get(key), str) for key in texts)
        and isinstance(told.get("reproduced"), bool)
        and all(
            isinstance(told.get(key), dict) and told[key].keys() <= VERSIONS.keys()
            for key in ("verdicts", "expected", "rests_on")
        )
        and all(isinstance(v, str) for key in ("verdicts", "expected") for v in told[key].values())
        and all(isinstance(kinds, list) for kinds in told["rests_on"].values())
        and all(isinstance(kind, str) for kinds in told["rests_on"].values() for kind in kinds)
    )


def _live(name: str, told: Sequence[Mapping[str, Any]], tell: Callable[[str], None]) -> Ledger:
    """A ledger for one kernel, with recordings taken now in a guest."""
    from devmemkit.artifact.answers import Sources
    from devmemkit.artifact.ledger import Ledger, LedgerError
    from devmemkit.lab.kernels import cache
    from devmemkit.lab.recordings.manifest import RECORDED
    from devmemkit.lab.recordings.record import record
    from devmemkit.model.kernel import KernelProfile

    try:
        version = KernelProfile(name).version
    except ValueError as error:
        raise LedgerError(f"--live: {error}") from None
    if version not in RECORDED:
        known = ", ".join(RECORDED)
        raise LedgerError(f"--live: expected a kernel that was recorded ({known}), got {name!r}")
    measured = {"race": "mmap-vs-claim", "reproducer": "reproducers"}
    asked = [one for entry in told for one in entry["evidence"]]
    wanted = {measured.get(one["kind"]) or one.get("scenario") for one in asked
              if one["kind"] in ("story", *measured)}  # fmt: skip
    kernel = cache.get(version)
    given = {}
    for scenario in sorted(wanted):
        tell(f"{scenario} on Linux {kernel.release} ...")
        given[scenario, version] = record(scenario, kernel, tell)
    return Ledger(Sources(given, live=True), (version,))
