"""The ledger: every claim is weighed by evidence, and none can be written down as settled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devmemkit.artifact.ledger import KINDS, Claim, LedgerError, ledger
from devmemkit.scenarios.machines import data_dir

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claims() -> list[Claim]:
    return list(ledger())


def test_evidence_is_as_it_was_and_verdicts_follow(claims: list[Claim]) -> None:
    assert [(c.id, one.shows) for c in claims for one in c.evidence if not one.expected] == []
    assert {claim.id for claim in claims if claim.verdict == "refuted"} == {
        "segmentation-violation", "claim-ends-access", "rmap-lock-repairs", "whole-claim-revoked",
        "nd-pmem-never-idle", "both-ends-exact", "low-megabyte-revoked",
    }  # fmt: skip
    assert {claim.id for claim in claims if claim.verdict == "in part"} == {
        "cannot-be-static", "claim-should-fail", "revoked-stays-refused", "removal-unmaps",
        "dead-mapping-harmless", "muxed-wakes",
    }  # fmt: skip


def test_every_kind_is_used_every_notebook_exists_and_ids_differ(claims: list[Claim]) -> None:
    text = (data_dir() / "claims.toml").read_text()
    assert set(re.findall(r'^kind = "(.*)"', text, re.M)) == KINDS.keys()
    assert "verdict" not in re.sub("#.*", "", text)
    for claim in claims:
        assert claim.reproduced, claim.id
        assert claim.expected.keys() == set(claim.kernels), claim.id
        assert claim.nearest or not claim.by.startswith("this project"), claim.id
    ids = [claim.id for claim in claims]
    assert len(set(ids)) == len(ids)
    for claim in claims:
        assert (ROOT / "notebooks" / f"{claim.notebook}.ipynb").is_file()
        assert claim.by


ENTRY = """
[[claim]]
id = "toy"
says = "A toy."
by = "nobody"
notebook = "00-overview"
expected = { holds = ["4.5"] }
[[claim.evidence]]
shows = "edges"
kind = "edges"
kernels = ["4.5"]
expect = "3"
then = "for"
"""


def weighed(tmp_path: Path, old: str = "", new: str = "") -> list[Claim]:
    path = tmp_path / "claims.toml"
    path.write_text(ENTRY.replace(old, new))
    return list(ledger(path))


def test_an_answer_that_is_not_expected_speaks_the_other_way(tmp_path: Path) -> None:
    assert weighed(tmp_path)[0].verdict == "holds"
    [claim] = weighed(tmp_path, '"3"', '"4"')
    assert (claim.verdict, claim.evidence[0].expected) == ("refuted", False)
    assert weighed(tmp_path, '"for"', '"against"')[0].verdict == "refuted"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"edges"\nk', '"coffee"\nk', "toy: expected a kind of recorded, .* got 'coffee', 'for'"),
        ('then = "for"', "", "toy: expected 'then', got none"),
        ('"4.5"', '"6.13"', "toy: kernel: expected one of"),
        ("then = ", "milk = 1\nthen = ", "toy: .*unexpected keyword argument 'milk'"),
        (
            'kind = "edges"\nkernels = ["4.5"]',
            'kind = "recorded"\nscenario = "takeover"\nstory = "bar"\nact = "x"\nkernels = ["6.1"]',
            "toy: act: expected one of .*got 'x'",
        ),
        ("expected = { holds", "expected = { proved", "toy: expected verdicts that there are"),
    ],
)
def test_what_cannot_be_weighed_is_one_sentence(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(LedgerError, match=f"^claims.toml: {sentence}"):
        weighed(tmp_path, old, new)
