"""The paper: what it says is computed, what it cites is there, and it is set without code."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import nbformat
import pytest

from devmemkit.artifact.export import BROWSERS, is_paper, page, print_pdf
from devmemkit.lab.recordings.manifest import ON_16K, ON_ARM64, RECORDED
from devmemkit.lab.recordings.recording import recordings
from devmemkit.scenarios.machines import data_dir
from tests.notebook import Cells

ROOT = Path(__file__).parents[1]
PATH = ROOT / "notebooks" / "paper.ipynb"
PAPER = json.loads(PATH.read_text("utf-8"))
JOURNAL = ROOT / "docs" / "paper"
PROSE = "\n".join("".join(c["source"]) for c in PAPER["cells"] if c["cell_type"] == "markdown")
REFERENCES = tomllib.loads((data_dir() / "references.toml").read_text("utf-8"))["references"]


@pytest.fixture(scope="module")
def html() -> str:
    """The committed paper as a page; that its outputs are today's, nbval checks."""
    return page(nbformat.read(PATH, as_version=4), "paper")


def test_every_reference_is_cited_and_every_citation_is_one() -> None:
    assert is_paper(PAPER)
    assert set(re.findall(r"\]\(#ref-([\w-]+)\)", PROSE)) == REFERENCES.keys()


def test_every_figure_and_table_has_its_number_and_caption(html: str) -> None:
    captions = re.findall(r'<figure id="([\w-]+)">.*?<figcaption><b>(\w+ \d+)\.</b> ', html, re.S)
    assert all(anchor == name.lower().replace(" ", "-") for anchor, name in captions)
    for kind in ("Figure", "Table"):
        numbers = [int(name.split()[1]) for _, name in captions if name.startswith(kind)]
        assert numbers == list(range(1, len(numbers) + 1))
    outputs = [one for cell in PAPER["cells"] for one in cell.get("outputs", ())]
    drawn = [one for one in outputs if "image/svg+xml" in one.get("data", {})]
    assert len(drawn) == sum(name.startswith("Figure") for _, name in captions) >= 8


def test_it_is_set_without_code_and_its_links_lead_somewhere(html: str) -> None:
    assert '<body class="paper" ' in html
    assert 'class="code"' not in html
    assert "named values" not in html
    anchors = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#(ref-[^"]+)"', html)) <= anchors


def test_what_it_says_is_what_the_evidence_says(html: str) -> None:
    told = Cells("paper").stored()
    assert (told["differ"], told["unexpected"]) == (0, [])
    assert told["verdicts"] == Cells("00-overview").stored()["verdicts"]  # those of the ledger
    random = [one.content["conform"]["ops"] for one in recordings("conform")]
    assert told["random"] == sum(random)
    assert told["arm"][0] > 5000
    assert told["arm"][1:] == [0, 0]
    assert {"cache_types", "copy_reach", "low_megabyte"} <= set(told["unlike"])
    assert told["race_on_arm"]["survived"] > 0
    assert told["attribute_race"] == {
        "5.10": "found", "6.12": "found", "7.1": "found", "7.2": "not-found", "7.3": "not-found",
    }  # fmt: skip
    assert told["repairs"] == {"recheck": "not-found", "hold-rmap": "found"}
    for name, closes in {"pass": False, "recheck": True, "fault": True, "hold-rmap": False}.items():
        assert told["repaired"][name].startswith("0 of ") == closes
    assert told["repaired_verdicts"] == ["PASSED"]
    landed, control, stale = told["held"]
    every = 16 * len(RECORDED)
    assert (landed, control, stale) == (
        f"{every} of {every}", f"0 of {every}", f"{every} of {every}"
    )  # fmt: skip
    right = {repair for repair, verdict in told["writes"].items() if verdict == "not-found"}
    assert right == {"bounce-locked"}
    assert told["reproducers"]["held-write"]["7.3"] == "reproduced"
    assert told["edges"]["4.5"] < told["edges"]["6.12"]
    assert all(survived > 0 for survived, _ in told["survived"].values())
    assert told["reproducers"]["removal-leaves-mapped"]["5.10"] == "not reproduced"
    assert told["reproducers"]["dead-mapping"]["7.3"] == "reproduced"
    assert f"{told['compared']:,} outcomes" in html


def test_it_is_printed_where_there_is_a_browser(html: str, tmp_path: Path) -> None:
    (tmp_path / "paper.html").write_text(html, encoding="utf-8")
    if not any(map(shutil.which, BROWSERS)):
        assert not print_pdf(tmp_path / "paper.html", tmp_path / "paper.pdf")
        return
    assert print_pdf(tmp_path / "paper.html", tmp_path / "paper.pdf")
    content = (tmp_path / "paper.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    (pages,) = {max(map(int, re.findall(rb"/Count (\d+)", content)))}
    assert 8 <= pages <= 16


def test_the_journals_paper_has_its_parts_and_its_length() -> None:
    _, head, body = (JOURNAL / "paper.md").read_text("utf-8").split("---\n", 2)
    assert re.findall(r"^(\w+):", head, re.M) == [
        "title", "tags", "authors", "affiliations", "date", "bibliography"
    ]  # fmt: skip
    (author,) = re.findall(r"^authors:\n  - name: (.*)$", head, re.M)
    assert f"  - name: {author}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^# (.*)$", body, re.M) == [
        "Summary", "Statement of need", "State of the field", "Software design", "Research impact",
        "Acknowledgements", "Disclosures", "References",
    ]  # fmt: skip
    assert 750 <= len(re.sub(r"\[@[^]]*\]", "", body).split()) <= 1750


def test_the_journals_paper_cites_what_its_bibliography_has() -> None:
    cited = re.findall(r"@([\w:]+)", (JOURNAL / "paper.md").read_text("utf-8"))
    entries = re.findall(
        r"^@\w+\{([\w:]+),\n(.*?)^\}", (JOURNAL / "paper.bib").read_text("utf-8"), re.M | re.S
    )
    assert {key for key, _ in entries} == set(cited)
    assert len({key for key, _ in entries}) == len(entries)
    for key, fields in entries:
        names = re.findall(r"^  (\w+) = \{.*\},$", fields, re.M)
        assert {"author", "title", "year"} <= set(names), key
        assert f"year = {{{key[-4:]}}}" in fields


def test_the_journals_paper_counts_as_the_recordings_do() -> None:
    text = " ".join((JOURNAL / "paper.md").read_text("utf-8").split())
    assert (len(RECORDED), len(ON_ARM64), len(ON_16K)) == (11, 3, 2)
    assert "eleven distribution kernels on x86-64, three of them also on arm64 and two" in text
    assert "eight executable notebooks" in text
    assert len(list((ROOT / "notebooks").glob("0*.ipynb"))) == 8
