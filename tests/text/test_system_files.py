"""Configurations, lockdown state, address sizes and mounts."""

from __future__ import annotations

import pytest

from devmemkit.text import TextError
from devmemkit.text.system_files import (
    WHOLE,
    parse_address_sizes,
    parse_config,
    parse_lockdown,
    parse_mounts,
    told_of,
)


def test_lockdown_and_address_sizes() -> None:
    assert parse_lockdown("none [integrity] confidentiality\n") == "integrity"
    assert parse_lockdown("") == parse_lockdown("[else]") == ""
    line = "address sizes\t: 39 bits physical, 48 bits virtual\n"
    assert parse_address_sizes(f"model name\t: X\n{line}") == 39
    assert parse_address_sizes("address sizes\t: 99 bits physical") is None


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["udev /dev devtmpfs rw,nosuid,noexec"], {"/dev": ["noexec"]}),
        (["sysfs /sys sysfs ro,nodev,noexec"], {"/sys": ["nodev", "noexec", "ro"]}),
        (["p /proc/bus proc ro", "p /proc proc rw,nosuid"], {"/proc": ["ro"]}),
        (["u /dev/mem devtmpfs rw,noexec", "t /dev tmpfs rw"], {"/dev": ["noexec"]}),
        (["a / ext4 ro", "d /dev tmpfs rw"], {"/dev": [], "/sys": ["ro"], "/proc": ["ro"]}),
        (["d /dev tmpfs rw", "d /dev tmpfs rw,nodev", "x", ""], {"/dev": ["nodev"]}),
    ],
)
def test_mounts(lines: list[str], found: dict[str, list[str]]) -> None:
    assert parse_mounts("\n".join(f"{line} 0 0" for line in lines)) == found


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
