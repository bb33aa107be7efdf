"""The machine explorer without a browser: clicks, uploads, and answers that follow."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

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


def uploaded(explorer: MachineExplorer, **files: bytes) -> None:
    explorer.upload.value = tuple(
        {
            "name": name, "content": memoryview(content), "type": "text/plain",
            "size": len(content), "last_modified": datetime.now(UTC),
        }
        for name, content in files.items()
    )  # fmt: skip


def test_an_uploaded_dump_becomes_a_machine(explorer: MachineExplorer, in_step) -> None:
    evil = "<script>\x1b"
    dump = f"00001000-0009ffff : System RAM\nfe000000-fe00ffff : {evil}\n".encode()
    uploaded(explorer, **{evil: dump})
    assert explorer.machine.value == r"<script>\x1b"
    assert next(node.name for node in explorer.nodes.values()) == "System RAM"
    explorer.resource.value = list(explorer.nodes)[1]
    for text in (explorer.status.value, explorer.note.value):
        assert "<script>" not in text
        assert "\x1b" not in text
    in_step(explorer)


DUMP = b"00001000-0009ffff : System RAM\nfeb00000-febfffff : PCI Bus\n  febc0000-febc0fff : x\n"
LSPCI = b"00:1f.0 Thing: A\n\tRegion 0: Memory at fed00000 (32-bit) [size=1K]\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paste", "upload"])
def test_a_new_machine_keeps_the_access_where_a_resource_has_its_address(
    explorer: MachineExplorer, in_step, name: str
) -> None:
    def give(text: bytes) -> None:
        if name == "paste":
            explorer.paste.value = text.decode()
        else:
            uploaded(explorer, dump=text)

    explorer.offset.value, explorer.op.value = "0x800", "load"
    give(DUMP)
    assert (explorer.node.name, explorer.offset.value) == ("x", "0x800")
    give(DUMP.replace(b"febc0000-febc0fff : x", b"feba0000-febcffff : y"))
    assert (explorer.node.name, explorer.offset.value) == ("y", "0x20800")
    assert "at 0xfebc0800" in explorer.status.value
    give(b"00001000-0009ffff : System RAM\nd0000000-d00fffff : PCI Bus\n  d0000000-d0000fff : x\n")
    assert (explorer.node.start, explorer.offset.value) == (0xD000_0000, "0x0")
    assert (explorer.via.value, explorer.op.value) == ("devmem", "load")
    in_step(explorer)


def test_what_lspci_prints_adds_devices(explorer: MachineExplorer) -> None:
    uploaded(explorer, lspci=LSPCI)
    assert "0000:00:1f.0" in explorer.known.devices
    assert explorer.known.iomem is not None
    assert explorer.note.value == "lspci: lspci -v was read"


def test_of_several_files_the_dump_is_read_first(explorer: MachineExplorer) -> None:
    uploaded(explorer, lspci=LSPCI, uname=b"6.1.0-9-amd64\n", iomem=DUMP)
    assert {node.name for node in explorer.nodes.values()} == {"System RAM", "PCI Bus", "x"}
    assert (explorer.known.release, "0000:00:1f.0" in explorer.known.devices) == (
        "6.1.0-9-amd64", True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"hello\n", "notes: expected /proc/iomem, lspci -v or the like, got other text"),
        (b"00000000-00000000 : System RAM\n", "expected addresses, got zeroes only"),
    ],
)
def test_a_refused_file_clears_the_answer_until_something_else_is_chosen(
    explorer: MachineExplorer, text: bytes, why: str
) -> None:
    answer = explorer.status.value
    uploaded(explorer, notes=text)
    assert why in explorer.status.value
    assert "EPERM" not in explorer.status.value
    assert explorer.status.value.endswith(". The map still shows first.</b>")
    assert why in repr(explorer)
    explorer.op.value = "load"
    explorer.op.value = "mmap"
    assert (explorer.status.value, explorer.machine.value) == (answer, "first")


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
