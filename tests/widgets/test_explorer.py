"""What all explorers share: a step slider that every page can follow."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.widgets.explorer import StepSlider


class Page:
    """What a page's slider does with messages (`widget_int.ts` of ipywidgets 8.1).

    All values of a message are there before the first of them is acted upon, in their order; the
    handle stays within the range that it has by then.
    """

    def __init__(self, value: int, last: int) -> None:
        self.model = {"value": value, "max": last}
        self.last = last

    def take(self, message: dict[str, Any]) -> None:
        self.model |= message
        for name in message:
            self.last = self.model["max"] if name == "max" else self.last
            self.model["value"] = min(self.model["value"], self.last)


class Told(StepSlider):
    """A slider that tells a page, the names in the worst order that they can come in."""

    page: Page | None = None

    def send_state(self, key: Any = None) -> None:
        if self.page:
            names = [key] if isinstance(key, str) else sorted(key, reverse=True)
            self.page.take(self.get_state(names))


@pytest.mark.parametrize("before", [(0, 0), (3, 11), (11, 11)])
@pytest.mark.parametrize("after", [(0, 0), (2, 5), (5, 5), (4, 11), (13, 13), (12, 20)])
def test_a_page_ends_where_the_slider_is(before: tuple[int, int], after: tuple[int, int]) -> None:
    slider = Told()
    slider.place(*before)
    slider.page = Page(*before)
    slider.place(*after)
    assert (slider.value, slider.max) == after
    assert slider.page.model == {"value": after[0], "max": after[1]}


def test_the_page_loses_a_value_that_comes_before_its_end() -> None:
    """The control: this is what is avoided."""
    page = Page(11, 11)
    page.take({"value": 13, "max": 13})
    assert page.model == {"value": 11, "max": 13}
