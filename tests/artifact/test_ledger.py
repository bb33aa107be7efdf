"""The ledger: every finding is weighed by evidence, and none can be written down as settled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devmemkit.artifact.answers import KINDS, Answer, Kind
from devmemkit.artifact.ledger import Finding, ledger
from devmemkit.artifact.scope import ORDER
from devmemkit.cli.findings import lines
from devmemkit.scenarios.machines import data_dir

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.id: finding for finding in ledger()}


@pytest.mark.slow
def test_verdicts_follow_and_every_answer_speaks(findings: dict[str, Finding]) -> None:
    for id, finding in findings.items():
        for one in finding.evidence:
            assert None not in map(one.speaks, one.answers), id
    assert [id for id, finding in findings.items() if not finding.reproduced] == []
    assert all(next(lines(f)) == f"\n{id}: {f.says}" for id, f in findings.items())


@pytest.mark.slow
def test_a_race_that_is_not_found_refutes_that_there_is_one(findings: dict[str, Finding]) -> None:
    race = findings["attributes-race"]
    assert race.on("7.1") == "holds"
    assert [race.on(version) for version in ("7.2", "7.3")] == ["refuted", "refuted"]


@pytest.mark.slow
def test_what_speaks_against_it_is_asked_on_every_kernel(findings: dict[str, Finding]) -> None:
    refusing = findings["claim-should-fail"]
    assert set(refusing.verdicts.values()) == {"in part"}
    assert refusing.kernels == ORDER[ORDER.index("5.8") :]
    for id, finding in findings.items():
        assert finding.kernels == finding.scope.kernels, id
        for one in finding.evidence:
            if one.kind in ("race", "repaired"):  # a kernel would have to be run
                assert one.answers, id
                assert set(one.not_asked.values()) == {"not recorded there"}, id
            else:
                assert one.answers.keys() | one.not_asked.keys() == set(finding.kernels), id
                assert "not recorded there" not in one.not_asked.values(), id


@pytest.mark.slow
def test_a_sentence_about_a_period_is_about_no_other_kernel(findings: dict[str, Finding]) -> None:
    for id, finding in findings.items():
        since = re.match(r"Since v([0-9.]+) ", finding.says)
        before = re.match(r"Before v([0-9.]+) ", finding.says)
        assert (since is None) or finding.scope.since == since[1], id
        assert (before is None) or finding.scope.until == before[1], id
    assert findings["sigbus-at-next-touch"].kernels[0] == "5.8"
    assert findings["survived-before-5.8"].kernels == ("4.4", "4.5")


@pytest.mark.slow
def test_what_a_verdict_rests_on_is_told_per_kernel(findings: dict[str, Finding]) -> None:
    rests_on = findings["claim-ends-access"].rests_on
    assert rests_on["6.12"] == ("explored", "recorded")
    assert "recorded" not in rests_on["5.15"]
    for finding in findings.values():
        older = {kind for v in ("4.4", "4.5", "5.8") for kind in finding.rests_on.get(v, ())}
        assert "recorded" not in older, finding.id


@pytest.mark.slow
def test_every_kind_is_used_every_notebook_exists(findings: dict[str, Finding]) -> None:
    text = (data_dir() / "findings.toml").read_text()
    assert set(re.findall(r'^kind = "(.*)"', text, re.M)) == KINDS.keys()
    assert "verdict" not in re.sub("#.*", "", text)
    for id, finding in findings.items():
        assert finding.nearest or not finding.by.startswith("this project"), id
        assert (ROOT / "notebooks" / f"{finding.notebook}.ipynb").is_file()
        assert finding.by


ENTRY = """
[[finding]]
id = "toy"
says = "A toy."
by = "nobody"
notebook = "00-overview"
until = "5.8"
expected = { holds = ["4.4", "4.5"] }
[[finding.evidence]]
shows = "edges"
kind = "edges"
of = ["initcall"]
for = ["none"]
against = ["all", "some"]
"""
STORY = 'kind = "story"\nscenario = "takeover"\nstory = "bar"\nact = "x"\n'
SCOPED = 'since = "4.5"\nof = '


def weighed(tmp_path: Path, old: str = "", new: str = "") -> list[Finding]:
    path = tmp_path / "findings.toml"
    assert old in ENTRY
    path.write_text(ENTRY.replace(old, new))
    return list(ledger(path))


def test_an_answer_speaks_as_the_ledger_says_and_otherwise_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [finding] = weighed(tmp_path)
    assert (finding.verdicts, finding.reproduced) == ({"4.4": "holds", "4.5": "holds"}, True)
    [finding] = weighed(tmp_path, 'none"]\nagainst = ["all"', 'all"]\nagainst = ["none"')
    assert (set(finding.verdicts.values()), finding.reproduced) == ({"refuted"}, False)
    for answer in (Answer("most", "read"), Answer("none", "explored", decides=False)):
        kind = Kind(lambda *_, answer=answer, **__: answer, KINDS["edges"].can_be)
        monkeypatch.setitem(KINDS, "edges", kind)
        [finding] = weighed(tmp_path)
        assert set(finding.verdicts.values()) == {"undecided"}
        assert not finding.reproduced


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"edges"\nof', '"coffee"\nof', "toy: kind: expected one of story, .* got 'coffee'"),
        ('against = ["all", "some"]', "", "toy: expected an answer that speaks for and one"),
        ('"all", "some"', '"bounded"', "toy: expected an answer of all, none, some; got .'bounded"),
        ("of = ", 'otherwise = "for"\nof = ', "toy: otherwise: expected for or against, of an act"),
        ('["4.4", "4.5"]', '["4.4", "6.13"]', "toy: kernel: expected one of"),
        ('["4.4", "4.5"]', '["4.4"]', "toy: expected a verdict for each kernel before 5.8.* 4.5"),
        ('until = "5.8"', 'until = "5.9"', "toy: kernel: expected one of"),
        ('until = "5.8"', "until = 5.8", "toy: kernel: expected one of"),
        ("of = ", SCOPED, "toy: expected `why` beside a scope of evidence"),
        ("of = ", 'why = "x"\nof = ', "toy: expected `why` beside a scope of evidence"),
        ("of = ", 'speaks = "maybe"\nof = ', "toy: speaks: expected for or against"),
        ("of = ", 'speaks = "for"\nof = ', "toy: expected `speaks` with all evidence of what"),
        ("{ holds", '{ "in part"', "toy: expected `speaks` with all evidence of what"),
        ("of = ", "milk = 1\nof = ", "toy: .*unexpected keyword argument 'milk'"),
        ('kind = "edges"\nof = ["initcall"]\n', STORY, "toy: act: expected one of .*got 'x'"),
        ("expected = { holds", "expected = { proved", "toy: expected verdicts that there are"),
        (ENTRY[ENTRY.index("[[finding.e") :], "evidence = []", "toy: expected evidence, got"),
        (ENTRY, "finding = []", "expected findings, got an empty list"),
        (ENTRY, "", "expected findings, got: 'finding'"),
        (ENTRY, ENTRY + ENTRY, "expected ids that differ, got twice: .'toy'"),
        (ENTRY, "finding = 1", "expected findings, got: "),
        (ENTRY, "finding = [1]", "expected findings, got: "),
    ],
)
def test_what_cannot_be_weighed_is_one_sentence(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^findings.toml: {sentence}"):
        weighed(tmp_path, old, new)
