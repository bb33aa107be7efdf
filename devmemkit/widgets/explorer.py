"""What every explorer shares: labelled controls, a step slider with buttons, panes, one status."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

WIDE = {"description_width": "7rem"}


def dropdown(label: str, options: list[str], value: str) -> w.Dropdown:
    """A choice among names."""
    return w.Dropdown(description=label, options=options, value=value, style=WIDE)


def stepper() -> tuple[w.IntSlider, w.HBox]:
    """A slider over a story's moments, and a row with buttons for one step back and forward."""
    slider = w.IntSlider(
        description="step", min=0, max=0, style=WIDE, layout=w.Layout(flex="1 1 240px")
    )
    back = w.Button(icon="step-backward", tooltip="one step back", layout=w.Layout(width="3rem"))
    forward = w.Button(
        icon="step-forward", tooltip="one step forward", layout=w.Layout(width="3rem")
    )
    back.on_click(lambda _: setattr(slider, "value", max(slider.min, slider.value - 1)))
    forward.on_click(lambda _: setattr(slider, "value", min(slider.max, slider.value + 1)))
    return slider, w.HBox([slider, back, forward], layout=w.Layout(flex_flow="row wrap"))


class Explorer(w.VBox):
    """A box of controls and panes whose `repr` says what it shows, the same on every run."""

    def __init__(self, children: list[w.Widget]) -> None:
        super().__init__(children)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def summary(self) -> str:
        """The state in words."""
        raise TypeError(f"{type(self).__name__} has no summary")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        found = super()._repr_mimebundle_(**options)
        if isinstance(found, dict):
            found["text/plain"] = repr(self)
        return found
