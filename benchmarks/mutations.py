"""Small changes of Python sources, one expression or statement each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

ERRNOS = ("EINVAL", "EBUSY", "EPERM", "ENODEV", "EFAULT", "ENOMEM", "EIO")
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


class Mutations:
    """Every mutation of a module's source, each as (kind, node that is replaced, its new text).

    Swapped comparisons and operators, numbers one more or less, truth values, `not` left out, other
    errnos, `return None`, statements left out, conditions negated, break for continue, neighbours
    exchanged in an operation's steps, and rows of the feature table left out or moved by a version.
    Annotations, docstrings and messages stay.
    """

    def __init__(self, module: str, text: str) -> None:
        self.module = module
        self.tree = ast.parse(text)
        self.versions: list[str] = []
        if module.endswith("model/features.py"):
            (table,) = (n for n in self.tree.body if "VERSIONS" in ast.unparse(n)[:10])
            self.versions = [key.value for key in table.value.keys]  # type: ignore[attr-defined]

    def all(self) -> Iterator[tuple[str, ast.AST, str]]:
        yield from self._below(self.tree, top=True)

    def _below(self, node: ast.AST, *, top: bool = False) -> Iterator[tuple[str, ast.AST, str]]:
        if isinstance(node, ast.JoinedStr | ast.AnnAssign) and not getattr(node, "value", None):
            return  # the places of what is inside an f-string are not known
        if top and isinstance(node, ast.Assign) and self._is_alias(node):
            return
        yield from self._of(node)
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            for one in child if isinstance(child, list) else [child]:
                if isinstance(one, ast.AST) and not isinstance(one, ast.JoinedStr):
                    yield from self._below(one, top=isinstance(node, ast.Module))

    def _is_alias(self, node: ast.Assign) -> bool:
        """A name for a type, which is never looked at."""
        return (
            isinstance(node.value, ast.BinOp | ast.Subscript)
            and not ast.unparse(node.targets[0]).strip("_").isupper()
        )

    def _of(self, node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
        match node:
            case ast.Compare(left, ops, values):
                for at, op in enumerate(ops):
                    swapped = [*ops[:at], SWAPS[type(op)](), *ops[at + 1 :]]
                    yield "comparison", node, ast.unparse(ast.Compare(left, swapped, values))
            case ast.BoolOp(op, values):
                yield "and, or", node, f"({ast.unparse(ast.BoolOp(SWAPS[type(op)](), values))})"
            case ast.BinOp(left, op, right) if type(op) in SWAPS:
                yield (
                    "operator",
                    node,
                    f"({ast.unparse(ast.BinOp(left, SWAPS[type(op)](), right))})",
                )
            case ast.UnaryOp(ast.Not(), operand):
                yield "not", node, f"({ast.unparse(operand)})"
            case ast.Constant(bool(value)):
                yield "truth", node, str(not value)
            case ast.Constant(int(value)):
                yield "number", node, f"({value + 1})"
                yield "number", node, f"({value - 1})"
            case ast.Constant(str(value)) if value in ERRNOS:
                yield "errno", node, repr(ERRNOS[ERRNOS.index(value) - 1])
            case ast.Return(value) if value is not None and ast.unparse(value) != "None":
                yield "return", node, "return None"
            case ast.If(test, _, _):
                yield "condition", test, f"not ({ast.unparse(test)})"
            case (
                ast.Expr(ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Raise() | ast.AugAssign()
            ):
                yield "statement", node, "pass"
            case ast.Assign([ast.Subscript() | ast.Attribute()]):
                yield "statement", node, "pass"
            case ast.Break():
                yield "loop", node, "continue"
            case ast.Continue():
                yield "loop", node, "break"
            case ast.Tuple(elts) if self._are_steps(elts):
                for at in range(len(elts) - 1):
                    other = [*elts[:at], elts[at + 1], elts[at], *elts[at + 2 :]]
                    yield "order", node, ast.unparse(ast.Tuple(other, ast.Load()))
            case ast.Call(ast.Name("operation"), args, keywords):
                steps = [at for at, one in enumerate(args) if isinstance(one, ast.Name)]
                for at, after in pairwise(steps):
                    other = args.copy()
                    other[at], other[after] = args[after], args[at]
                    yield "order", node, ast.unparse(ast.Call(node.func, other, keywords))
            case ast.Call(ast.Name("Row"), [feature, ast.Constant(str(since)), *more]) if (
                self.versions and since != "0"
            ):
                for other in self._neighbours(since):
                    row = ast.Call(node.func, [feature, ast.Constant(other), *more], [])
                    yield "row", node, ast.unparse(row)
                yield (
                    "row",
                    node,
                    ast.unparse(ast.Call(node.func, [feature, ast.Constant("99"), *more], [])),
                )

    def _are_steps(self, elts: list[ast.expr]) -> bool:
        names = [one.id for one in elts if isinstance(one, ast.Name)]
        texts = [one.value for one in elts if isinstance(one, ast.Constant)]
        is_policy = self.module.endswith("policy.py") and len(texts) == len(elts)
        functions = {n.name for n in self.tree.body if isinstance(n, ast.FunctionDef)}
        return len(elts) > 1 and (
            is_policy or (len(names) == len(elts) and set(names) <= functions)
        )

    def _neighbours(self, since: str) -> list[str]:
        """The versions to whose side a row can move so that one of VERSIONS changes its rules."""
        order = sorted({*self.versions, since}, key=lambda v: [int(n) for n in v.split(".")])
        older = [one for one in order[: order.index(since)] if one in self.versions]
        newer = [one for one in order[order.index(since) :] if one in self.versions]
        return [*older[-1:], *newer[1:2]]
