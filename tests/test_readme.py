"""What the README and the page on errors show is what the code gives today."""

import doctest
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devmemkit.artifact.ledger import Ledger, entries
from devmemkit.artifact.scope import by_verdict
from devmemkit.cli import main
from devmemkit.explore.check import explore
from devmemkit.explore.policy_matrix import matrix as answers
from devmemkit.figures.address_map import address_map
from devmemkit.figures.frame import retold
from devmemkit.figures.lanes import lanes
from devmemkit.figures.marks import Picture
from devmemkit.figures.matrix import matrix
from devmemkit.figures.race import race as race_of
from devmemkit.figures.svg import to_svg
from devmemkit.lab.recordings.manifest import NAMES, ON_ARM64, RECORDED, kernels_of
from devmemkit.lab.recordings.recording import recordings
from devmemkit.lab.recordings.session import ALONE, OTHERS, SECONDS
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.races.catalogue import concurrent
from devmemkit.scenarios.stories.takeover import Takeover

ROOT = Path(__file__).resolve().parents[1]


def takeover() -> Picture:
    """An unaligned claim, seen from process and child."""
    story = Takeover(kernel="6.12", machine="qemu-6.12", claim_offset=0x1800, claim_size=0x5000)
    made = address_map(story.played.after("claim"), story.node, 8)
    first, last = (byte - story.node.start for byte in story.claim)
    said = (
        f"A driver claims from +{first:#x} to +{last:#x}. {made.message} "
        f"(Model, Linux {story.kernel}.)"
    )
    return retold(made, "A page that is half the driver's stays mapped", said, WIDE)


def schedule() -> Picture:
    """The shortest order in which a mapping survives a claim, as `explore` prints it."""
    asked = concurrent("mmap-vs-claim", KernelProfile("7.3"))
    made = lanes(tuple(asked.programs), explore(asked).counterexample)
    said = (
        "Process U0 maps, driver C0 claims: the claim finds nothing to revoke, and the process "
        "keeps the driver's pages. (Explored, Linux 7.3.)"
    )
    made = replace(
        made,
        legend=(
            ("process", "a process"),
            ("driver", "a driver"),
            ("error", "reaches what is claimed"),
        ),
    )
    return retold(made, "A claim misses a mapping in the making", said, WIDE)


def race() -> Picture:
    """The recorded race between an mmap and a claim on the newest kernel."""
    sweep = recordings("mmap-vs-claim")[-1].content["race"]
    made = race_of(sweep)
    said = (
        f"{made.message} PASSED: the model allows each end. (Recorded on Linux {sweep['version']}.)"
    )
    return retold(made, "An mmap in the making survives a claim", said, WIDE)


def policies() -> Picture:
    """What can happen under each policy, in the columns that decide between them."""
    rows: dict[str, list[tuple[str, str]]] = {}
    cells = {(cell.policy, cell.question): cell for cell in answers("6.12", "devmem")}
    for policy in dict.fromkeys(policy for policy, _ in cells):
        row = rows[policy] = []
        for question in ASKED:
            cell = cells[policy, question]
            role = "muted" if not cell.decides else "ok" if cell.good else "error"
            row.append((re.split("[;:]", cell.answer)[0], role))
    best = [policy for policy, row in rows.items() if {role for _, role in row} == {"ok"}]
    made = matrix(
        "policies",
        "What can happen under each policy",
        list(ASKED.values()),
        rows,
        legend=(
            ("ok", "as one would wish"),
            ("error", "not as one would wish"),
            ("muted", "nothing can be mapped"),
        ),
    )
    said = f"Good in every column: {', '.join(best) or 'none'}. (Explored, Linux 6.12.)"
    return retold(made, made.title, said, WIDE)


ASKED = {
    "touch after the claim": "touched after\nthe claim",
    "corrupt before the claim": "written\nbefore it",
    "page lost without notice": "page lost\nunnoticed",
    "driver comes up, process unmaps": "driver up, if\nit unmaps",
    "driver comes up, process keeps": "driver up, if\nit keeps",
}
WIDE = 360
"""Px: width of a picture that is passed on."""
PICTURES = (schedule, takeover, race, policies)
"""The pictures of docs/ that are passed on, each in a file of its function's name."""
each_picture = pytest.mark.parametrize(
    "draw",  # that of the policies weighs each of them first
    [pytest.param(one, marks=pytest.mark.slow if one is policies else ()) for one in PICTURES],
)


def drawn(draw: Callable[[], Picture]) -> str:
    """The SVG, narrow: its text stays readable on a phone, in a mail of 800 px and on a slide."""
    picture = draw()
    return to_svg(picture, natural=picture.min_width)


def words_of(page: str) -> str:
    """The text of a page, without its line breaks."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.slow
def test_the_kernels_of_its_findings_are_those_that_the_ledger_computes() -> None:
    told = re.findall(r"\(([\d. to;]+); `([\w-]+)`\)", words_of("README.md"))
    named = {entry["id"]: entry for entry in entries()}
    for kernels, name in told:
        found = Ledger().weigh(named[name])
        assert kernels in by_verdict(found.verdicts).split(" on ")
        assert any("recorded" in used for used in found.rests_on.values())
    assert len(told) == 3


def test_its_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_sections_that_settle_a_point_are_there() -> None:
    told = re.findall(r"^\|.*\| (.*) \|$", (ROOT / "docs/discussion.md").read_text("utf-8"), re.M)
    places = [place for cell in told for place in re.split(r", (?=0\d)", cell)]
    asked = [
        (place[:2], section)
        for place in places
        if re.match(r"0\d section", place)
        for section in re.findall(r"\d+", place[2:])
    ]
    assert len(asked) > 15
    for number, section in asked:
        (notebook,) = ROOT.glob(f"notebooks/{number}-*.ipynb")
        assert f'"## {section}. ' in notebook.read_text("utf-8"), (number, section)


@each_picture
def test_a_committed_picture_is_drawn_by_this_code(draw: Callable[[], Picture]) -> None:
    assert (ROOT / "docs" / f"{draw.__name__}.svg").read_text(encoding="utf-8") == drawn(draw)


@each_picture
def test_a_picture_that_is_passed_on_is_not_shrunk_on_a_phone(draw: Callable[[], Picture]) -> None:
    assert draw().min_width <= 400, "its text has 11 px"


def test_the_session_runs_as_shown() -> None:
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted >= 5
    assert result.failed == 0


def test_the_commands_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    pages = (ROOT / "README.md", ROOT / "docs/how-to/explain-an-error.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    shown = re.findall(r"^```console\n\$ devmemkit (.*)\n((?:.*\n)*?)```$", text, re.M)
    assert len(shown) >= 5
    for command, output in shown:
        assert main(shlex.split(command)) == 0
        assert capsys.readouterr().out == output


def test_the_counts_in_its_prose_are_those_of_the_recordings() -> None:
    text = words_of("docs/how-to/explain-an-error.md")
    assert (
        "On eleven kernels of x86-64 and three of arm64 it predicted over a thousand accesses each"
        in text
    )
    every = [*recordings("explain"), *recordings("explain", lab="arm64")]
    foretold = [
        sum(len(boot["tried"]) for boot in one.content["explain"]["boots"]) for one in every
    ]
    assert (len(RECORDED), len(ON_ARM64), len(foretold)) == (11, 3, 14)
    assert min(foretold) > 1000
    assert "in less than sixty lines of C" in words_of("docs/how-to/ask-a-real-kernel.md")
    programs = [path.read_text().count("\n") for path in data_dir().glob("reproducers/*.c")]
    assert max(programs) < 60


def test_the_time_that_recording_takes_is_what_the_lab_expects() -> None:
    jobs = [(name, one) for name in ("machine", *NAMES) for one in kernels_of(name)]
    seconds = sum(
        SECONDS.get(name, OTHERS) / (1 if name in ALONE else 2) for name, _ in jobs
    )  # two guests on two cores, but one for a race
    assert round(seconds / 3600) == 2
    pages = ("docs/how-to/ask-a-real-kernel.md", "docs/artifact.md", "data/recordings/README.md")
    for page in (*pages, "notebooks/06-real-kernels.ipynb"):
        assert "about two hours" in words_of(page)


@pytest.mark.parametrize("page", ["README.md", "docs/artifact.md", "benchmarks/RESULTS.md"])
def test_the_coverage_that_it_tells_is_that_of_the_generated_page(page: str) -> None:
    told = re.search(
        r"passes ([\d.]+ %) .*\((\d+) of (\d+);", (ROOT / "docs/coverage.md").read_text()
    )
    assert told
    text = words_of(page)
    assert told[1] in text
    assert f"{int(told[2]):,} of {int(told[3]):,}" in text


@pytest.mark.slow
def test_what_is_said_below_the_table_of_policies_is_what_it_shows() -> None:
    assert "Good in every column: none." in policies().message
    assert len(ASKED) == 5
    assert "No policy is green in all five columns" in words_of("docs/discussion.md")


if __name__ == "__main__":  # python tests/test_readme.py draws them anew
    for one in PICTURES:
        (ROOT / "docs" / f"{one.__name__}.svg").write_text(drawn(one), encoding="utf-8")
