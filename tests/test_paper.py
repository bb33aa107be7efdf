"""The paper: what it says is computed, what it cites is there, and it is set without code."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from devmemkit.artifact.export import is_paper
from devmemkit.artifact.pdf import BROWSERS, print_pdf
from devmemkit.artifact.worker import run
from devmemkit.lab.recordings.recording import recordings
from devmemkit.scenarios.machines import data_dir
from tests.notebook import Cells

ROOT = Path(__file__).parents[1]
PATH = ROOT / "notebooks" / "paper.ipynb"
PAPER = json.loads(PATH.read_text("utf-8"))
PROSE = "\n".join("".join(c["source"]) for c in PAPER["cells"] if c["cell_type"] == "markdown")
REFERENCES = tomllib.loads((data_dir() / "references.toml").read_text("utf-8"))["references"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that draws Linux 7.3."""
    folder = tmp_path_factory.mktemp("paper")
    task = {"work": "notebook", "name": "paper", "notebook": str(PATH), "folder": str(folder)}
    events: list[dict[str, object]] = []
    done = run(task | {"parameters": {"kernel": "7.3"}, "limit": 300}, lambda **e: events.append(e))
    assert done, events[-1]
    return folder


def test_every_reference_is_cited_and_every_citation_is_one() -> None:
    assert is_paper(PAPER)
    assert set(re.findall(r"\]\(#ref-([\w-]+)\)", PROSE)) == REFERENCES.keys()


def test_every_figure_and_table_has_its_number_and_caption(made: Path) -> None:
    html = (made / "paper.html").read_text("utf-8")
    captions = re.findall(r'<figure id="([\w-]+)">.*?<figcaption><b>(\w+ \d+)\.</b> ', html, re.S)
    assert all(anchor == name.lower().replace(" ", "-") for anchor, name in captions)
    for kind in ("Figure", "Table"):
        numbers = [int(name.split()[1]) for _, name in captions if name.startswith(kind)]
        assert numbers == list(range(1, len(numbers) + 1))
    drawn = list((made / "figures" / "paper").iterdir())
    assert len(drawn) == sum(name.startswith("Figure") for _, name in captions) >= 8


def test_it_is_set_without_code_and_its_links_lead_somewhere(made: Path) -> None:
    html = (made / "paper.html").read_text("utf-8")
    assert '<body class="paper">' in html
    assert 'class="code"' not in html
    assert "named values" not in html
    anchors = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#(ref-[^"]+)"', html)) <= anchors
    assert "Linux 7.3" in html


def test_what_it_says_is_what_the_evidence_says(made: Path) -> None:
    told = json.loads((made / "paper.values.json").read_text("utf-8"))
    assert (told["differ"], told["unexpected"]) == (0, [])
    random = [one.content["conform"]["ops"] for one in recordings("conform")]
    assert told["random"] == sum(random) < told["compared"]
    assert told["attribute_race"] == {
        "5.10": "found", "6.12": "found", "7.1": "found", "7.2": "not-found", "7.3": "not-found",
    }  # fmt: skip
    assert told["repairs"] == {"recheck": "not-found", "hold-rmap": "found"}
    assert told["edges"]["4.5"] < told["edges"]["7.3"]
    assert all(survived > 0 for survived, _ in told["survived"].values())
    assert told["reproducers"]["removal-leaves-mapped"]["5.10"] == "not reproduced"
    assert told["reproducers"]["dead-mapping"]["7.3"] == "reproduced"
    text = (made / "paper.html").read_text("utf-8")
    assert f"{told['compared']:,} outcomes" in text


def test_it_is_printed_where_there_is_a_browser(made: Path, tmp_path: Path) -> None:
    if not any(map(shutil.which, BROWSERS)):
        assert not print_pdf(made / "paper.html", tmp_path / "paper.pdf")
        return
    content = (made / "paper.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    (pages,) = {max(map(int, re.findall(rb"/Count (\d+)", content)))}
    assert 8 <= pages <= 14


def test_the_committed_outputs_are_those_of_the_default_kernel() -> None:
    assert Cells("paper").stored()["differ"] == 0
