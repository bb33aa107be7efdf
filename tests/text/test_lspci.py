"""lspci texts of every kind: real ones where they are, made ones for each rule, hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.model.flags import IORESOURCE_PREFETCH
from devmemkit.text import TextError
from devmemkit.text.lspci import Device, parse_lspci
from tests.samples import SAMPLES, needs_samples

TEXT = """\
0000:03:00.0 Ethernet controller [0200]: Example Corp. Thing [8086:10d3] (rev 01)
\tSubsystem: Example Corp. Thing [8086:a01f]
\tControl: I/O+ Mem- BusMaster+ SpecCycle-
\tRegion 0: Memory at fe900000 (32-bit, non-prefetchable) [size=128K]
\tRegion 2: I/O ports at d000 [size=32]
\tRegion 4: Memory at 4000000000 (64-bit, prefetchable) [size=1G]
\tExpansion ROM at fe920000 [virtual] [disabled] [size=256K]
\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)
\t\tRegion 0: Memory at 00000000fea00000 (64-bit, non-prefetchable)
\tKernel driver in use: e1000e
\tKernel modules: e1000e, other
"""


def bars(device: Device) -> list[tuple[int, bool, int, int]]:
    return [(bar.index, bar.memory, bar.start, bar.length) for bar in device.bars]


def test_what_lspci_vvnnk_prints() -> None:
    (one,) = parse_lspci(TEXT)
    assert bars(one) == [
        (0, True, 0xFE90_0000, 128 << 10),
        (2, False, 0xD000, 32),
        (4, True, 0x40_0000_0000, 1 << 30),
        (6, True, 0xFE92_0000, 256 << 10),
    ]
    assert [bool(bar.flags & IORESOURCE_PREFETCH) for bar in one.bars] == [
        False,
        False,
        True,
        False,
    ]
    assert (one.driver, one.modules, one.decodes) == ("e1000e", ("e1000e", "other"), False)


@pytest.mark.parametrize(
    ("line", "start", "size"),
    [
        ("Region 0: Memory at fe900000 (32-bit, non-prefetchable)", 0xFE90_0000, None),
        ("Region 0: Memory at <ignored> (32-bit, non-prefetchable)", None, None),
        ("Region 0: Memory at <unassigned> (64-bit, prefetchable) [size=64M]", None, 64 << 20),
        ("Region 0: [virtual] Memory at 000001f0 (32-bit) [size=8]", 0x1F0, 8),
        ("Memory at fe900000 (32-bit, non-prefetchable) [size=4K]", 0xFE90_0000, 4096),
    ],
)
def test_lines_without_address_or_size(line: str, start: int | None, size: int | None) -> None:
    (one,) = parse_lspci(f"00:02.0 VGA compatible controller: Example\n\t{line}\n")
    if start is None or size is None:
        assert (one.bars, one.missing) == ((), (0,))
    else:
        assert (bars(one), one.missing) == ([(0, True, start, size)], ())


@pytest.mark.parametrize("quote", ["", "> ", "> > ", "\u00a0\u00a0"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quoted_texts_say_the_same(quote: str, end: str) -> None:
    quoted = end.join(quote + line for line in TEXT.splitlines())
    assert bars(parse_lspci(quoted)[0]) == bars(parse_lspci(TEXT)[0])


def test_domains_of_both_widths_and_none() -> None:
    heads = "00:1f.0 ISA bridge: A\n0001:00:1f.0 ISA bridge: B\n10000:e0:06.0 PCI bridge: C\n"
    assert [one.bdf for one in parse_lspci(heads)] == [
        "0000:00:1f.0",
        "0001:00:1f.0",
        "10000:e0:06.0",
    ]


def test_of_a_text_pasted_twice_the_first_counts() -> None:
    bare = "0000:03:00.0 Ethernet controller [0200]: Example\n"
    other = f"{bare}\tRegion 0: Memory at 1000 (32-bit) [size=4K]\n"
    assert parse_lspci(TEXT + other) == parse_lspci(TEXT)
    assert parse_lspci(bare + TEXT) == parse_lspci(TEXT)
    ignored = f"{bare}\tRegion 0: Memory at <ignored> (32-bit)\n"
    (one,) = parse_lspci(ignored + TEXT)
    assert (one.bars, one.missing) == ((), (0,))


def test_lines_without_numbers_count_in_their_order() -> None:
    text = (
        "00:02.0 VGA: A\n" + "\tMemory at 1000 [size=4K]\n" * 2 + "\tI/O ports at d000 [size=8]\n"
    )
    text += "\tMemory behind bridge: 1000-2000\n" + "\tMemory at 2000 [size=4K]\n" * 3
    (one,) = parse_lspci(text)
    assert [(index, memory) for index, memory, *_ in bars(one)] == [
        (0, True), (1, True), (2, False), (3, True), (4, True), (5, True),
    ]  # fmt: skip


def test_a_region_after_a_capability_is_the_devices() -> None:
    text = "00:02.0 VGA: A\n\tCapabilities: [40] Thing\n\tRegion 0: Memory at 1000 [size=4K]\n"
    assert bars(parse_lspci(text)[0]) == [(0, True, 0x1000, 4096)]


def test_an_indented_text_is_read() -> None:
    text = "  00:02.0 VGA: A\n\tRegion 0: Memory at 1000 [size=4K]\n"
    assert bars(parse_lspci(text)[0]) == [(0, True, 0x1000, 4096)]


def test_what_follows_x_is_left_out() -> None:
    dump = "00: 86 80 d3 10 07 04 10 00\n10: 00 00 90 fe 00 00 00 00\n"
    assert parse_lspci(TEXT + dump) == parse_lspci(TEXT)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x:1: expected what lspci -v prints, .*, got an empty text"),
        ("\x1b[31mhello\n", r"x:1: expected what lspci -v prints, .*, got '\\x1b\[31mhello'"),
        (
            "00:02.0 VGA: A\n\tRegion 0: Nothing at all\n",
            "x:2: expected 'Memory at' or 'I/O ports at', got 'Nothing at all'",
        ),
        (
            "00:02.0 VGA: A\n\tRegion 0: Memory at 1000 [size=4K]\n"
            "\tRegion 0: Memory at 2000 [size=4K]\n",
            "x:3: expected each of Region 0 to 5 once in 0000:00:02.0, got Region 0",
        ),
        (
            "00:02.0 VGA: A\n\tRegion 9: Memory at 1000 [size=4K]\n",
            "x:2: expected each of Region 0 to 5 once in 0000:00:02.0, got Region 9",
        ),
        (
            "00:02.0 VGA: A\n\tRegion 0: Memory at ffffffffffffffff [size=4K]\n",
            "x:2: expected a range below 2",
        ),
    ],
)
def test_what_is_none_is_refused_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(TextError, match=f"^{sentence}"):
        parse_lspci(text, source="x")


lines = st.sampled_from([*TEXT.splitlines(), "\tRegion", "\t\tRegion 9: Memory at", "01:00.0 X: y"])


@given(st.lists(lines | st.text(max_size=30), max_size=30).map("\n".join) | st.binary())
def test_arbitrary_text_raises_nothing_else(text: str | bytes) -> None:
    try:
        found = parse_lspci(text)
    except TextError as error:
        found, message = (), str(error)
    else:
        message = "read"
        assert found
    assert message.isprintable()
    for one in found:
        indices = [*(bar.index for bar in one.bars), *one.missing]
        assert len(set(indices)) == len(indices)


def test_a_million_lines_are_read() -> None:
    text = TEXT + "\tRegion: x\n" * 1_000_000
    assert len(parse_lspci(text)) == 1


@needs_samples
@pytest.mark.parametrize(
    ("name", "devices", "regions", "without"),
    [
        ("2.6.34-unassigned.txt", 19, 31, 1),
        ("arm-n1sdp-domains-xxxx.txt", 16, None, None),
        ("aws-m4.2xlarge-numeric.txt", 7, None, None),
        ("h61-xxxx.txt", 11, None, None),
        ("kunpeng-vf-bars.txt", 5, None, None),
        ("numeric-sandybridge.txt", 13, None, None),
        ("pciutils-cap-rebar.txt", 1, 0, 0),
        ("xeon-67-functions.txt", 36, None, None),
    ],
)
def test_real_texts(name: str, devices: int, regions: int | None, without: int | None) -> None:
    found = parse_lspci((SAMPLES / "lspci" / name).read_bytes(), source=name)
    assert len(found) == devices
    if regions is not None:
        assert sum(len(one.bars) + len(one.missing) for one in found) == regions
        assert sum(len(one.missing) for one in found) == without
