"""lspci texts of every kind: real ones where they are, made ones for each rule, hostile ones."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.model.flags import IORESOURCE_PREFETCH
from devmemkit.text import TextError
from devmemkit.text.lspci import Device, parse_lspci
from tests.samples import SAMPLES, needs_samples
from tests.text.numbered import NUMBERED

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


def bdfs(text: str) -> str:
    return " ".join(one.bdf for one in parse_lspci(text))


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
    assert [bar.index for bar in one.bars if bar.flags & IORESOURCE_PREFETCH] == [4]
    assert (one.driver, one.modules, one.decodes) == ("e1000e", ("e1000e", "other"), False)


@pytest.mark.parametrize(
    ("line", "start", "size"),
    [
        ("Region 0: Memory at fe900000 (32-bit, non-prefetchable)", 0xFE90_0000, None),
        ("Region 0: Memory at <ignored> (32-bit, non-prefetchable)", None, None),
        ("Region 0: Memory at <unassigned> (64-bit, prefetchable) [size=64M]", None, 64 << 20),
        ("Region 0: Memory at (64-bit, prefetchable) [size=64M]", None, None),
        ("[virtual] Memory at fe900000 (32-bit, non-prefetchable) [size=4K]", 0xFE90_0000, 4096),
        ("Memory at fe900000 (32-bit, non-prefetchable) [size=4K]", 0xFE90_0000, 4096),
    ],
)
def test_lines_without_address_or_size(line: str, start: int | None, size: int | None) -> None:
    (one,) = parse_lspci(f"00:02.0 VGA compatible controller: Example\n\t{line}\n")
    if start is None or size is None:
        assert (one.bars, one.missing) == ((), (0,))
    else:
        assert (bars(one), one.missing) == ([(0, True, start, size)], ())


MORE = f"""\
00:02.0 VGA compatible controller [0300]: Example Corp. Graphics [8086:0102] (rev 09)
\tControl: I/O+ Mem+ BusMaster+ SpecCycle-
\tRegion 0: Memory at f7800000 (64-bit, non-prefetchable) [size=4M]
\tRegion 2: Memory at e0000000 (64-bit, prefetchable) [size=256M]
\tExpansion ROM at <unassigned> [disabled]
\tKernel driver in use: i915

{TEXT}
01:00.0 3D controller [0302]: NVIDIA Corporation Example [10de:1c8c] (rev a1)
\tControl: I/O+ Mem+ BusMaster+ SpecCycle-
\tRegion 0: Memory at f6000000 (32-bit, non-prefetchable) [size=16M]
\tRegion 5: I/O ports at e000 [size=128]
\tCapabilities: <access denied>
\tKernel modules: nvidiafb, nouveau, nvidia_drm, nvidia
"""


def by_line(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "\n".join(map(change, text.splitlines())) + "\n"


DAMAGES: dict[str, Callable[[str], str | bytes]] = {
    "none": lambda t: t,
    "quoted": by_line(lambda s: f"> {s}"),
    "quoted twice": by_line(lambda s: f">> {s}"),
    "reply between": lambda t: by_line(lambda s: f"> {s}")(t).replace(
        "> \tRegion 2", "\nLook at this.\n\n> \tRegion 2"
    ),
    "carriage returns": lambda t: t.replace("\n", "\r\n"),
    "indented": by_line(lambda s: f"    {s}"),
    "indented by a tab": by_line(lambda s: f"\t{s}"),
    "indented, then stripped": lambda t: by_line(lambda s: f"    {s}")(t).strip(),
    "no-break indents": lambda t: t.replace("\t", "\xa0\xa0\xa0\xa0\xa0\xa0\xa0 "),
    "no-break everywhere": lambda t: t.replace("\t", "    ").replace(" ", "\xa0"),
    "no-break in bytes": lambda t: t.replace("\t", "\xa0 ").encode("latin-1"),
    "entities": lambda t: t.replace("\t", "&nbsp; ").replace("<", "&lt;").replace(">", "&gt;"),
    "tags": lambda t: "<pre>" + t.replace("<", "&lt;").replace("\n", "<br>\n") + "</pre>",
    "colours": by_line(lambda s: f"\x1b[01;31m{s}\x1b[0m"),
    "quoted-printable": lambda t: t.replace("=", "=3D").replace("\t", "=09"),
    "UTF-16": lambda t: t.encode("utf-16"),
    "byte order mark": lambda t: "\ufeff" + t,
    "flattened": lambda t: t.replace("\t", ""),
    "flattened, no blank lines": lambda t: t.replace("\t", "").replace("\n\n", "\n"),
    "double spaced": lambda t: t.replace("\n", "\n\n"),
    "bullets": by_line(lambda s: f"- {s}"),
    "fence": lambda t: f"```\n{t}```\n",
    "bold": lambda t: re.sub(r"(?m)^(0.*)$", r"**\1**", t),
    "wrapped": lambda t: t.replace(", prefetchable) ", ",\nprefetchable) ").replace(
        "non-prefetchable) ", "non-prefetchable)\n"
    ),
    "wrapped, quoted": by_line(lambda s: f"> {s}".replace(" [size=", "\n> [size=")),
    "wrapped, quote lost": by_line(lambda s: f"> {s}".replace(" [size=", "\n[size=")),
    "wrapped in a list": lambda t: t.replace("nouveau, nvidia_drm,", "nouveau,\nnvidia_drm,"),
    "wrapped after disabled": lambda t: t.replace(" [disabled] [", "\n[disabled] ["),
    "swallowed tag": lambda t: t.replace("<unassigned>", ""),
    "paths": lambda t: t.replace("\n01:00.0", "\n00:01.0/01:00.0"),
    "numbers only": lambda t: t.replace("3D controller [0302]: NVIDIA Corporation", "0302:"),
    "machine-readable": lambda t: t.replace("3D controller [0302]:", '"0302" "10de"'),
    "cat -A": lambda t: t.replace("\t", "^I").replace("\n", "$\n"),
    "forum": lambda t: f"[CODE]{t}[/CODE]\n",
    "wrapped in a word": lambda t: t.replace("non-", "non-\n"),
    "wrapped capability": lambda t: t.replace("I/O Virt", "I/O\nVirt"),
    "groups": lambda t: re.sub(r"(?m)^(0.*)$", r"IOMMU Group 7 \1", t),
    "tab after the address": lambda t: re.sub(r"(?m)^(0\S+) ", r"\1\t", t),
    "hex dumps": lambda t: t.replace("\n\n", "\n00: 86 80 02 01\n10: 04 00 80 f7\n100: 00\n\n"),
    "command and mail": lambda t: f"Hi,\n\n$ sudo lspci -vvvnn\n{t}\nThis is all.\n-- \nJoe\n",
    "listed before": lambda t: "\n".join(re.findall(r"(?m)^0.*", t)) + f"\n\nDetails:\n\n{t}",
    "twice": lambda t: f"{t}\n{t}",
    "without numbers before": lambda t: re.sub("Region .: ", "", t) + "\n" + t,
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_pasted_text_says_the_same(kind: str) -> None:
    assert parse_lspci(DAMAGES[kind](MORE)) == parse_lspci(MORE)


def test_a_class_that_begins_with_a_digit_is_a_device() -> None:
    assert bdfs(MORE) == "0000:00:02.0 0000:03:00.0 0000:01:00.0"
    assert bars(parse_lspci(MORE)[2]) == [(0, True, 0xF600_0000, 16 << 20), (5, False, 0xE000, 128)]


def test_ports_of_a_region_that_the_kernel_alone_knows() -> None:
    text = "00:01.1 IDE interface: A\n\tRegion 0: Memory at 000001f0 (32-bit) [virtual] [size=8]\n"
    assert bars(parse_lspci(text)[0]) == [(0, False, 0x1F0, 8)]


def test_domains_of_both_widths_and_none() -> None:
    heads = "00:1f.0 ISA bridge: A\n0001:00:1f.0 ISA bridge: B\n10000:e0:06.0 PCI bridge: C\n"
    assert bdfs(heads) == "0000:00:1f.0 0001:00:1f.0 10000:e0:06.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("f6000000", "f5000000"),
        ("10de:1c8c", "10de:1c8d"),
        ("NVIDIA Corporation Example [10de:1c8c]", "Example Corp. Other"),
        ("I/O ports at e000 [size=128]", "I/O ports at <ignored>"),
        ("\tRegion 5: I/O ports at e000 [size=128]\n", ""),
        ("Kernel modules", "Kernel driver in use: vfio-pci\n\tKernel modules"),
        ("Control: I/O+ Mem+", "Control: I/O+ Mem-"),
        ("nouveau, ", ""),
    ],
)
def test_two_machines_or_two_moments_in_one_text_are_refused(old: str, new: str) -> None:
    other = MORE[MORE.index("01:00.0") :]
    sentence = (
        r"x:31: expected the output of one machine, got 0000:01:00\.0 twice with different "
        r"contents, first on line 20: keep one of the two"
    )
    with pytest.raises(TextError, match=f"^{sentence}$"):
        parse_lspci(f"{MORE}\nThe other:\n\n\n\n{other.replace(old, new)}", source="x")


@pytest.mark.parametrize(
    "text",
    [
        "@@ -1,3 +1,3 @@\n 00:02.0 VGA: A\n-\tRegion 0: Memory at 1000 [size=4K]\n"
        "+\tRegion 0: Memory at 2000 [size=4K]\n",
        "> @@ -1,2 +1,3 @@\n>  00:02.0 VGA: A\n> +\tRegion 0: Memory at 2000 [size=4K]\n",
        "2c2\n< \tKernel driver in use: a\n---\n> \tKernel driver in use: b\n00:02.0 VGA: A\n",
    ],
)
def test_a_diff_is_refused(text: str) -> None:
    with pytest.raises(TextError, match=r"^x:[23]: expected one text, got a diff of two: "):
        parse_lspci(text, source="x")


def test_outputs_of_several_commands_are_one_device() -> None:
    bare = "03:00.0 Ethernet controller: Example Corp. Thing (rev 01)\n"
    used = "03:00.0 0200: 8086:10d3\n\tKernel driver in use: e1000e\n"
    rest = TEXT.replace("\tKernel driver in use: e1000e\n", "")
    assert parse_lspci(bare + TEXT) == parse_lspci(TEXT + bare) == parse_lspci(TEXT)
    assert parse_lspci(used + rest) == parse_lspci(rest + used) == parse_lspci(TEXT)


def test_a_device_of_which_only_the_name_is_there_may_have_a_driver() -> None:
    listed, known = parse_lspci("00:1f.0 ISA bridge: A\n" + TEXT)
    assert (listed.driver, known.driver) == (None, "e1000e")


def test_lines_without_numbers_count_in_their_order() -> None:
    text = (
        "00:02.0 VGA: A\n" + "\tMemory at 1000 [size=4K]\n" * 2 + "\tI/O ports at d000 [size=8]\n"
    )
    text += "\tMemory behind bridge: 1000-2000\n" + "\tMemory at 2000 [size=4K]\n" * 3
    (one,) = parse_lspci(text)
    assert [(index, memory) for index, memory, *_ in bars(one)] == [(i, i != 2) for i in range(6)]
    assert not one.numbered


def test_without_numbers_a_64_bit_region_takes_two() -> None:
    wide = "\tMemory at {}000 (64-bit, prefetchable) [size=4K]\n"
    (one,) = parse_lspci("00:02.0 VGA: A\n" + wide.format(1) + wide.format(2) + wide.format(4))
    assert [bar.index for bar in one.bars] == [0, 2, 4]


def test_a_region_after_a_capability_is_the_devices() -> None:
    text = "00:02.0 VGA: A\n\tCapabilities: [40] Thing\n\tRegion 0: Memory at 1000 [size=4K]\n"
    assert bars(parse_lspci(text)[0]) == [(0, True, 0x1000, 4096)]


VGA, BAR = "00:02.0 VGA: A\n", "\tRegion 0: Memory at 1000 [size=4K]\n"
AT = "expected 'Memory at' or 'I/O ports at' and an address, got"
ONCE = "expected each of Region 0 to 5 and the ROM once in 0000:00:02.0"
ABOVE = "expected a line like '00:1f.0 ISA bridge: ...' above, to say whose this is, got"
ALONE = "expected a line of its own for each device, region and driver, got"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x:1: expected what lspci -v prints, .*, got an empty text"),
        ("\x1b[31mhello\n", r"x:1: expected what lspci -v prints, .*, got '\\x1b\[31mhello'"),
        (VGA + "\tRegion 0: Nothing at all\n", f"x:2: {AT} 'Nothing at all'"),
        (VGA + BAR + BAR.replace("1000", "2000"), f"x:3: {ONCE}"),
        (VGA + BAR.replace("0", "9", 1), f"x:2: {ONCE}"),
        (VGA + BAR.replace("1000", "f" * 16), "x:2: expected a range below 2"),
        (f"{BAR}\n{VGA}", f"x:1: {ABOVE}"),
        (f"{VGA}\n00:1c.0/00.0 Net: B\n\tKernel driver in use: iwlwifi\n", f"x:4: {ABOVE}"),
        (re.sub("(?m)^01.*\n", "", MORE), f"x:20: {ABOVE}"),
        (MORE.replace("\n\t", " "), f"x:1: {ALONE}"),
        (MORE.replace("\n\tRegion 5", " Region 5"), f"x:22: {ALONE} 'Region 0: M"),
        (VGA + "\tRegion 0: Memory at\n", f"x:2: {AT} 'Memory at'"),
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


@pytest.mark.slow
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


def test_a_list_of_modules_is_whole_when_each_line_has_a_blank_one_below() -> None:
    text = (
        "00:02.0 VGA compatible controller: A\n\n"
        "\tRegion 0: Memory at fe900000 (32-bit, non-prefetchable)\n\n[size=128K]\n\n"
        "\tKernel driver in use: nouveau\n\n\tKernel modules: nouveau, nvidia_drm,\n\nnvidia\n\n"
        "00:03.0 Ethernet controller: B\n"
    )
    first, second = parse_lspci(text)
    assert first.modules == ("nouveau", "nvidia_drm", "nvidia")
    assert [(bar.start, bar.end) for bar in first.bars] == [(0xFE90_0000, 0xFE91_FFFF)]
    assert second.bdf == "0000:00:03.0"


LAST = "00:03.0 Ethernet controller: B\n\tMemory at fe900000 (32-bit, prefetchable) [size=128K]\n"


@pytest.mark.parametrize(
    ("after", "driver"),
    [
        ("", None),
        ("\tCapabili", None),
        ("\n", ""),  # lspci -v ends each device with a blank line
        ("\n00:04.0 Bridge: C\n", ""),
        ("\t[...]\n\n", None),
        ("\tKernel driver in use: e1000e\n", "e1000e"),
    ],
)
def test_a_device_at_which_the_text_was_cut_may_have_a_driver(
    after: str, driver: str | None
) -> None:
    first, last, *_ = parse_lspci(TEXT + "\n" + LAST + after)
    assert (first.driver, last.driver) == ("e1000e", driver)


def test_the_last_device_of_a_text_with_a_blank_line_below_each_may_be_cut() -> None:
    spaced = (TEXT + LAST).replace("\n", "\n\n")
    assert [one.driver for one in parse_lspci(spaced)] == ["e1000e", None]


@pytest.mark.parametrize("dash", ["\u2013", "\u2212", "\udc96"])
def test_dashes_of_other_code_pages_are_dashes(dash: str) -> None:
    assert parse_lspci(TEXT.replace("-", dash)) == parse_lspci(TEXT)


@pytest.mark.parametrize("kind", NUMBERED)
def test_a_text_is_read_behind_what_tools_put_before_each_line(kind: str) -> None:
    text = NUMBERED[kind](f"{TEXT}\n{LAST}\n")
    assert parse_lspci(text) == parse_lspci(f"{TEXT}\n{LAST}\n")


def test_a_list_of_buses_is_no_text_with_numbers() -> None:
    text = "01:00.0 Bridge: A\n02:00.0 Bridge: B\n"
    assert bdfs(text) == "0000:01:00.0 0000:02:00.0"
