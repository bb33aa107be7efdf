"""Explorers in a notebook's page: which of them step, and with which parameters."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from devmemkit.artifact.export import page
from devmemkit.artifact.stepping import given
from devmemkit.widgets.orders import OrderExplorer

DECLARED = '# Change these\nkernel: str = "6.12"\nvia: str = "devmem"\ntasks: int = 1\n'
INJECTED = '# Parameters\nkernel = "5.10"\nvia = "sysfs"\n'


def notebook(summary: str, declared: str = DECLARED) -> Any:
    """A notebook that ran with other parameters and shows an explorer."""
    cells = [nbformat.v4.new_code_cell(source) for source in (declared, INJECTED, "explorer")]
    cells[0].metadata["tags"] = ["parameters"]
    cells[1].metadata["tags"] = ["injected-parameters"]
    data = {"text/html": "<i>a picture</i>", "text/plain": summary}
    cells[2].outputs = [nbformat.v4.new_output("execute_result", data)]
    return nbformat.v4.new_notebook(cells=cells)


def test_what_ran_is_given_where_it_is_not_the_usual() -> None:
    usual = {"kernel": "6.12", "via": "sysfs"}
    assert given(notebook(""), usual) == {"kernel": "5.10", "tasks": 1}


@pytest.mark.slow
def test_an_explorer_of_other_parameters_steps() -> None:
    now, once = (repr(OrderExplorer(kernel, "sysfs")) for kernel in ("5.10", "6.12"))
    for summary in (now, once):
        html = page(notebook(summary), "05-policies")
        steps = summary is now
        assert ('data-explorer="orders"' in html) is steps, "another summary: it stays a picture"
        assert ("script-src 'sha256-" in html) is steps
        assert ("<script" in html) is steps
        assert "<i>a picture</i>" in html


@pytest.mark.parametrize("declared", [DECLARED.replace("1", "len('1')"), "kernel: str ="])
def test_parameters_that_are_no_plain_values_leave_a_picture(declared: str) -> None:
    assert "data-explorer" not in page(notebook("OrderExplorer(x)", declared), "05-policies")
    assert "data-explorer" not in page(notebook("OrderExplorer(x)"), "some-other-notebook")
