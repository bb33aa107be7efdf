"""Kernel configurations: the options that the model depends on, each off without its parent."""

from __future__ import annotations

import pytest

from devmemkit.text import TextError
from devmemkit.text.config import WHOLE, parse_config, told_of


def test_configurations() -> None:
    text = "CONFIG_X86=y\nCONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"
    options = parse_config(text + "# CONFIG_IO_STRICT_DEVMEM is not set\n")
    assert options["CONFIG_IO_STRICT_DEVMEM"] == "n"
    assert told_of(options) == {"devmem": True, "strict_devmem": True, "io_strict_devmem": False}
    with pytest.raises(TextError, match="expected lines like CONFIG_STRICT_DEVMEM=y, got 'x'"):
        parse_config("x")


def test_what_a_part_does_not_set_is_not_told() -> None:
    part = "CONFIG_STRICT_DEVMEM=y\n"
    assert told_of(parse_config(part)) == {"devmem": True, "strict_devmem": True}
    whole = part + "CONFIG_DEVMEM=y\n" + "".join(f"CONFIG_A{i}=y\n" for i in range(WHOLE))
    told = {"devmem": True, "strict_devmem": True, "io_strict_devmem": False, "x86_pat": False}
    assert told_of(parse_config(whole)) == told


def test_an_option_is_off_without_the_one_it_needs() -> None:
    options = parse_config("# CONFIG_DEVMEM is not set\nCONFIG_IO_STRICT_DEVMEM=y\n")
    assert not any(told_of(options).values())
    assert told_of({"CONFIG_DEVMEM": "m"}) == {"devmem": True}
