"""The committed notebooks: executed anew, their outputs compared for real, and their shape."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import comment_markers, get_sanitize_patterns, metadata_tags

from devmemkit.artifact import notebook
from devmemkit.artifact.execute import execute
from devmemkit.figures.text import VALUES
from tests.notebook import Cells
from tests.slow import slow_where

ROOT = Path(__file__).parents[1]
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


PYTEST = "import sys; sys.modules['rfc3987_syntax'] = None; import pytest; sys.exit(pytest.main())"
"""pytest without the grammar for URLs, as in conftest.py."""


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def sanitized(text: str) -> str:
    for regex, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(regex, replacement, text)
    return text


def nbval(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval on notebooks in a process of its own, in this environment, without other plugins.

    Each notebook has a kernel of its own.
    """
    command = [sys.executable, "-c", PYTEST, "-c", str(ROOT / "pyproject.toml")]
    command += ["--rootdir", str(ROOT), "-o", "addopts=", "-p", "no:cacheprovider", "--color=no"]
    command += ["-p", "nbval.plugin"]
    command += ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE)]
    command += ["--nbval-cell-timeout", "120", "-v", *map(str, paths)]
    env = os.environ | {
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=3600, check=False
    )


FIRST = "01-driver-takeover"
"""The notebook that is run where there is no time for all."""
SETS = tomllib.loads((ROOT / "notebooks" / "sets.toml").read_text("utf-8"))
"""What `devmemkit reproduce` runs: the last set of each is what no kernel does, or other data."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_cell_runs_with_the_last_set(name: str) -> None:
    Cells(name).runs(SETS[name][-1])


@pytest.mark.slow
def test_papermill_gives_parameters(tmp_path: Path) -> None:
    assert SETS.keys() == {path.stem for path in NOTEBOOKS} - {"paper"}
    given = SETS[FIRST][-1]
    output = tmp_path / "ran.ipynb"
    execute(ROOT / "notebooks" / f"{FIRST}.ipynb", output, given)
    ran = read(output)
    [cell] = [cell for cell in ran["cells"] if "injected-parameters" in tags(cell)]
    for parameter, value in given.items():
        assert f"{parameter} = {json.dumps(value)}" in joined(cell["source"])
    assert all(cell["execution_count"] for cell in code_cells(ran))


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS, f"expected at least one notebook in {ROOT / 'notebooks'}, got none"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_items_of_a_list_run_together(path: Path) -> None:
    texts = [
        "".join(one["source"]) for one in read(path)["cells"] if one["cell_type"] == "markdown"
    ]
    assert [
        line for text in texts for line in text.splitlines() if re.search(r"\S \*( |$)", line)
    ] == []


@pytest.mark.parametrize(
    "path",
    slow_where(lambda path: path.stem != FIRST, NOTEBOOKS),
    ids=lambda path: f"nbval of {path.stem}",
)
def test_outputs_are_what_the_cells_print_today(path: Path) -> None:
    compared = nbval(path)
    cell = rf"^notebooks/{re.escape(path.stem)}::ipynb::Cell (\d+) (\w+)"
    told = re.findall(cell, compared.stdout, re.MULTILINE)
    wanted = [(str(at), "PASSED") for at, _ in enumerate(code_cells(read(path)))]
    assert told == wanted, compared.stdout + compared.stderr
    assert compared.returncode == 0, compared.stdout + compared.stderr


def numbered_texts(cell: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Where a cell's outputs hold compared text with a digit: (container, key)."""
    found = []
    for output in cell["outputs"]:
        container = output if output["output_type"] == "stream" else output.get("data", {})
        for key in ("text", "text/plain", "image/svg+xml"):
            if key in container and re.search(r"\d", sanitized(joined(container[key]))):
                found.append((container, key))
    return found


@pytest.mark.skipif(not NOTEBOOKS, reason="test_there_are_notebooks fails for this already")
def test_one_altered_number_fails(tmp_path: Path) -> None:
    source = min(NOTEBOOKS, key=lambda path: len(code_cells(read(path))))
    notebook = read(source)
    number, container, key = next(
        (number, container, key)
        for number, cell in enumerate(code_cells(notebook))
        if not set(tags(cell)) & set(metadata_tags)
        for container, key in numbered_texts(cell)
    )
    before = joined(container[key])
    for place in (match.start() for match in re.finditer(r"\d", before)):
        after = before[:place] + str((int(before[place]) + 1) % 10) + before[place + 1 :]
        if sanitized(after) != sanitized(before):  # not a digit of an identifier
            break
    container[key] = after
    altered = code_cells(notebook)[number]
    notebook["cells"] = notebook["cells"][: notebook["cells"].index(altered) + 1]

    # The copy lies as deep as the original, so that relative paths still lead to the data.
    (tmp_path / "notebooks").mkdir()
    for name in os.listdir(ROOT):
        if name != "notebooks":
            (tmp_path / name).symlink_to(ROOT / name)
    for neighbour in source.parent.iterdir():
        if neighbour.is_file() and neighbour.suffix != ".ipynb":
            shutil.copy(neighbour, tmp_path / "notebooks")
    copy = tmp_path / "notebooks" / source.name
    copy.write_text(json.dumps(notebook), encoding="utf-8")

    run = nbval(copy)
    assert run.returncode == 1, run.stdout + run.stderr
    failed = re.findall(r"^FAILED .*::Cell (\d+)", run.stdout, re.MULTILINE)
    assert failed == [str(number)], run.stdout
    assert "Cell outputs differ" in run.stdout


@each_notebook
def test_shape(path: Path) -> None:
    notebook = read(path)
    cells = notebook["cells"]
    assert path.stat().st_size <= 650_000  # that of eleven kernels is the largest
    assert "widgets" not in notebook["metadata"]
    assert sum("parameters" in tags(cell) for cell in cells) == 1
    assert cells[-1]["cell_type"] == "code"
    steering = set(metadata_tags) - {"nbval-ignore-output"}
    for cell in cells:
        assert not steering & set(tags(cell)), joined(cell["source"])
        assert ("nbval-ignore-output" in tags(cell)) == (cell is cells[-1]), joined(cell["source"])
        assert not any(marker in joined(cell["source"]) for marker in comment_markers)
    assert joined(cells[-1]["source"]).startswith("# Not compared by nbval: ")  # and why


EDITED = tuple(path.stem for path in NOTEBOOKS if path.stem != "paper")
"""Notebooks of the reader's edition."""
each_edited = pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem in EDITED], ids=lambda path: path.stem
)


def shown(cell: dict[str, Any]) -> list[dict[str, str]]:
    """The outputs of a cell by mime type."""
    bundles = [output.get("data", {}) for output in cell["outputs"]]
    return [{mime: joined(text) for mime, text in one.items() if mime != VALUES} for one in bundles]


@each_edited
def test_code_is_folded_but_for_the_parameters(path: Path) -> None:
    for cell in code_cells(read(path)):
        folded = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
        assert folded is ("parameters" not in tags(cell)), joined(cell["source"])


@each_edited
def test_named_values_are_stored_and_not_shown(path: Path) -> None:
    outputs = [out.get("data", {}) for cell in code_cells(read(path)) for out in cell["outputs"]]
    stored = [data.keys() for data in outputs if VALUES in data]
    assert stored
    assert all(keys == {VALUES} for keys in stored)


@each_edited
def test_answers_are_closed_and_so_is_every_picture_beside_them(path: Path) -> None:
    asked = 0
    for cell in code_cells(read(path)):
        outputs = [one for one in shown(cell) if "text/html" in one]
        asked += (predicts := any("<b>Predict:</b>" in one["text/html"] for one in outputs))
        assert not any(re.search("<details[^>]* open", one["text/html"]) for one in outputs)
        if predicts:
            pictures = [one["text/html"] for one in outputs if "image/svg+xml" in one]
            assert all(html.startswith("<details>") for html in pictures), joined(cell["source"])
    assert asked


def imports(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


@each_edited
def test_imports_are_few_and_in_one_cell(path: Path) -> None:
    [found] = filter(
        None, (imports(ast.parse(joined(c["source"]))) for c in code_cells(read(path)))
    )
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in found) <= 8


def test_the_names_for_notebooks_are_those_that_they_use() -> None:
    offered = [name for names in notebook.HOMES.values() for name in names.split()]
    assert len(set(offered)) == len(offered), "a name that two modules have"
    used, imported = set(), set()
    for path in NOTEBOOKS:
        for cell in code_cells(read(path)):
            tree = ast.parse(joined(cell["source"]))
            imported |= {one.name for node in imports(tree) for one in node.names}
            used |= {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute)
                if isinstance(node.value, ast.Name)
                if node.value.id == "nb"
            }
    assert used <= set(offered)
    assert set(offered) <= used | imported, "nobody uses it"
    assert all(hasattr(notebook, name) for name in offered)


@each_notebook
def test_every_cell_was_run_in_order(path: Path) -> None:
    # nbval compares nothing for a cell that has no execution count.
    counts = [cell["execution_count"] for cell in code_cells(read(path)) if cell["source"]]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1d2c5f4e-0a1b-4c3d-8e9f-00112233aabb", "ffffffff-0a1b-4c3d-8e9f-00112233aabb"),
        ("id p1001 of a figure", "id p20417 of a figure"),
        ("model 00112233445566778899aabbccddeeff", "model ff112233445566778899aabbccddeeff"),
        ("<Tool object at 0x7f0012345678>", "<Tool object at 0x7f00deadbeef>"),
    ],
)
def test_identifiers_are_not_compared(one: str, other: str) -> None:
    assert sanitized(one) == sanitized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("page at 0xfe000000, live", "page at 0xfe001000, live"),
        ("0xfe000000-0xfe000fff", "0xfe000000-0xfe001fff"),
        ("fe000000-fe000fff : claimed", "fe000000-fe001fff : claimed"),
        ("step 1001", "step 1002"),
        ("sha256 " + 64 * "a", "sha256 " + 63 * "a" + "b"),
        ("p999", "p998"),
    ],
)
def test_everything_else_is_compared(one: str, other: str) -> None:
    assert sanitized(one) != sanitized(other)
