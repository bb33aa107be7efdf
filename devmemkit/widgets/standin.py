"""A stand-in for ipywidgets in a web page: the widgets that explorers use, their state as JSON.

As with traitlets, a changed field calls its observers at once, unless notifications are held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from devmemkit.figures.marks import Picture
from devmemkit.figures.show import places
from devmemkit.figures.svg import Canvas, to_svg

CHANGED: dict[int, Widget] = {}
"""The widgets by their numbers whose fields were set since the page looked."""

_numbers = count(1)


class Widget:
    """A widget; `fields` are its fields with their defaults, which the page shows."""

    fields: ClassVar[dict[str, Any]] = {}

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __new__(cls, *_: Any, **__: Any) -> Any:  # observers come before __init__ is called
        self = super().__new__(cls)
        vars(self).update(
            number=next(_numbers),
            _observers={},
            _held=None,
            **{name: value for one in reversed(cls.__mro__) for name, value in _fields(one)},
        )
        return self

    def __init__(self, **given: Any) -> None:
        for name in ("style", "layout"):  # the page's style sheet decides
            given.pop(name, None)
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        new = self.checked(name, value)
        super().__setattr__(name, new)
        if old != new and any(name in one for one in map(dict, map(_fields, type(self).__mro__))):
            CHANGED[self.number] = self
            change = SimpleNamespace(owner=self, name=name, old=old, new=new)
            if self._held is None:
                self.notify(change)
            else:
                self._held.append(change)

    def checked(self, name: str, value: Any) -> Any:
        """The value that a field gets when it is set to this one."""
        return value

    def notify(self, change: Any) -> None:
        """Call the observers of a field."""
        for handler in self._observers.get(change.name, ()):
            handler(change)

    def observe(self, handler: Callable[[Any], Any], names: str) -> None:
        """Call the handler after each change of the field."""
        self._observers.setdefault(names, []).append(handler)

    def set_trait(self, name: str, value: Any) -> None:
        """Set a field."""
        setattr(self, name, value)

    def hold_sync(self) -> AbstractContextManager[None]:
        """The page looks when all is done."""
        return nullcontext()

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Call observers when the block ends."""
        held: list[Any] = []
        vars(self)["_held"] = held
        try:
            yield
        finally:
            vars(self)["_held"] = None
        for change in held:
            self.notify(change)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The fields that the page shows."""
        names = dict.fromkeys(n for one in reversed(type(self).__mro__) for n, _ in _fields(one))
        return {name: getattr(self, name) for name in names}


def _fields(kind: type) -> list[tuple[str, Any]]:
    return list(vars(kind).get("fields", {}).items())


class Layout(SimpleNamespace):
    """Not used: the page's style sheet decides."""


class Box(Widget):
    """Widgets together."""

    def __init__(self, children: Sequence[Widget] = (), **given: Any) -> None:
        super().__init__(**given)
        self.children = tuple(children)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {}


class HBox(Box):
    """Widgets side by side."""


class VBox(Box):
    """Widgets below one another."""


class Described(Widget):
    """A control with a label."""

    fields: ClassVar = {"description": "", "disabled": False}


class HTML(Widget):
    """A piece of HTML; styles in its markup are left out, for the page's policy forbids them."""

    fields: ClassVar = {"value": ""}

    def __init__(self, value: str = "") -> None:
        super().__init__(value=value)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return {"value": re.sub(r' style="[^"]*"', "", self.value)}


class Text(Described):
    """A line of text."""

    fields: ClassVar = {"value": "", "continuous_update": True}

    def __init__(self, value: str = "", **given: Any) -> None:
        super().__init__(value=value, **given)


class Textarea(Text):
    """Several lines of text."""

    fields: ClassVar = {"placeholder": "", "rows": 5}


class Button(Described):
    """A button."""

    fields: ClassVar = {"tooltip": "", "icon": ""}

    def __init__(self, **given: Any) -> None:
        self.handlers: list[Callable[[Button], Any]] = []
        super().__init__(**given)

    def on_click(self, handler: Callable[[Button], Any]) -> None:
        """Call the handler with the button after each click."""
        self.handlers.append(handler)

    def click(self) -> None:
        """Do what a click does."""
        for handler in self.handlers:
            handler(self)


class FileUpload(Described):
    """A choice of files; `value` has a dict of `name` and `content` for each."""

    fields: ClassVar = {"value": ()}

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return {"description": self.description, "disabled": self.disabled}


class Slider(Described):
    """A slider, whose ends are set before its value."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**dict(sorted(given.items(), key=lambda item: item[0] == "value")))


class IntSlider(Slider):
    """A slider over whole numbers; a value beyond its ends is moved to them."""

    fields: ClassVar = {"min": 0, "max": 100, "value": 0}

    def checked(self, name: str, value: Any) -> Any:
        return min(max(value, self.min), self.max) if name == "value" else value

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("min", "max"):
            self.set_trait("value", vars(self)["value"])


class FloatLogSlider(Slider):
    """A slider from 10^min to 10^max; `readout` is the value as it is shown."""

    fields: ClassVar = {"min": 0, "max": 4, "value": 1.0, "step": 0.1, "readout_format": ".3g"}

    def checked(self, name: str, value: Any) -> Any:
        if name != "value":
            return value
        return min(max(float(value), 10.0**self.min), 10.0**self.max)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return super().get_state() | {"readout": format(self.value, self.readout_format)}


class Selection(Described):
    """A choice among options: names, or (name, value) pairs; new options choose the first."""

    fields: ClassVar = {"options": (), "index": None}

    def __init__(self, **given: Any) -> None:
        self.options = given.pop("options", ())
        super().__init__(**given)

    @property
    def values(self) -> list[Any]:
        """The value of each option."""
        return [one[1] if isinstance(one, tuple) else one for one in self.options]

    @property
    def labels(self) -> list[str]:
        """The name of each option."""
        return [str(one[0] if isinstance(one, tuple) else one) for one in self.options]

    @property
    def value(self) -> Any:
        """The value of the chosen option."""
        return None if self.index is None else self.values[self.index]

    @value.setter
    def value(self, value: Any) -> None:
        self.index = self.index_of(value)

    def index_of(self, value: Any) -> Any:
        """The place of a value; ValueError for one that no option has."""
        if value not in self.values:
            raise ValueError(f"{self.description}: expected one of {self.values}, got {value!r}")
        return self.values.index(value)

    def checked(self, name: str, value: Any) -> Any:
        return tuple(value) if name == "options" else value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "value":  # the property: its field is the index
            object.__setattr__(self, name, value)
            return
        if name != "options":
            super().__setattr__(name, value)
            return
        before = self.value
        with self.hold_trait_notifications():
            super().__setattr__(name, value)
            super().__setattr__("index", self.first())
        if self.value != before:
            self.notify(SimpleNamespace(owner=self, name="value", old=before, new=self.value))

    def first(self) -> Any:
        """The index that new options get."""
        return 0 if self.options else None

    def notify(self, change: Any) -> None:
        super().notify(change)
        if change.name == "index" and self._held is None and change.old is not None:
            super().notify(SimpleNamespace(**{**vars(change), "name": "value", "new": self.value}))

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return super().get_state() | {"options": self.labels}


class Dropdown(Selection):
    """A choice from a list."""


class SelectionSlider(Selection):
    """A choice on a line."""


class SelectionRangeSlider(Selection):
    """A choice of two ends on a line; `value` and `index` are pairs."""

    @property
    def value(self) -> Any:
        return None if self.index is None else tuple(self.values[at] for at in self.index)

    @value.setter
    def value(self, value: Any) -> None:
        self.index = self.index_of(value)

    def index_of(self, value: Any) -> Any:
        low, high = (super(SelectionRangeSlider, self).index_of(one) for one in value)
        return low, high

    def checked(self, name: str, value: Any) -> Any:
        if name == "index" and value is not None:
            return tuple(value)
        return super().checked(name, value)

    def first(self) -> Any:
        return (0, 0) if self.options else None


class Pane(Widget):
    """Shows the picture drawn last; `tapped` is the place of the last click in it."""

    fields: ClassVar = {"shown": {}, "tapped": []}

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.draw(picture)

    def draw(self, picture: Picture) -> None:
        """Show this picture instead."""
        self.picture = picture
        self.shown = shown(picture)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return self.shown


def shown(picture: Picture) -> dict[str, Any]:
    """A picture as the page shows it: an SVG, the tips over it, and where its axes run."""
    return {
        "name": picture.name,
        "alt": picture.alt,
        "height": picture.height,
        "min_width": picture.min_width,
        "svg": to_svg(picture, fluid=True),
        "tips": [*places(picture)],
        **Canvas(picture).place,
    }
