"""Architectures by their names, and by what a release, a configuration and a dump show."""

from __future__ import annotations

import pytest

from devmemkit.text import TextError
from devmemkit.text.architecture import of_config, of_dump, of_release, parse_architecture
from devmemkit.text.iomem import parse
from devmemkit.text.system_files import parse_config
from tests.samples import SAMPLES, needs_samples


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("x86_64", "x86_64"),
        ("amd64", "x86_64"),
        ("i686", "i386"),
        ("aarch64", "arm64"),
        ("ARM64", "arm64"),
        ("armv7l", "arm"),
        ("ppc64le", "powerpc"),
        ("riscv64", "riscv"),
        ("s390x", "s390"),
    ],
)
def test_names(name: str, found: str) -> None:
    assert parse_architecture(name) == found


@pytest.mark.parametrize("name", ["", "x87", "arm64x", "\x1b[31m", "x" * 10_000])
def test_no_names(name: str) -> None:
    with pytest.raises(TextError, match="--arch:1: expected one of x86_64, i386, arm64") as caught:
        parse_architecture(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("6.1.0-28-arm64", "arm64"),
        ("5.14.0-503.el9.x86_64", "x86_64"),
        ("6.1.0-28-686-pae", "i386"),
        ("6.12.0-amd64", "x86_64"),
        ("5.10.0-33-armmp", "arm"),
        ("4.18.0-553.el8_10.aarch64", "arm64"),
        ("6.12.34+rpt-rpi-2712", "arm64"),
        ("6.6.51+rpt-rpi-v8", "arm64"),
        ("6.1.21-v8+", "arm64"),
        ("6.12.20-v8-16k+", "arm64"),
        ("6.1.21-v7l+", "arm"),
        ("6.6.51+rpt-rpi-v6", "arm"),
        ("6.6.16-current-rockchip64", "arm64"),
        ("5.10.160-legacy-rk35xx", "arm64"),
        ("5.15.136-tegra", "arm64"),
        ("4.4.194-rk3288", None),
        ("6.8.0-45-generic", None),
        ("5.15.36-xilinx-v2022.2", None),  # of Zynq or of ZynqMP
        (None, None),
    ],
)
def test_releases(release: str | None, found: str | None) -> None:
    assert of_release(release) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CONFIG_ARM64=y\nCONFIG_DEVMEM=y\n", "arm64"),
        ("CONFIG_PPC64=y\nCONFIG_PPC=y\n", "powerpc"),
        ("CONFIG_X86=y\nCONFIG_X86_64=y\n", "x86_64"),
        ("CONFIG_X86=y\nCONFIG_X86_32=y\n", "i386"),
        ("CONFIG_X86=y\n", "x86_64"),
        ("CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\n", None),
    ],
)
def test_configurations(text: str, found: str | None) -> None:
    """A part of a configuration without a line about the architecture shows none."""
    assert of_config(parse_config(text)) == found


DUMPS = {
    "40000000-4fffffff : pcie-controller@1003000\n": "another architecture",
    "ff3c0000-ff3c0fff : ff3c0000.i2c i2c@ff3c0000\n": "another architecture",
    "00000000-3fffffff : System RAM\n  00008000-006c03c7 : Kernel code\n": "another architecture",
    "80000000-8fffffff : System RAM\n  80200000-80ffffff : reserved\n": "another architecture",
    "0000000000000000-000000003fffffff : System RAM\n": "another architecture",
    "40000000-7fffffff : System RAM\n09010000-09010fff : ARMH0011:00\n": "arm64",
    "600c000000000-600c07ffeffff : pciex@600c3c0000000\n": "powerpc",
    "00100000-7fffffff : System RAM\n80000000-8fffffff : PCI Bus 0000:00\n": None,
    "00001000-0009ffff : System RAM\nfee00000-fee00fff : Local APIC\n": "x86_64",
    # a machine with a device tree, but an x86
    "fec00000-fec003ff : IOAPIC 0\nff3c0000-ff3c0fff : i2c@ff3c0000\n": "x86_64",
}


@pytest.mark.parametrize("text", DUMPS)
def test_dumps(text: str) -> None:
    assert of_dump(parse(text)) == DUMPS[text]


@needs_samples
def test_real_dumps_show_what_they_are() -> None:
    for path in sorted((SAMPLES / "iomem").glob("*.txt")):
        found = of_dump(parse(path.read_bytes()))
        named = path.stem.partition("-")[0]
        assert (path.stem, found in (None, "x86_64")) == (
            path.stem,
            named not in ("arm32", "arm64", "mips", "ppc64"),
        )
