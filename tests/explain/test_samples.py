"""Real dumps from everywhere: each gets its map and its answers, or is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from devmemkit.explain.access import access_of
from devmemkit.explain.answer import as_text
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description, dump_of
from devmemkit.explain.explanation import explain
from devmemkit.figures.text_map import text_map
from devmemkit.text import TextError
from devmemkit.widgets.machine import MachineExplorer
from tests.samples import SAMPLES, needs_samples

pytestmark = needs_samples
DUMPS = sorted((SAMPLES / "iomem").glob("*.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_every_dump_is_explained_and_shown(path: Path) -> None:
    refused = {"zeroed": "expected addresses, got zeroes only", "cxl-window": "got another that di"}
    if reasons := [reason for stem, reason in refused.items() if path.stem.startswith(stem)]:
        with pytest.raises(TextError, match=reasons[0]):
            dump_of(path.read_bytes(), path.name)
        return
    known = Description(iomem=dump_of(path.read_bytes(), path.name), release="6.12.1")
    explorer = MachineExplorer({path.stem: known}, 0, "devmem", "mmap")
    assert len(text_map(explorer.root).splitlines()) > len(explorer.nodes)
    nodes = list(explorer.nodes.values())
    for node in (nodes[0], nodes[len(nodes) // 2], nodes[-1]):
        for op in ("mmap", "read"):
            found = explain(Machines(known), access_of(known, address=node.start, op=op))
            assert found.verdict.checks
            assert as_text(found).replace("\n", "").isprintable()
