"""A plugin of pytest: there is no ipywidgets, as in the page's Python."""

import sys

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Hide ipywidgets before a conftest imports it.

    Not when this is imported, as the search for doctests does.
    """
    sys.modules["ipywidgets"] = None  # type: ignore[assignment]


def pytest_collection_finish() -> None:
    """Fail where the explorers were made of ipywidgets all the same."""
    from devmemkit.widgets import kit, standin

    assert kit.Pane is standin.Pane
