"""ramoops: the claim, its own mapping, and what is left when that fails."""

from __future__ import annotations

import pytest

import devmemkit.model.operations  # noqa: F401 - registers every operation
from devmemkit.scenarios.catalogue import on_model, stories

STORIES = {story.name: story for story in stories("ioremap-conflict")}


@pytest.mark.parametrize(
    ("version", "probe", "map_again", "once_more"),
    [  # measured on each
        ("6.12", None, "EPERM", None),
        *((version, "ENOMEM", "EPERM", "EBUSY") for version in ("6.16", "6.17", "6.18", "6.19")),
        *((version, "ENOMEM", None, "ENOMEM") for version in ("7.0", "7.1", "7.2", "7.3")),
    ],
)
def test_a_write_back_mapping_stands_in_the_way(
    version: str, probe: str | None, map_again: str | None, once_more: str | None
) -> None:
    """From 6.16 on, revoked or not."""
    played = on_model(STORIES["writeback"], version).outcomes
    errnos = [played[key].errno for key in ("probe", "map_again", "once_more")]
    assert errnos == [probe, map_again, once_more]
    assert played["load"].signal == "SIGBUS"  # revoked, though the driver got nothing
    assert played["beside"].ok


@pytest.mark.parametrize("version", ["6.12", "6.18", "7.3"])
@pytest.mark.parametrize("name", ["uncached", "writeback-control"])
def test_nothing_else_does(version: str, name: str) -> None:
    played = on_model(STORIES[name], version).outcomes
    assert played["probe"].ok
    assert played["once_more"].ok
