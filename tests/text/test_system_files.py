"""Lockdown state, address sizes and mounts; any other text leaves them unknown."""

from __future__ import annotations

import pytest

from devmemkit.text.system_files import parse_address_sizes, parse_lockdown, parse_mounts


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
