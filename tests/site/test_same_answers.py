"""The page's Python and this one answer alike, and as the command does."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from devmemkit.cli import main
from devmemkit.explain.access import OPS
from devmemkit.scenarios.machines import data_dir
from devmemkit.site import prepare, runtime
from devmemkit.site.live.catalogue import EXPLORERS

MACHINES = {"qemu-5.10": "5.10", "qemu-6.12": "6.12", "qemu-7.3": "7.3", "qemu-6.12-arm64": ""}
PLACES = ("0x0", "0x2000", "0x40000000", "0xf8000000", "0xfebc0000", "0x10000000", "0xfed00000")
GOT = ("EPERM", "1", "errno 22", "14", "SIGBUS")
"""Numbers of errnos are Linux' own: the page's Python has others."""


def paste(machine: str) -> str:
    """A recorded machine's dump, and its kernel's release."""
    dump = (data_dir() / "machines" / machine / "bound" / "iomem").read_text("utf-8")
    return f"{MACHINES[machine]}\n{dump}" if MACHINES[machine] else dump


def asks() -> list[dict[str, Any]]:
    """Each operation on each machine at two places, each symptom at one.

    A machine whose kernel is not told has one place: its answers take ten times as long.
    """
    made = []
    for number, (machine, op) in enumerate(product(MACHINES, OPS)):
        for more in (0, 3) if MACHINES[machine] else (0,):
            at = PLACES[(number + more) % len(PLACES)]
            made.append({"address": at, "op": op, "via": "devmem", "paste": paste(machine)})
    for number, (machine, got) in enumerate(product(MACHINES, GOT)):
        made.append({"address": PLACES[3 + number % 2], "got": got, "paste": paste(machine)})
    return [{"do": "ask", **one} for one in (*made, {"paste": prepare.example()})]


def changes(name: str, tree: dict[str, Any]) -> list[dict[str, Any]]:
    """The first, second and last (or twelfth) option of each choice, one after the other."""
    return [
        {"do": "change", "name": name, "number": one["number"], "field": "index", "value": at}
        for one in prepare._below(tree)
        if one["kind"] in ("Dropdown", "SelectionSlider")
        for options in [range(min(len(one["state"]["options"]), 12))]
        for at in sorted({*options[:2], *options[-1:]})
    ]


@pytest.mark.slow
def test_the_page_answers_as_this_python_does(site: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "expected node beside npm, got none"
    package = runtime.package()
    opened = [{"do": "explorer", "name": name} for name in EXPLORERS]
    trees = prepare.answers(package, opened)
    messages = [*asks(), *opened]
    for name, told in zip(EXPLORERS, trees, strict=True):
        messages += changes(name, told["tree"])
    assert len(messages) > 150
    here = prepare.answers(package, messages)
    (tmp_path / "messages.json").write_text(json.dumps(messages))
    done = subprocess.run(
        [node, str(Path(__file__).parent / "run.mjs"), str(site), f"{tmp_path}/"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    there = json.loads((tmp_path / "answers.json").read_text())
    assert len(there) == len(here)
    for message, ours, theirs in zip(messages, here, there, strict=True):
        assert theirs == ours, {**message, "paste": ""}
    said = [one["text"] for one in here if "text" in one]
    assert sum("EPERM" in text for text in said) > 20
    assert sum("it succeeds" in text for text in said) > 10


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_the_text_is_the_command_s_to_the_byte(
    machine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "paste").write_text(paste(machine))
    questions = [{"address": at, "op": op} for at, op in product(PLACES[2:6], ("mmap", "load"))] + [
        {"address": at, "got": "EPERM"} for at in PLACES[3:5]
    ]
    messages = [{"do": "ask", "paste": paste(machine), **one} for one in questions]
    answers = prepare.answers(runtime.package(), messages)
    for question, answer in zip(questions, answers, strict=True):
        options = [word for name, value in question.items() for word in (f"--{name}", value)]
        assert main(["explain", "--paste", str(tmp_path / "paste"), *options]) == 0
        assert capsys.readouterr().out == answer["text"] + "\n"


def test_the_example_is_the_command_s_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "paste").write_text(prepare.example())
    [answer] = prepare.answers(runtime.package(), [prepare.messages()[0]])
    assert main(["explain", "--paste", str(tmp_path / "paste")]) == 0
    assert capsys.readouterr().out == answer["text"] + "\n"
    assert "e1000 has it" in answer["text"]
