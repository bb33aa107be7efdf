"""The README's picture and session are what the code gives today."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from devmemkit.cli import main
from devmemkit.figures.address_map import address_map
from devmemkit.figures.svg import to_svg
from devmemkit.lab.recordings.manifest import NAMES, ON_ARM64, RECORDED, kernels_of
from devmemkit.lab.recordings.recording import recordings
from devmemkit.lab.recordings.session import ALONE, OTHERS, SECONDS
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.stories.takeover import Takeover

ROOT = Path(__file__).resolve().parents[1]


def picture() -> str:
    """docs/takeover.svg: an unaligned claim, seen from process and child."""
    story = Takeover(kernel="6.12", machine="qemu-6.12", claim_offset=0x1800, claim_size=0x5000)
    return to_svg(address_map(story.played.after("claim"), story.node, 8, columns=4))


def test_the_committed_picture_is_drawn_by_this_code() -> None:
    assert (ROOT / "docs" / "takeover.svg").read_text(encoding="utf-8") == picture()


def test_the_session_runs_as_shown() -> None:
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted >= 5
    assert result.failed == 0


def test_the_commands_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```console\n\$ devmemkit (.*)\n((?:.*\n)*?)```$", text, re.M)
    assert len(shown) >= 3
    for command, output in shown:
        assert main(shlex.split(command)) == 0
        assert capsys.readouterr().out == output


def test_the_counts_in_its_prose_are_those_of_the_recordings() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        "On eleven kernels of x86-64 and three of arm64 it foretold over a thousand accesses each"
        in text
    )
    every = [*recordings("explain"), *recordings("explain", lab="arm64")]
    foretold = [
        sum(len(boot["tried"]) for boot in one.content["explain"]["boots"]) for one in every
    ]
    assert (len(RECORDED), len(ON_ARM64), len(foretold)) == (11, 3, 14)
    assert min(foretold) > 1000
    assert "in less than sixty lines of C" in text
    programs = [path.read_text().count("\n") for path in data_dir().glob("reproducers/*.c")]
    assert max(programs) < 60


def test_the_time_that_recording_takes_is_what_the_lab_expects() -> None:
    jobs = [(name, one) for name in ("machine", *NAMES) for one in kernels_of(name)]
    seconds = sum(
        SECONDS.get(name, OTHERS) / (1 if name in ALONE else 2) for name, _ in jobs
    )  # two guests on two cores, but one for a race
    assert round(seconds / 3600) == 2
    pages = ("README.md", "docs/artifact.md", "data/recordings/README.md")
    for page in (*pages, "notebooks/06-real-kernels.ipynb"):
        assert "about two hours" in " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("page", ["README.md", "docs/artifact.md", "benchmarks/RESULTS.md"])
def test_the_coverage_that_it_tells_is_that_of_the_generated_page(page: str) -> None:
    told = re.search(
        r"passes ([\d.]+ %) .*\((\d+) of (\d+);", (ROOT / "docs/coverage.md").read_text()
    )
    assert told
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert told[1] in text
    assert f"{int(told[2]):,} of {int(told[3]):,}" in text


if __name__ == "__main__":  # python tests/test_readme.py draws it anew
    (ROOT / "docs" / "takeover.svg").write_text(picture(), encoding="utf-8")
