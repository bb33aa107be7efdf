"""Small texts about a machine, and which of the model's kernels a release may behave as."""

from __future__ import annotations

import pytest

from devmemkit.explain.facts import (
    candidates,
    config_of,
    parse_address_sizes,
    parse_config,
    parse_lockdown,
    parse_release,
)
from devmemkit.model.kernel import VERSIONS
from devmemkit.text.iomem import DumpError


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
    with pytest.raises(DumpError, match="expected a kernel release such as") as caught:
        parse_release(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_kernel_that_the_model_has_is_itself(version: str) -> None:
    assert candidates(parse_release(version)) == (version,)


def test_a_kernel_between_two_may_be_either() -> None:
    assert candidates((5, 13)) == ("5.12", "5.15")
    assert candidates((3, 2)) == (next(iter(VERSIONS)),)
    assert candidates((99, 0)) == (list(VERSIONS)[-1],)


def test_configurations() -> None:
    text = "CONFIG_X86=y\nCONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"
    options = parse_config(text + "# CONFIG_IO_STRICT_DEVMEM is not set\n")
    assert options["CONFIG_IO_STRICT_DEVMEM"] == "n"
    config = config_of(options)
    assert (config.devmem, config.strict_devmem, config.io_strict_devmem) == (True, True, False)
    alone = config_of(parse_config("CONFIG_IO_STRICT_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"))
    assert (alone.devmem, alone.strict_devmem, alone.io_strict_devmem) == (False, False, False)
    with pytest.raises(DumpError, match="expected lines like CONFIG_STRICT_DEVMEM=y, got 'x'"):
        parse_config("x")


def test_lockdown_and_address_sizes() -> None:
    assert parse_lockdown("none [integrity] confidentiality\n") == "integrity"
    assert parse_lockdown("") == parse_lockdown("[else]") == ""
    line = "address sizes\t: 39 bits physical, 48 bits virtual\n"
    assert parse_address_sizes(f"model name\t: X\n{line}") == 39
    assert parse_address_sizes("address sizes\t: 99 bits physical") is None
