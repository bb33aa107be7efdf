"""Recording asks the model whether a guest's memory can be cleared, not the text of its options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings import record
from devmemkit.scenarios.stories.script import Story


@pytest.mark.parametrize(
    ("version", "cmdline", "cleared"),
    [
        ("6.12", "", True),
        ("6.12", "iomem=relaxed", True),
        ("6.12", "lockdown=integrity", False),
        ("6.12", "quiet lockdown=confidentiality", False),
        ("6.12", "lockdown=none", True),
        ("6.12", "xlockdown=integrity", True),
        ("4.4", "lockdown=integrity", True),
    ],
)
def test_memory_is_cleared_unless_the_kernel_is_locked_down(
    monkeypatch: pytest.MonkeyPatch, version: str, cmdline: str, cleared: bool
) -> None:
    resets: list[tuple[object, ...]] = []
    guest = SimpleNamespace(boot_seconds=1.0, reset=lambda *clear: resets.append(clear))

    @contextmanager
    def boot(*_: object, **__: object) -> Iterator[Any]:
        yield guest

    monkeypatch.setattr(record, "boot", boot)
    monkeypatch.setattr(record, "perform", lambda *_: None)
    kernel = cast(Kernel, SimpleNamespace(release=f"{version}.0", version=version))
    played = [Story(key, key, (), cmdline=cmdline) for key in ("a", "b")]
    assert len(list(record.play_stories(kernel, played, lambda _: None))) == 2
    assert resets == [record.to_clear("2g") if cleared else ()] * 2
