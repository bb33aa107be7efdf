"""Commands are pasted by root: nothing from a description can become one."""

from __future__ import annotations

import html
import posixpath
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from devmemkit.explain import shell
from devmemkit.explain.access import OPS
from devmemkit.explain.answer import as_html, as_json, as_text
from devmemkit.explain.description import Description, with_lspci
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.symptom import causes, causes_html, causes_text
from devmemkit.text.iomem import parse
from devmemkit.text.lspci import Device
from tests.explain.known import E1000, E1000_BAR, answer, ask, known

REFUSED = (
    "../../$(reboot)", "$(reboot)", "`reboot`", "a;reboot", "a|reboot", "a&reboot", "a>b", "a<b",
    "a'b", 'a"b', "a\\b", "~root", "*", "-n", "..", ".", "a/b", "a\nreboot", "a\treboot", "\x1b[2J",
    "a\0b", "a#b", "a!b", "{a,b}", "x" * 256, "\udcff", "a\u202eb", "=a",
)  # fmt: skip
BY_DEVICE = f"echo {E1000} > /sys/bus/pci/devices/{E1000}/driver/unbind"
QUOTED = ("a b", "a (b)", "Intel(R) a", "a:b,c+d.e-f")


def commands(described: Description) -> Iterator[tuple[str, str]]:
    """Every command that the answers about the e1000's BAR have, with the text around it."""
    for op in OPS:
        found = answer(described, address=E1000_BAR, op=op)
        for advice in found.advice:
            if advice.command:
                assert advice.command in advice.do
                assert advice.command in as_text(found)
                assert advice.command in html.unescape(as_html(found))
                assert any(advice.do == one["do"] for one in as_json(found)["advice"])
                yield advice.command, advice.do


def tokens(command: str) -> list[str]:
    """The words of a command as a shell sees them; operators are words of their own."""
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=3600)
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def claimed_by(name: str) -> Description:
    """The machine whose e1000 is called `name`, in the dump and as the device's driver."""
    device = replace(known().devices[E1000], driver=name, modules=(name,))
    shown = name.replace("\n", " ").replace("\r", " ").strip()
    text = "fe000000-febfffff : PCI Bus 0000:00\n  febc0000-febdffff : 0000:00:03.0\n"
    text += f"    febc0000-febdffff : {shown}\n"
    facts = {"release": f"6.12.0{name}", "cmdline": f"quiet {name}", "arch": "x86_64"}
    return known(iomem=parse(text), devices={E1000: device}, **facts)


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_no_driver_has_is_in_no_command(name: str) -> None:
    described = claimed_by(name)
    assert {command for command, _ in commands(described)} == {BY_DEVICE}
    found = answer(described, address=E1000_BAR)
    (advice,) = [one for one in found.advice if one.do.startswith("unbind the driver")]
    assert advice.gives == "ok"


@pytest.mark.parametrize("name", ["e1000", *QUOTED])
def test_a_name_is_one_word(name: str) -> None:
    found = list(commands(claimed_by(name)))
    assert found
    for command, _ in found:
        words = tokens(command)
        path = f"/sys/bus/pci/drivers/{name}/unbind"
        assert words == ["echo", E1000, ">", path]
        assert posixpath.normpath(path) == path
        assert not re.search(r"[^\w@%+=:,./ >-]", re.sub(r"'[^']*'", "", command))


def test_the_command_is_as_one_writes_it() -> None:
    ((command, do), *_) = commands(known())
    assert command == "echo 0000:00:03.0 > /sys/bus/pci/drivers/e1000/unbind"
    assert do.partition(";")[0] == f"unbind the driver: {command}"


@pytest.mark.parametrize("name", ["../../$(reboot)", "`reboot`", "a;reboot"])
def test_what_lspci_says_is_in_no_command(name: str) -> None:
    text = (
        "00:03.0 Thing: A\n\tControl: I/O- Mem- BusMaster-\n"
        "\tRegion 0: Memory at febc0000 (32-bit, non-prefetchable) [size=128K]\n"
        f"\tKernel driver in use: {name}\n\tKernel modules: {name}\n"
    )
    described = with_lspci(known(), text.encode(), "x")
    assert {command for command, _ in commands(described)} == {BY_DEVICE}


@pytest.mark.parametrize("bdf", [*REFUSED, "0000:00:03.0;reboot", "0000:00:03.0\n"], ids=ascii)
def test_an_address_that_pci_has_not_is_in_no_command(bdf: str) -> None:
    none = "(no command: the device's address is none that PCI has)"
    assert shell.unbind(bdf, "e1000") == none
    assert shell.on_device("lspci -s {}", bdf) == none
    device = replace(known().devices[E1000], bdf=bdf, decodes=False)
    described = replace(known("idle"), devices={bdf: device})
    found = causes(*ask(described, address=E1000_BAR, op="load"), "ones")
    assert [cause.tell.count("no command") for cause in found] == [1, 2]


def test_how_to_tell_takes_nothing_from_a_description_but_addresses() -> None:
    name = "../../$(reboot)"
    described = claimed_by(name)
    for got in ("EPERM", "EINVAL", "SIGBUS", "ones"):
        machines, access = ask(described, address=E1000_BAR, op="load")
        found = causes(machines, access, got)
        for cause in found:
            assert "reboot" not in cause.tell
        assert "\x1b" not in causes_text(access, got, found) + causes_html(access, got, found)
    assert all("{" not in hypothesis.tell for hypothesis in HYPOTHESES)
    described = known("idle", devices={E1000: replace(known().devices[E1000], decodes=False)})
    tells = [one.tell for one in causes(*ask(described, address=E1000_BAR, op="load"), "ones")]
    assert tells == [
        f"setpci -s {E1000} COMMAND: bit 1; a driver's pci_enable_device sets it",
        f"lspci -s {E1000}: rev ff, or no line; cat /sys/bus/pci/devices/{E1000}/power_state",
    ]


def test_a_claims_name_is_no_drivers_name() -> None:
    """snd_hda_intel claims as "ICH HD audio", so the name of a claim is in no path."""
    described = claimed_by("ICH HD audio")
    device = Device(E1000, described.devices[E1000].bars)
    found = list(commands(replace(described, devices={E1000: device})))
    assert {command for command, _ in found} == {BY_DEVICE}
