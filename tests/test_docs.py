"""The documentation: examples run, the picture is that of the imports, every page is linked."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from devmemkit.cli import main
from devmemkit.explore.policy_matrix import MOST_STATES, matrix
from devmemkit.model.policy import POLICIES
from devmemkit.model.repairs import COPY_IN_KERNEL, COPY_REPAIRS, IN_KERNEL, REPAIRS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name not in ("made", "paper")]
WITH_EXAMPLES = [page for page in PAGES if ">>>" in page.read_text(encoding="utf-8")]


def program(name: str) -> ModuleType:
    """One of the programs that make pages."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # its dataclasses look there
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def _registry() -> Iterator[None]:
    """The policies as they were, without those of a page."""
    kept = dict(POLICIES.known)
    yield
    POLICIES.known = kept


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_print_what_it_shows(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*$", "", text, flags=re.M)  # a fence ends an example, as a blank line does
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 2
    assert result.failed == 0


def test_the_tutorials_and_guides_have_examples() -> None:
    names = {page.stem for page in WITH_EXAMPLES}
    assert names >= {"index", "how-it-works", "kernel-developer", "teacher", "tool-author"}
    assert names >= {"add-a-policy", "add-a-kernel", "read-a-dump"}


def _table(text: str) -> dict[str, str]:
    """The first two columns of the rows behind the first head of a table."""
    return dict(re.findall(r"^\| (\S+) \| (.*) \|$", text, re.M))


def test_the_questions_and_repairs_are_those_of_the_code() -> None:
    text = (DOCS / "words.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    wanted = {cell.question: cell.wanted for cell in matrix("6.12", rows=("NoProtection",))}
    assert {row[0]: row[2] for row in rows if len(row) == 3 and row[0] != "question"} == wanted
    of_mmap, of_copy = text[text.index("| repair of an mmap ") :].split("| repair of a copy ")
    assert _table(of_mmap) == REPAIRS
    assert _table(of_copy) == COPY_REPAIRS
    assert f"{MOST_STATES:,} states" in text


def test_the_page_on_repaired_kernels_has_all_that_the_module_does() -> None:
    text = (DOCS / "how-to/repair-a-kernel.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z, -]+) \| ", text, re.M)
    assert sorted(", ".join(rows).split(", ")) == sorted({*IN_KERNEL, *COPY_IN_KERNEL})


def test_each_page_is_in_a_table_of_contents() -> None:
    listed = set()
    for block in re.findall(
        r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL
    ):
        listed |= {line for line in block.splitlines() if line and not line.startswith(":")}
    assert listed == {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {
        "index"
    }


def test_no_page_loads_anything_from_elsewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"!\[[^]]*\]\(http|```\{(?:image|figure)\} http|<script|<iframe", text)


COMMANDS = re.compile(r"^(?:\.venv/bin/)?devmemkit (.+?)(?:\s+#.*)?$", re.M)


def test_each_command_that_a_page_shows_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()
    for page in PAGES:
        for block in re.findall(
            r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
        ):
            seen |= {command.split()[0] for command in COMMANDS.findall(block)}
    assert seen >= {"explore", "snapshot", "reproduce"}
    for command in sorted(seen - {"--version"}):
        assert main([command, "--help"]) == 0, command
    capsys.readouterr()


def test_the_picture_has_every_room_above_those_that_it_imports() -> None:
    rooms = program("rooms")
    read = rooms.read()
    folders = {path.parent.name for path in (ROOT / "devmemkit").glob("*/__init__.py")}
    assert read.keys() == folders
    assert {"model", "text", "scenarios", "explore"} <= folders
    assert all(room.says for room in read.values()), "a room whose docstring says nothing"
    assert read["model"].imports == frozenset(), "the model imports no other room"
    drawn = ElementTree.fromstring(rooms.picture(read))
    words = "".join(drawn.itertext())
    assert all(f">{name}<" in rooms.picture(read) for name in folders)
    assert "model imports no other room" in words
    level = {name: at for at, row in enumerate(rooms.levels(read)) for name in row}
    for room in read.values():
        for other in room.imports:
            in_circle = room.name in rooms.below(read, other)
            assert level[room.name] < level[other] or in_circle


def test_a_circle_of_rooms_is_drawn_as_one(tmp_path: Path) -> None:
    rooms = program("rooms")
    texts = {
        "low": "",
        "one": "from devmemkit.low import x\ndef f():\n    import devmemkit.two.y\n",
        "two": "from devmemkit import one, low\n",
        "top": "from devmemkit.two.y import z\nfrom devmemkit.low import a\n",
    }
    for name, text in texts.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(f'"""Says {name}."""\n')
        (folder / "code.py").write_text(text)
    read = rooms.read(tmp_path)
    assert read["two"].imports == {"one", "low"}
    assert read["top"].lines == 3
    assert rooms.circles(read) == {"one", "two"}
    assert rooms.levels(read) == [["top"], ["one", "two"], ["low"]]
    drawn = rooms.picture(read)
    assert drawn.count('class="wrong"') == 2
    assert "<title>top imports low</title>" not in drawn, "implied by a longer way"


def test_the_finding_that_a_guide_shows_is_one_of_the_ledger() -> None:
    guide = (DOCS / "how-to" / "add-a-finding.md").read_text(encoding="utf-8")
    (shown,) = tomllib.loads(guide.split("```toml\n")[1].split("```")[0])["finding"]
    ledger = (ROOT / "data" / "findings.toml").read_text(encoding="utf-8")
    assert shown in tomllib.loads(ledger)["finding"]


def test_a_finding_has_its_verdicts_by_kernel() -> None:
    found = program("found")
    one = {
        "id": "a", "says": "A claim revokes.", "by": "project", "notebook": "01",
        "verdicts": {"5.8": "holds", "5.10": "holds", "5.12": "holds", "6.1": "refuted"},
        "rests_on": {"5.8": ["model"], "6.1": ["recorded", "model"]},
        "evidence": [{"shows": "the next read"}],
    }  # fmt: skip
    page = found.page([one])
    assert page.startswith("## Notebook 01\n\n**A claim revokes.** *Holds on 5.8 to 5.12; refuted")
    assert "Rests on: model, recorded. Id: `a`." in page
    assert "- the next read\n" in page


@pytest.mark.slow
def test_the_reports_for_maintainers_have_todays_evidence() -> None:
    upstream = program("upstream")
    text = (DOCS / "upstream.md").read_text("utf-8")
    assert upstream.page(text) == text, "run python docs/upstream.py"
    shown = re.findall(r"^\* .*\n", text, re.M)
    assert upstream.page("".join(text.split("".join(shown[:1])))) == text, "nothing was filled in"


def test_each_report_for_maintainers_is_complete() -> None:
    upstream = program("upstream")
    _, *reports = (DOCS / "upstream.md").read_text("utf-8").split("\n## ")
    told = set()
    for report in reports:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", report, re.M)
        assert parts == ["What", "Where", "Since", "Repair", "Cost"], report.partition("\n")[0]
        told |= set(re.findall(r"^\* .*\(`([\w.-]+)`\)", report, re.M))
    known = upstream.findings()
    assert told <= known.keys()
    assert {id for id, one in known.items() if "reproducer" in one} <= told
