"""Kernel releases, and the kernels of the model whose rules they may follow."""

from __future__ import annotations

import pytest

from devmemkit.model.kernel import VERSIONS
from devmemkit.text import TextError
from devmemkit.text.release import candidates, parse_release


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("6.8.0-45-generic", (6, 8)),
        ("7.3.0-rc2+", (7, 3)),
        ("Linux version 5.10.0-30-amd64 (debian-kernel@lists.debian.org)", (5, 10)),
        ("4.4", (4, 4)),
    ],
)
def test_releases(text: str, release: tuple[int, int]) -> None:
    assert parse_release(text) == release


@pytest.mark.parametrize("text", ["", "new", "6", "\x1b[2J6.1"])
def test_no_release(text: str) -> None:
    with pytest.raises(TextError, match="expected a kernel release such as") as caught:
        parse_release(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_kernel_that_the_model_has_is_itself(version: str) -> None:
    assert candidates(parse_release(version)) == (version,)


def test_a_kernel_between_two_may_be_either() -> None:
    assert candidates((5, 13)) == ("5.12", "5.15")
    assert candidates((3, 2)) == (next(iter(VERSIONS)),)
    assert candidates((99, 0)) == (list(VERSIONS)[-1],)
