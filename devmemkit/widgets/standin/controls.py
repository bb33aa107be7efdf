"""Controls for texts, clicks, files and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from devmemkit.widgets.standin.widget import Described


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
            super().__setattr__("value", vars(self)["value"])


class FloatLogSlider(Slider):
    """A slider from 10^min to 10^max; `readout` is the value as it is shown."""

    fields: ClassVar = {"min": 0, "max": 4, "value": 1.0, "step": 0.1, "readout_format": ".3g"}

    def checked(self, name: str, value: Any) -> Any:
        if name != "value":
            return value
        return min(max(float(value), 10.0**self.min), 10.0**self.max)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        return super().get_state() | {"readout": format(self.value, self.readout_format)}
