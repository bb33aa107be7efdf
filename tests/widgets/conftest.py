"""What the tests of all explorers ask: whether the panes hold the pictures of today."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devmemkit.figures.bokeh_figure import sources
from devmemkit.widgets import standin
from devmemkit.widgets.explorer import Explorer


@pytest.fixture
def in_step() -> Callable[[Explorer], None]:
    """Assert that each pane of an explorer holds the data of its picture, and the status."""

    def check(explorer: Explorer) -> None:
        for pane, picture in zip(explorer.panes, explorer.pictures(), strict=True):
            if isinstance(pane, standin.Pane):
                assert pane.shown == standin.shown(picture)
            else:
                assert pane.state["columns"] == sources(picture)
                assert pane.state["alt"] == picture.alt
        assert explorer.status.value == explorer.sentence()

    return check
