"""What all explorers share: a step slider that every page can follow."""

from __future__ import annotations

from itertools import product
from typing import Any

import ipywidgets as w
import pytest

from devmemkit.widgets.explorer import place


class Told(w.IntSlider):
    """A slider that keeps what a page is told, message for message."""

    def __init__(self, value: int, last: int) -> None:
        super().__init__(value=value, min=0, max=last)
        self.messages: list[dict[str, Any]] = []

    def send_state(self, key: Any = None) -> None:
        if hasattr(self, "messages"):
            self.messages.append(self.get_state(key))


@pytest.mark.parametrize("before", [(0, 0), (3, 11), (11, 11)])
@pytest.mark.parametrize("after", [(0, 0), (2, 5), (5, 5), (4, 11), (13, 13), (12, 20)])
def test_a_page_that_bounds_a_value_by_the_last_step_it_knows_ends_where_the_slider_is(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    slider = Told(*before)
    place(slider, *after)
    assert (slider.value, slider.max) == after
    for orders in product((list, reversed), repeat=len(slider.messages)):
        value, last = before
        for message, order in zip(slider.messages, orders, strict=True):
            for name in order(list(message)):
                value = min(message[name] if name == "value" else value, last)
                last = message[name] if name == "max" else last
                value = min(value, last)
        assert (value, last) == after
