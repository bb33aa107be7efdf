"""Parameters of which some take seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def slow_where(is_slow: Callable[[Any], bool], values: Iterable[Any]) -> list[Any]:
    """The values as parameters of a test or fixture; it is slow for some of them."""
    return [pytest.param(one, marks=pytest.mark.slow if is_slow(one) else ()) for one in values]
