"""What `import devmemkit` promises: its names, their examples, and what the import costs."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import devmemkit as dk
from devmemkit.explore.policy_matrix import table_rows
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.machines import data_dir
from devmemkit.widgets.story import TakeoverExplorer

ROOT = Path(__file__).parents[1]


@pytest.fixture
def _registry() -> Iterator[None]:
    """The policies as they were, without those of a test."""
    kept = dict(POLICIES.known)
    yield
    POLICIES.known = kept


def fresh(code: str) -> object:
    """What `code` prints as JSON in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_every_name_is_there_and_has_an_example() -> None:
    for name in dk.__all__:
        public = getattr(dk, name)
        assert callable(public), name
        assert ">>>" in (public.__doc__ or ""), f"{name} has no example"
    assert set(dk.__all__) <= set(dir(dk))
    with pytest.raises(AttributeError, match=r"^module 'devmemkit' has no attribute 'exlpore'$"):
        dk.exlpore  # noqa: B018


def test_the_names_for_type_checkers_are_those_for_everybody() -> None:
    tree = ast.parse((ROOT / "devmemkit" / "__init__.py").read_text(encoding="utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(typed.body)
    there = {(one.asname or one.name): (node.module, one.name)
             for node in imports for one in node.names}  # fmt: skip
    assert there.keys() == set(dk.__all__)
    for name, (module, original) in there.items():
        if name not in ("explore", "explain"):
            code = f"import devmemkit as dk, {module} as m\nassert dk.{name} is m.{original}"
            exec(code, {})
    assert sorted(name for names in dk._HOMES.values() for name in names) == sorted(dk.__all__)


def test_the_import_loads_nothing_that_is_not_asked_for() -> None:
    code = "import json, sys; import devmemkit; print(json.dumps(sorted(sys.modules)))"
    loaded = fresh(code)
    assert isinstance(loaded, list)
    assert [name for name in loaded if name.startswith("devmemkit")] == ["devmemkit"]
    code = """
import json, sys, devmemkit as dk
dk.explore("mmap-vs-claim", kernel="5.8"); dk.Takeover().after("claim").figure()
dk.explain(dk.load_machine("qemu-6.12"), address=0x1000)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    loaded = fresh(code)
    assert isinstance(loaded, list)
    heavy = {"numpy", "bokeh", "ipywidgets", "IPython", "anywidget", "jupyter_client"}
    assert not heavy & set(loaded), "the public functions need the standard library only"


@pytest.mark.parametrize("first", ["devmemkit.explore.check", "devmemkit.explain.answer", "json"])
def test_a_package_that_is_loaded_can_be_called_all_the_same(first: str) -> None:
    code = f"""
import json, {first}, devmemkit as dk
import devmemkit.explore.search as search
found = dk.explore("early-claim", kernel="6.12").verdict
outcome = dk.explain(dk.load_machine("qemu-6.12"), address=0xfebc0000).outcome
print(json.dumps([found, outcome, search.__name__]))
"""
    assert fresh(code) == ["not-found", "EPERM", "devmemkit.explore.search"]


def test_the_signature_of_a_package_is_that_of_its_function() -> None:
    assert list(inspect.signature(dk.explore).parameters)[:2] == ["name", "kernel"]
    assert list(inspect.signature(dk.explain).parameters)[:2] == ["machine", "address"]


KERNEL_DEVELOPER = """
import devmemkit as dk

@dk.register_policy
class Mine(dk.RevokeAll):
    after_insert = ("both_ends", "notify", "zap_begin", "zap")

print(dk.explore("mmap-vs-claim", kernel="7.3", policy="Mine").counterexample)
"""
TEACHER = """
import devmemkit as dk

story = dk.Takeover(kernel="6.12", claim_offset=0x1800, claim_size=0x1000)
print(story.outcome("load_after"))
story.after("claim").figure()
"""
TOOL_AUTHOR = """
import devmemkit as dk

answer = dk.explain(dk.load_machine("snapshot/"), address=0xfebc0000, op="mmap")
print(answer.outcome, answer.page, answer.deciding_check.function,
      [step.do for step in answer.advice])
"""


@pytest.mark.usefixtures("_registry")
def test_a_kernel_developer_tries_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    exec(KERNEL_DEVELOPER, {})
    line = capsys.readouterr().out
    assert "C0:insert C0:both_ends C0:notify C0:zap_begin C0:zap" in line
    assert line.index("C0:zap ") < line.index("U0:vma_link_file")
    assert "Mine" in table_rows()
    offered = TakeoverExplorer(dk.Takeover(kernel="7.3", policy="Mine")).policy.options
    assert "Mine" in offered, "the explorers offer it"
    cells = list(dk.policy_matrix(kernel="7.3", rows=("Mine",)))
    answers = {cell.question: cell.answer for cell in cells}
    assert answers["page lost without notice"] == "yes"  # the notice is too early for an mmap
    assert "an event to processes" in answers["claim depends on"]
    assert "a timer" not in answers["claim depends on"]


def test_a_teacher_shows_a_takeover(capsys: pytest.CaptureFixture[str]) -> None:
    exec(TEACHER, {})
    assert capsys.readouterr().out == "SIGBUS, BUS_ADRERR\n"


def test_the_author_of_a_tool_asks_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data_dir() / "machines" / "qemu-6.12" / "bound", tmp_path / "snapshot")
    monkeypatch.chdir(tmp_path)
    exec(TOOL_AUTHOR, {})
    told = capsys.readouterr().out
    assert told.startswith("EPERM 1043392 range_is_allowed ['use the interface of e1000, which")


def test_a_story_says_which_calls_it_has() -> None:
    story = dk.Takeover(kernel="6.12")
    assert story.outcomes()["claim"] == "claimed"
    assert isinstance(story.on("5.10"), dk.Takeover)
    for ask in (story.outcome, story.after, story.steps):
        with pytest.raises(ValueError, match=r"^call: expected one of open, map, .*; got 'clam'$"):
            ask("clam")


def test_figures_are_saved_as_svg_and_displayed_by_notebooks(tmp_path: Path) -> None:
    figure = dk.BarStory(kernel="6.12").after("claim").figure()
    figure.save(tmp_path / "claim.svg")
    assert (tmp_path / "claim.svg").read_text(encoding="utf-8") == figure.svg
    assert figure._repr_svg_().startswith("<svg")
    assert "claimed by driver" in figure.alt


def test_a_kernel_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^kernel: expected one of 4\.4, .*; got '6\.13'$"):
        dk.explore("mmap-vs-claim", kernel="6.13")
    with pytest.raises(ValueError, match=r"^race: expected one of mmap-vs-claim, "):
        dk.explore("mmap-vs-clam")
    with pytest.raises(ValueError, match=r"expected a machine \(qemu-"):
        dk.load_machine("qemu-6.13")


def test_the_reference_has_every_public_name() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\.\. auto\w+:: devmemkit\.(\w+)$", page, re.M)
    called = re.findall(r"^\.\. auto\w+:: devmemkit\.(explore|explain)\.public\.\1$", page, re.M)
    assert sorted([*documented, *called]) == sorted(dk.__all__)
