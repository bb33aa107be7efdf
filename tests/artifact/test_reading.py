"""What the site has to read is what is committed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devmemkit.artifact import reading

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_each_notebook_is_a_page_that_leads_back_to_the_start_page(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    for stem in ("00-overview", "05-policies"):
        source = ROOT / "notebooks" / f"{stem}.ipynb"
        (tmp_path / "notebooks" / source.name).write_bytes(source.read_bytes())
    found = reading.notebooks(tmp_path)
    assert list(found) == ["00-overview", "05-policies"]
    for stem, one in found.items():
        html = one.content.decode()
        assert f"<title>{one.title}</title>" in html
        assert '<a href="../index.html#read">' in html
        assert re.search(r"<svg\b|data:image/svg", html)
        taken = re.findall(rf'href="figures/{stem}/([^"]*)"', html)
        assert taken == list(one.figures)
        assert all(svg.startswith(b"<svg") for svg in one.figures.values())


@pytest.mark.slow
def test_documentation_that_cannot_be_built_is_one_sentence(tmp_path: Path) -> None:
    assert reading.documentation(tmp_path) == {}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text("")
    (tmp_path / "docs" / "index.rst").write_text(":doc:`no_such`\n")
    with pytest.raises(RuntimeError, match=r"^sphinx: expected the documentation, got: .*no_such"):
        reading.documentation(tmp_path)
