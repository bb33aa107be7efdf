"""What every explorer shares: labelled controls, a step slider with buttons, panes, one status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import image
from devmemkit.figures.svg import stacked

WIDE = {"description_width": "7rem"}


def dropdown(label: str, options: list[str], value: str) -> w.Dropdown:
    """A choice among names."""
    return w.Dropdown(description=label, options=options, value=value, style=WIDE)


class StepSlider(w.IntSlider):
    """A slider over a story's moments, for stories of different lengths.

    A page goes by the order of the names in a message, and takes a value beyond the last step that
    it knows by then as that step, for good. So the value comes last.
    """

    def __init__(self) -> None:
        layout = w.Layout(flex="1 1 240px")
        super().__init__(description="step", min=0, max=0, style=WIDE, layout=layout)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        state = super().get_state(key, drop_defaults)
        return {name: state[name] for name in sorted(state, key="value".__eq__)}

    def place(self, value: int, last: int) -> None:
        """Give it its value and its last step, in one message."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.max, self.value = last, value


def stepper() -> tuple[StepSlider, w.HBox]:
    """A slider over a story's moments, and a row with buttons for one step back and forward."""
    slider = StepSlider()
    back = w.Button(icon="step-backward", tooltip="one step back", layout=w.Layout(width="3rem"))
    forward = w.Button(
        icon="step-forward", tooltip="one step forward", layout=w.Layout(width="3rem")
    )
    back.on_click(lambda _: setattr(slider, "value", max(slider.min, slider.value - 1)))
    forward.on_click(lambda _: setattr(slider, "value", min(slider.max, slider.value + 1)))
    return slider, w.HBox([slider, back, forward], layout=w.Layout(flex_flow="row wrap"))


class Explorer(w.VBox):
    """A box of controls and panes that shows still pictures where no widget can live.

    Its output is one bundle: the widget, and as images what `pictures` gives, for a page without
    one. `summary` says in words what is shown, the same on every run.
    """

    def __init__(
        self,
        children: list[w.Widget],
        *,
        summary: Callable[[], str],
        pictures: Callable[[], tuple[Picture, ...]],
    ) -> None:
        super().__init__(children)
        self._summary = summary
        self._pictures = pictures

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary()})"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        pictures = self._pictures()
        return {
            **super()._repr_mimebundle_(**options),
            "image/svg+xml": stacked(pictures),
            "text/html": "".join(image(picture) for picture in pictures),
            "text/plain": repr(self),
        }
