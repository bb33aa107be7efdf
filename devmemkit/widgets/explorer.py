"""What every explorer shares: labelled controls, a step slider with buttons, panes, a summary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import stills
from devmemkit.model.features import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.widgets import kit as w

WIDE = {"description_width": "7rem"}


def dropdown(label: str, options: Iterable[str], value: str) -> w.Dropdown:
    """Make a choice among names."""
    return w.Dropdown(description=label, options=list(options), value=value, style=WIDE)


def kernels(value: str) -> w.Dropdown:
    """Make a choice among the kernels."""
    return dropdown("kernel", VERSIONS, value)


def policies(value: str = AS_RELEASED) -> w.Dropdown:
    """Make a choice among the policies, the kernel's own first."""
    return dropdown("policy", [AS_RELEASED, *POLICIES], value)


def row(*children: w.Widget) -> w.HBox:
    """Put widgets side by side, in several lines where the page is narrow."""
    return w.HBox(list(children), layout=w.Layout(flex_flow="row wrap"))


class StepSlider(w.IntSlider):
    """A slider over steps whose number changes.

    A page acts on the names in a message in their order, and reduces a value beyond the last step
    that it knows by then, for good. So the value comes last.
    """

    def __init__(self) -> None:
        layout = w.Layout(flex="1 1 240px")
        super().__init__(description="step", min=0, max=0, style=WIDE, layout=layout)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        state = super().get_state(key, drop_defaults)
        return {name: state[name] for name in sorted(state, key="value".__eq__)}

    def place(self, value: int, last: int) -> None:
        """Set the value and the last step in one message."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.max, self.value = last, value

    def button(self, icon: str, tooltip: str, by: int) -> w.Button:
        """Make a button that moves the value by a number of steps."""
        button = w.Button(icon=icon, tooltip=tooltip, layout=w.Layout(width="3rem"))
        button.on_click(lambda _: setattr(self, "value", min(max(self.value + by, 0), self.max)))
        return button


class Explorer(w.VBox):
    """A box of controls, a status and panes; `panes` show `pictures()`, in their order.

    A subclass sets its controls, then calls this constructor with the rows of them. As a cell's
    output, an explorer is still pictures where no widget can live.
    """

    def __init__(self, *rows: Iterable[w.Widget]) -> None:
        self._updating = False
        self.update(None)
        self.status = w.HTML(self.sentence())
        self.panes = [w.Pane(picture) for picture in self.pictures()]
        super().__init__(self.arranged([row(*controls) for controls in rows]))
        for control in (control for controls in rows for control in controls):
            control.observe(self._choose, "value")

    def update(self, control: w.Widget | None) -> None:
        """Compute what the controls ask for: at first, and after each choice in a `control`."""

    def arranged(self, rows: list[w.Widget]) -> list[w.Widget]:
        """The children in their order: controls, status, panes."""
        return [*rows, self.status, *self.panes]

    def pictures(self) -> tuple[Picture, ...]:
        """The pictures as they are now; their number never changes."""
        raise NotImplementedError  # each explorer has its own; ipywidgets allow no ABC

    def sentence(self) -> str:
        """The status as HTML."""
        raise NotImplementedError  # each explorer has its own; ipywidgets allow no ABC

    def summary(self) -> str:
        """The choices and their result in words, the same on every run."""
        raise NotImplementedError  # each explorer has its own; ipywidgets allow no ABC

    def _choose(self, change: Any) -> None:
        if self._updating:  # `update` itself sets a control
            return
        self._updating = True
        try:
            self.update(change.owner)
        finally:
            self._updating = False
        self.redraw()

    def redraw(self, _: Any = None) -> None:
        """Draw the pictures anew, and set the status."""
        for pane, picture in zip(self.panes, self.pictures(), strict=True):
            pane.draw(picture)
        self.status.value = self.sentence()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**options)
        return {**bundle, **stills(self.pictures()), "text/plain": repr(self)}


class StepExplorer(Explorer):
    """An explorer of one step, `now`, of 0 to `last`; `update` sets both."""

    now: int
    last: int

    def __init__(self, controls: Iterable[w.Widget], *more: w.Widget) -> None:
        self.step = StepSlider()
        back = self.step.button("step-backward", "one step back", -1)
        forward = self.step.button("step-forward", "one step forward", 1)
        super().__init__(controls, (self.step, back, forward, *more))
        self._place()

    def _choose(self, change: Any) -> None:
        if change.owner is not self.step:
            super()._choose(change)
            self._place()
        elif self.now != self.step.value:
            self.now = int(self.step.value)
            self.redraw()

    def _place(self) -> None:
        # After the pictures: a page takes longer to set a slider's ends than to draw.
        self.step.disabled = not self.last
        self.step.place(self.now, self.last)
