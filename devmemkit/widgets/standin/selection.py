"""Choices among options: from a list, on a line, of two ends on a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from devmemkit.widgets.standin.widget import Described


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
        return None if self.index is None else self.at(self.index)

    @value.setter
    def value(self, value: Any) -> None:
        self.index = self.index_of(value)

    def at(self, index: Any) -> Any:
        """The value of the option with that index."""
        return self.values[index]

    def index_of(self, value: Any) -> Any:
        """The place of a value; ValueError for one that no option has."""
        if value not in self.values:
            raise ValueError(f"{self.description}: expected one of {self.values}, got {value!r}")
        return self.values.index(value)

    def checked(self, name: str, value: Any) -> Any:
        return tuple(value) if name == "options" else value

    def __setattr__(self, name: str, value: Any) -> None:
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

    def at(self, index: Any) -> Any:
        return tuple(super(SelectionRangeSlider, self).at(one) for one in index)

    def index_of(self, value: Any) -> Any:
        low, high = (super(SelectionRangeSlider, self).index_of(one) for one in value)
        return low, high

    def checked(self, name: str, value: Any) -> Any:
        if name == "index" and value is not None:
            return tuple(value)
        return super().checked(name, value)

    def first(self) -> Any:
        return (0, 0) if self.options else None
