"""A widget: fields that the page shows, and the observers of each.

As with traitlets, a changed field calls its observers at once, unless notifications are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

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
        vars(self).update(number=next(_numbers), _observers={}, _held=None, **_fields(cls))
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
        if old != new and name in _fields(type(self)):
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
        return {name: getattr(self, name) for name in _fields(type(self))}


def _fields(kind: type) -> dict[str, Any]:
    """The fields of a kind of widget with their defaults, those of its bases first."""
    kinds = (vars(one).get("fields", {}) for one in reversed(kind.__mro__))
    return {name: value for fields in kinds for name, value in fields.items()}


class Described(Widget):
    """A control with a label."""

    fields: ClassVar = {"description": "", "disabled": False}
