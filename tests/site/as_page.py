"""A plugin of pytest: there is no ipywidgets, as in the page's Python."""

import sys

sys.modules["ipywidgets"] = None  # type: ignore[assignment]
