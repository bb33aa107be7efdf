"""The pages of notebooks on paper."""

from pathlib import Path

import nbformat
import pytest

from devmemkit.artifact import export

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("0*.ipynb"))
WIDTH = 658  # A4 without its margins, in CSS pixels

# What begins or ends beyond the edge of the paper, by its text.
BEYOND = """(width) => [...document.querySelectorAll("th, td, pre, p, li")]
  .filter((one) => { const box = one.getBoundingClientRect();
                     return box.width && (box.right > width + 1 || box.left < -1); })
  .map((one) => one.textContent.trim().slice(0, 60))"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_lies_beyond_the_edge_of_the_paper(browser, path, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(export.page(nbformat.read(path, 4), path.stem), encoding="utf-8")
    page = browser.new_page(viewport={"width": WIDTH, "height": 980})
    page.emulate_media(media="print")
    page.goto(file.as_uri())
    try:
        assert page.evaluate(BEYOND, WIDTH) == []
    finally:
        page.close()
