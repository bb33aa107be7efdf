"""Findings as text, and read from a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from devmemkit.artifact.scope import by_verdict, in_words
from devmemkit.model.kernel import VERSIONS

if TYPE_CHECKING:
    from devmemkit.artifact.ledger import Finding


CONDITIONS = """\
Verdicts are per kernel, for x86-64, the configuration of the recorded kernels (STRICT_DEVMEM=y,
IO_STRICT_DEVMEM=y, no iomem=relaxed), and the questions that are named: "holds" says that all of
them speak for the finding, "refuted" that they speak against it. A search is complete for its
tasks. The model answers for kernels that were not recorded."""


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
