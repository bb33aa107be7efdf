"""The feature table and the code that asks it: neither has a value that the other does not know."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

import devmemkit
from devmemkit.model.features import FEATURES, values_of
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.mm.populate import ORDERS
from devmemkit.model.policy import ClaimStep, FileKind, Policy
from devmemkit.model.resource.revoke import STEPS

PACKAGE = Path(devmemkit.__file__).parent
FOLDERS = (PACKAGE, PACKAGE.parent / "benchmarks", PACKAGE.parent / "tests")
NAMES = tuple(dict.fromkeys(row.feature for row in FEATURES))


class Question(NamedTuple):
    """`kernel["feature"]` in a source file, and the syntax right around it."""

    where: str
    feature: str
    node: ast.Subscript
    around: ast.AST

    @property
    def decides(self) -> bool:
        """Whether the answer is taken for true or false."""
        if isinstance(self.around, ast.BoolOp):
            return self.node is not self.around.values[-1]
        return self.node is getattr(self.around, "test", None) or isinstance(
            self.around, ast.UnaryOp
        )

    @property
    def compared_with(self) -> tuple[Any, ...]:
        """The literals that a comparison holds the answer against."""
        if not isinstance(self.around, ast.Compare):
            return ()
        sides = (self.around.left, *self.around.comparators)
        parts = [part for side in sides if not _asks(side) for part in ast.walk(side)]
        return tuple(part.value for part in parts if isinstance(part, ast.Constant))


def _asks(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
        return False
    asked = node.value.attr if isinstance(node.value, ast.Attribute) else node.value
    return asked == "kernel" or (isinstance(asked, ast.Name) and asked.id == "kernel")


def questions_in(source: str, name: str) -> Iterator[Question]:
    """Every question of a source text, in no particular order."""
    for around in ast.walk(ast.parse(source)):
        for node in ast.iter_child_nodes(around):
            if isinstance(node, ast.Subscript) and _asks(node):
                assert isinstance(node.slice, ast.Constant)
                yield Question(f"{name}:{node.lineno}", str(node.slice.value), node, around)


@cache
def all_questions() -> list[Question]:
    """Every question of the package, the benchmarks and the tests."""
    return [
        question
        for folder in FOLDERS
        for path in sorted(folder.rglob("*.py"))
        for question in questions_in(
            path.read_text("utf-8").replace('self["', 'kernel["'),  # KernelProfile asks itself
            str(path.relative_to(PACKAGE.parent)),
        )
    ]


def wrong(question: Question) -> str:
    """What is wrong with a question, "" for nothing."""
    if question.feature not in NAMES:
        return "no such feature"
    if isinstance(question.around, ast.Attribute | ast.Assign | ast.NamedExpr):
        return "asked away from where it is compared"
    values = values_of(question.feature)
    unknown = [one for one in question.compared_with if not _known(one, values)]
    if unknown:
        return f"no row has {unknown[0]!r}"
    if question.decides and not all(isinstance(value, bool) for value in values):
        return "true for every row"
    return ""


def _known(value: Any, values: tuple[Any, ...]) -> bool:
    return any(type(value) is type(one) and value == one for one in values)


def test_no_question_names_a_feature_or_a_value_that_no_row_has() -> None:
    found = {f"{one.where}: {one.feature}: {why}" for one in all_questions() if (why := wrong(one))}
    assert not found
    assert len(all_questions()) > len(NAMES)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('m.kernel["muxed_sleep"] == "bogus"', "no row has 'bogus'"),
        ('kernel["populate"] in ("unknown", "inorder")', "no row has 'inorder'"),
        ('kernel["pat_check"] == ("with" if s else "without STRICT_DEVMEM")', "no row has 'with'"),
        ('kernel["typo"]', "no such feature"),
        ('order = m.kernel["mremap_checks"]', "asked away from where it is compared"),
        ('kernel["mremap_checks"].endswith("target")', "asked away from where it is compared"),
        ('1 if kernel["zap_lock"] else 2', "true for every row"),
        ('kernel["lockdown"] == 1', "no row has 1"),
        ('kernel["low_ram"] and x', "true for every row"),
        ('1 if kernel["lockdown"] else 2', ""),
        ('name or kernel["policy"]', ""),
        ('m.kernel["zap_lock"] == "write"', ""),
    ],
)
def test_what_is_wrong_is_found(source: str, why: str) -> None:
    (question,) = questions_in(source, "here")
    assert wrong(question) == why


SPARE = {
    ("attribute_mapping", "own"): "the policy says the same: its inode is not for BARs",
}
"""Values that nothing asks for, each with the reason."""


def test_every_row_is_asked_for() -> None:
    """Each feature is asked for, and each value used, compared, or the only one left over."""
    asked: dict[str, list[Question]] = defaultdict(list)
    for question in all_questions():
        if not question.where.startswith("tests") or question.feature == "iores_levels":
            asked[question.feature].append(question)  # /proc/iomem is only rendered in tests
    assert asked.keys() == set(NAMES)
    for feature, questions in asked.items():
        compared = {value for question in questions for value in question.compared_with}
        is_used = any(not (one.compared_with or one.decides) for one in questions)
        left = [v for v in values_of(feature) if v not in compared and (feature, v) not in SPARE]
        assert len(left) <= 1 or is_used or not compared, feature


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (
            (("muxed_sleep", "bogus"),),
            r"^features: expected muxed_sleep to be 'after unlock' or 'before unlock', got 'bogus'",
        ),
        ((("lockdown", 1),), r"^features: expected lockdown to be False or True, got 1$"),
        ((("lockdown", []),), r"got \[\]$"),
        ((("policy", "Deny"),), r"expected policy to be 'NoProtection', .* or 'RevokeAll', got"),
        ((("typo", True),), r"^features: expected one of policy, .*; got 'typo'$"),
        ((("lockdown", True), ("lockdown", False)), "^features: expected lockdown once, got it tw"),
    ],
)
def test_a_profile_refuses_what_no_row_has(features: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        KernelProfile("6.12", features=features)


@pytest.mark.parametrize("row", FEATURES)
def test_a_profile_takes_every_row(row: Any) -> None:
    assert KernelProfile("6.12", features=((row.feature, row.value),))[row.feature] == row.value


def test_a_configuration_is_of_yes_and_no() -> None:
    with pytest.raises(ValueError, match=r"^config: expected strict_devmem True or False, got 'n'"):
        Config(strict_devmem="n")  # type: ignore[arg-type]


def test_the_names_of_a_policy_are_checked_where_it_is_written() -> None:
    """The steps behind an insertion are those of revoke.STEPS, and no others."""
    assert set(get_args(ClaimStep)) == STEPS.keys()
    with pytest.raises(ValueError, match=r"^Typo.after_insert: expected one of .*; got 'zapp'$"):
        type("Typo", (Policy,), {"after_insert": ("both_ends", "zapp")})
    with pytest.raises(ValueError, match=r"^Typo.one_inode: expected one of mem, .*; got 'pci'$"):
        type("Typo", (Policy,), {"one_inode": frozenset({"mem", "pci"})})
    assert get_args(FileKind) == ("mem", "resource", "proc")


def test_the_orders_of_an_mmap_are_those_of_the_table() -> None:
    assert set(ORDERS) == set(values_of("devmem_mmap"))
