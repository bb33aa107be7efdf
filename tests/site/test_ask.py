"""Questions of the page: what is read for one is read once."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.site.live import address_space
from devmemkit.site.live.ask import ask
from devmemkit.text import iomem_tree

DUMP = (
    "00001000-0009ffff : System RAM\n"
    "fe000000-fe0fffff : PCI Bus 0000:00\n"
    "  fe000000-fe00ffff : 0000:00:03.0\n"
    "    fe000000-fe00ffff : e1000\n"
)


@pytest.mark.slow
@pytest.mark.parametrize("got", ["", "EPERM"])
def test_a_dump_becomes_a_tree_once(monkeypatch: pytest.MonkeyPatch, got: str) -> None:
    names = []
    plain = iomem_tree.flags_and_desc

    def counted(name: str, start: int, **options: Any) -> tuple[int, int]:
        names.append(name)
        return plain(name, start, **options)

    monkeypatch.setattr(iomem_tree, "flags_and_desc", counted)
    answer = ask(f"{DUMP}fe100000-fe100fff : {got} once\n", address="0xfe000000", got=got)
    assert "e1000" in answer["text"]
    assert names.count("e1000") == 1


@pytest.mark.slow
def test_the_map_leaves_the_shared_tree_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "MOST", 3)
    paste = f"{DUMP}fe100000-fe100fff : y\n"
    first, second = (ask(paste, address="0xfe000000") for _ in range(2))
    assert first == second
    assert first["map"]["note"].startswith("2 resources")
    assert "resource: e1000" in second["text"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("EPERM", True),
        ("mmap: Operation not permitted", True),
        ("EPERM at 0xfe000000", False),
        ('mmap("/dev/mem", 4096, PROT_READ, MAP_SHARED, 3, 0xfe000000) = -1 EPERM', False),
    ],
)
def test_a_message_without_a_place_is_about_the_place_that_is_chosen(
    message: str, kept: bool
) -> None:
    answer = ask(f"{message}\n{DUMP}", address="0xfe100000")
    assert ("at 0xfe100000 through /dev/mem gave EPERM" in answer["text"]) is kept, answer["text"]
