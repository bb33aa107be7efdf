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
from devmemkit.lab.race import TRIALS
from devmemkit.lab.recordings.manifest import ON_16K, ON_ARM64, RECORDED
from devmemkit.lab.recordings.recording import recordings
from devmemkit.model.repairs import COPY_IN_KERNEL, REPAIRS
from devmemkit.scenarios.machines import LABS, data_dir
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
    assert len(drawn) == sum(name.startswith("Figure") for _, name in captions) >= 5


def test_it_is_set_without_code_and_its_links_lead_somewhere(html: str) -> None:
    assert '<body class="paper" ' in html
    assert 'class="code"' not in html
    assert "named values" not in html
    anchors = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#(ref-[^"]+)"', html)) <= anchors


def test_what_it_says_is_what_the_evidence_says(html: str) -> None:
    told = Cells("paper").stored()
    assert told["unexpected"] == []
    assert told["verdicts"] == Cells("00-overview").stored()["verdicts"]  # those of the ledger
    for lab in LABS:
        held = told["compared"][lab]
        random = [one.content["conform"]["ops"] for one in recordings("conform", lab=lab)]
        assert (held["differ"], held["random"], held["apart"]) == (0, sum(random), 0)
        assert held["outcomes"] > 1000
        assert f"<td>{held['outcomes']:,}</td>" in html
    total = sum(held["outcomes"] for held in told["compared"].values())
    assert f"compared {total:,} outcomes" in html
    assert {"cache_types", "copy_reach", "low_megabyte"} <= set(told["unlike"])
    assert {"6.1", "6.12", "7.3"} == set(told["on_arm"]["mapping-in-the-making"].split(", "))
    assert told["on_arm"]["held-write"].startswith("not on")
    assert all(ends == ["0x0", "SIGBUS, BUS_ADRERR"] for ends in told["beyond"].values())
    assert told["attribute_race"] == {
        "5.10": "found", "6.12": "found", "7.1": "found", "7.2": "not-found", "7.3": "not-found",
    }  # fmt: skip
    assert told["edges"]["4.5"] < told["edges"]["6.12"]
    assert told["reproducers"]["held-write"]["7.3"] == "reproduced"
    assert told["reproducers"]["removal-leaves-mapped"]["5.10"] == "not reproduced"
    assert told["reproducers"]["dead-mapping"]["7.3"] == "reproduced"
    assert told["controls"][0] == told["controls"][1] > 0
    assert "vfio-dma" in told["past"]
    assert told["best"] == []
    assert (len(REPAIRS), len(COPY_IN_KERNEL)) == (4, 2)
    assert "four orders of the mmap and one of the write" in PROSE


def test_trials_of_different_designs_are_never_added_up() -> None:
    told = Cells("paper").stored()
    for designs in (*told["survived"].values(), *told["repaired"].values()):
        assert len(designs) == 4
        assert all(re.match(rf"\d+ of {TRIALS}\b", cell) for cell in designs.values())
    assert all(designs["sysfs whole"] > "0" for designs in told["survived"].values())


def test_the_right_repairs_close_the_races_in_search_and_kernel() -> None:
    told = Cells("paper").stored()
    right = {"recheck", "fault"}
    assert {name for name, verdict in told["repairs"].items() if verdict == "not-found"} == right
    for where, designs in told["repaired"].items():
        closed = all(cell == f"0 of {TRIALS}" for cell in designs.values())
        assert closed == (where.split()[1] in right), where
    assert told["repaired_verdicts"] == ["PASSED"]
    for name, reached in told["touched"].items():
        assert any(reached) == name.startswith("fault-unlocked")
    landed, control, old = told["held"]
    assert landed.keys() == set(RECORDED)
    assert (set(landed.values()), set(control.values()), set(old.values())) == ({16}, {0}, {16})
    right = {repair for repair, verdict in told["writes"].items() if verdict == "not-found"}
    assert right == {"bounce-locked"}
    for where, count in told["mended"].items():
        assert count == (0 if where.endswith("bounce-locked") else 16)


def test_kept_figures_are_those_of_the_data() -> None:
    told = Cells("paper").stored()
    kept = tomllib.loads((data_dir() / "measured.toml").read_text("utf-8"))
    assert told["coverage"] == kept["coverage"]
    assert told["mutants"] == [kept["mutants"]["recordings"], kept["mutants"]["new"]]
    assert told["reports"] == kept["explain"]["reports"]
    assert all(accesses > 1000 and misses == 0 for accesses, misses in told["explain"].values())


def test_it_refers_to_the_figures_and_tables_that_it_means(html: str) -> None:
    captions = dict(re.findall(r"<figcaption><b>(\w+ \d+)\.</b> (.*?)</figcaption>", html, re.S))
    text = " ".join(
        re.sub(r"<[^>]*>", "", re.sub(r"<figcaption>.*?</figcaption>", "", html)).split()
    )
    meant = {
        "Table 1": "What a claim leaves open",
        "Table 2": "Kernels held against the model",
        "Table 3": "Mappings that survived",
        "Table 4": "Claims after which a page could be reached",
        "Table 6": "What a load through /dev/mem",
        "Table 7": "What the next touch gets",
        "Figure 2": "The shortest order in which a mapping survives",
        "Figure 5": "Policies on Linux 6.12",
    }
    assert set(re.findall(r"(?:Table|Figure) \d+", text)) == meant.keys()
    assert all(captions[name].startswith(words) for name, words in meant.items())


@pytest.mark.slow
def test_it_is_printed_where_there_is_a_browser(html: str, tmp_path: Path) -> None:
    (tmp_path / "paper.html").write_text(html, encoding="utf-8")
    if not any(map(shutil.which, BROWSERS)):
        assert not print_pdf(tmp_path / "paper.html", tmp_path / "paper.pdf")
        return
    assert print_pdf(tmp_path / "paper.html", tmp_path / "paper.pdf")
    content = (tmp_path / "paper.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    (pages,) = {max(map(int, re.findall(rb"/Count (\d+)", content)))}
    assert 10 <= pages <= 14


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


def test_both_lists_of_references_name_the_same_authors_and_titles() -> None:
    text = (JOURNAL / "paper.bib").read_text("utf-8")
    for latex, letter in (('{\\"o}', "ö"), ('{\\"u}', "ü"), ("{\\i}", "ı")):
        text = text.replace(latex, letter)
    entries = re.findall(r"^@\w+\{([\w:]+),\n(.*?)^\}", text, re.M | re.S)
    assert len(entries) > 5
    for key, fields in entries:
        found = dict(re.findall(r"^  (\w+) = \{(.*)\},$", fields, re.M))
        people = []
        for person in found["author"].split(" and "):
            family, _, given = person.partition(", ")
            people.append(" ".join([*(f"{name[0]}." for name in given.split()), family]))
        title = re.sub(r"[{}]", "", found["title"])
        assert REFERENCES[key.replace(":", "-")].startswith(f"{', '.join(people)}: {title}."), key


def test_the_journals_paper_counts_as_the_recordings_do() -> None:
    text = " ".join((JOURNAL / "paper.md").read_text("utf-8").split())
    assert (len(RECORDED), len(ON_ARM64), len(ON_16K)) == (11, 3, 2)
    assert "eleven distribution kernels on x86-64, three of them also on arm64 and two" in text
    assert "eight executable notebooks" in text
    assert len(list((ROOT / "notebooks").glob("0*.ipynb"))) == 8
