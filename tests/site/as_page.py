"""A plugin of pytest: there is no ipywidgets, as in the page's Python."""

import sys


def pytest_configure() -> None:
    """Hide ipywidgets; not when this is imported, as the search for doctests does."""
    sys.modules["ipywidgets"] = None  # type: ignore[assignment]
