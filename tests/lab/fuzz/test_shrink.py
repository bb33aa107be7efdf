"""Shrinking: the smallest sequence that still shows it, judged by a fake kernel."""

from __future__ import annotations

import pytest

from devmemkit.lab.fuzz.shrink import Acts, shrink
from devmemkit.scenarios.play import Act, Ref, without

ACTS = (
    Act("open", "P", "open_devmem", {"pid": "P", "dsync": True}),
    Act("map", "P", "mmap_devmem", {"pid": "P", "fd": Ref("open"), "offset": 0x40012000,
                                    "length": 0x5FFF, "shared": True}),
    Act("fork", "P", "fork", {"pid": "P", "child": "C"}),
    Act("child", "C", "store", {"pid": "C", "address": Ref("map", 0x1064), "size": 4,
                                "value": 0xDEAD}, needs="fork"),
    Act("claim", "D", "request_mem_region", {"start": 0x40012804, "size": 0x1F00}),
    Act("mapped", "D", "ioremap", {"start": 0x40012804, "size": 0x1F00}, needs="claim"),
    *(Act(f"n{n}", "Q", "load", {"pid": "Q", "address": 0x1000 * n}) for n in range(20)),
    Act("load", "P", "load", {"pid": "P", "address": Ref("map", 0x1064), "size": 8}),
    Act("write", "P", "write_devmem", {"pid": "P", "fd": Ref("open"), "data": b"0123456789"}),
)  # fmt: skip


def operations(acts: Acts) -> list[str]:
    return [act.operation for act in acts]


def test_what_is_left_out_takes_along_what_needs_it() -> None:
    keys = {act.key for act in without(ACTS, {"fork", "claim"})}
    assert keys == {act.key for act in ACTS} - {"fork", "child", "claim", "mapped"}
    assert not {"map", "load", "write", "child"} & {a.key for a in without(ACTS, {"open"})}


def test_the_smallest_sequence_is_found() -> None:
    tried: list[Acts] = []

    def shows(acts: Acts) -> bool:
        tried.append(acts)
        names = operations(acts)
        return "ioremap" in names and "store" in names

    smallest = shrink(ACTS, shows)
    assert [act.key for act in smallest] == ["open", "map", "fork", "child", "claim", "mapped"]
    by_key = {act.key: act for act in smallest}
    assert by_key["map"].arguments["length"] == 1
    assert by_key["map"].arguments["offset"] == 0x40010000
    assert by_key["child"].arguments["address"] == Ref("map", 0)
    assert by_key["child"].arguments["value"] == 1
    assert by_key["claim"].arguments == {"start": 0x40010000, "size": 1}
    assert by_key["mapped"].arguments == by_key["claim"].arguments
    assert len(tried) < 120


def test_numbers_shrink_only_as_far_as_it_shows() -> None:
    def shows(acts: Acts) -> bool:
        return any(act.arguments.get("length", 0) > 0x1000 for act in acts)

    (_, mapped) = shrink(ACTS, shows)
    assert mapped.arguments["length"] == 0x2000


def test_every_candidate_is_well_formed() -> None:
    def shows(acts: Acts) -> bool:
        keys: set[str] = set()
        for act in acts:
            assert {v.key for v in act.arguments.values() if isinstance(v, Ref)} <= keys
            assert not act.needs or act.needs in keys
            keys.add(act.key)
        return "write_devmem" in operations(acts)

    smallest = shrink(ACTS, shows)
    assert operations(smallest) == ["open_devmem", "write_devmem"]
    assert smallest[1].arguments["data"] == b"0"


def test_acts_that_show_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 28 that show it"):
        shrink(ACTS, lambda acts: False)
