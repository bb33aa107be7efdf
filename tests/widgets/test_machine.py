"""The machine explorer without a browser: clicks, uploads, and answers that follow."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from devmemkit.explain.machines import described, known_machines
from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import node_at
from devmemkit.widgets.machine import MachineExplorer

E1000_BAR = 0xFEBC_0000


@pytest.fixture
def explorer() -> MachineExplorer:
    machines = {"first": described("qemu-6.12", "6.12"), **known_machines()}
    return MachineExplorer(machines, E1000_BAR, "devmem", "mmap")


def test_it_begins_with_what_was_asked(explorer: MachineExplorer, in_step) -> None:
    assert "it fails with EPERM" in explorer.status.value
    assert explorer.node.name == "e1000"
    assert repr(explorer) == (
        "MachineExplorer(first: febc0000-febdffff e1000, 128 KiB: it fails with EPERM, "
        "at 0xfebc0000)"
    )
    in_step(explorer)


def test_the_answer_follows_every_control(explorer: MachineExplorer, in_step) -> None:
    said = [explorer.status.value]
    for name, value in (
        ("via", "sysfs"), ("op", "load"), ("offset", "0x1000"), ("length", "8"),
        ("lockdown", "integrity"), ("got", "SIGBUS"),
    ):  # fmt: skip
        getattr(explorer, name).value = value
        said.append(explorer.status.value)
        in_step(explorer)
    assert all(one != other for one, other in itertools.pairwise(said))


def test_a_click_picks_the_innermost_region(explorer: MachineExplorer, in_step) -> None:
    [picture] = explorer.pictures()
    for rect in picture.marks.rects:
        x, y = rect.right - 1, rect.bottom - 0.5
        explorer.panes[0].tapped = [x, y]
        assert explorer.node is node_at(explorer.root, x, y)
        in_step(explorer)
    before = explorer.resource.value
    explorer.panes[0].tapped = [-50, -50]
    assert explorer.resource.value == before


def test_another_machine_is_asked_of_the_same_address_and_drawn_once(
    explorer: MachineExplorer, in_step, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Picture] = []
    [pane] = explorer.panes
    draw = pane.draw
    monkeypatch.setattr(pane, "draw", lambda picture: (drawn.append(picture), draw(picture)))
    explorer.machine.value = "qemu-7.3"
    assert explorer.node.start == E1000_BAR
    assert len(drawn) == 1
    in_step(explorer)


def uploaded(explorer: MachineExplorer, name: str, content: bytes) -> None:
    item: dict[str, Any] = {
        "name": name, "content": memoryview(content), "type": "text/plain", "size": len(content),
        "last_modified": datetime.now(UTC),
    }  # fmt: skip
    explorer.upload.value = (item,)


def test_an_uploaded_dump_becomes_a_machine(explorer: MachineExplorer, in_step) -> None:
    evil = "<script>\x1b"
    dump = f"00001000-0009ffff : System RAM\nfe000000-fe00ffff : {evil}\n".encode()
    uploaded(explorer, evil, dump)
    assert explorer.machine.value == r"<script>\x1b"
    assert next(node.name for node in explorer.nodes.values()) == "System RAM"
    explorer.resource.value = list(explorer.nodes)[1]
    for text in (explorer.status.value, explorer.note.value):
        assert "<script>" not in text
        assert "\x1b" not in text
    in_step(explorer)


def test_what_lspci_prints_adds_devices(explorer: MachineExplorer) -> None:
    text = b"00:1f.0 Thing: A\n\tRegion 0: Memory at fed00000 (32-bit) [size=1K]\n"
    uploaded(explorer, "lspci", text)
    assert "0000:00:1f.0" in explorer.known.devices
    assert explorer.known.iomem is not None


def test_what_is_neither_is_said_and_nothing_is_lost(explorer: MachineExplorer) -> None:
    before = explorer.status.value
    uploaded(explorer, "notes.txt", b"hello\n")
    assert explorer.note.value.startswith("<b>notes.txt:1: expected")
    assert (explorer.status.value, explorer.machine.value) == (before, "first")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("length", "many", "expected a number such as"),
        ("offset", "0xfffffffffffffff0", "--address: expected a number from 0 to"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    explorer: MachineExplorer, name: str, value: str, sentence: str
) -> None:
    getattr(explorer, name).value = value
    assert sentence in explorer.status.value
    assert repr(explorer)
