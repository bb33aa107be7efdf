"""Kernel configurations: the options that the model depends on, each off without its parent."""

from __future__ import annotations

import pytest

from devmemkit.text import TextError
from devmemkit.text.config import config_of, parse_config


def test_configurations() -> None:
    text = "CONFIG_X86=y\nCONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"
    options = parse_config(text + "# CONFIG_IO_STRICT_DEVMEM is not set\n")
    assert options["CONFIG_IO_STRICT_DEVMEM"] == "n"
    config = config_of(options)
    assert (config.devmem, config.strict_devmem, config.io_strict_devmem) == (True, True, False)
    alone = config_of(parse_config("CONFIG_IO_STRICT_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n"))
    assert (alone.devmem, alone.strict_devmem, alone.io_strict_devmem) == (False, False, False)
    with pytest.raises(TextError, match="expected lines like CONFIG_STRICT_DEVMEM=y, got 'x'"):
        parse_config("x")
