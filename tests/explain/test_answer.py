"""Answers: the situations that people meet, what is unknown, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.explain.answer import as_json, as_text
from devmemkit.explain.description import Description, dump_of, with_lspci, with_resource
from devmemkit.explain.explanation import joined
from devmemkit.explain.symptom import causes
from devmemkit.model.features import VERSIONS
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.text.iomem import parse
from devmemkit.text.system_files import parse_config
from tests.explain.known import CONFIG, E1000, E1000_BAR, IVSHMEM, IVSHMEM_BAR, answer, ask, known


def test_a_claimed_bar_through_dev_mem() -> None:
    """What flashrom and the like meet: EPERM for a region that a driver has."""
    found = answer(known(), address=E1000_BAR)
    v = found.verdict
    assert (v.outcome, v.page, v.claimed) == ("EPERM", E1000_BAR // PAGE_SIZE, True)
    assert v.checks[v.decided].function == "range_is_allowed"
    assert v.owner == ("e1000", E1000_BAR, E1000_BAR + 0x1_FFFF)
    assert v.path == ("PCI Bus 0000:00", E1000)
    assert not found.branches
    order = [advice.do for advice in found.advice]
    assert order[0] == "use the interface of e1000, which owns it"
    assert order[1].startswith("unbind the driver: echo 0000:00:03.0 > ")
    assert [a.gives for a in found.advice if a.do == "boot with iomem=relaxed"] == ["ok"]
    assert order.index("boot with iomem=relaxed") > 2
    assert all(advice.risk for advice in found.advice if "iomem=relaxed" in advice.do)


def test_resource0_once_a_driver_is_loaded() -> None:
    where: dict[str, Any] = {"bdf": E1000, "bar": 0}
    assert answer(known("idle"), **where).verdict.outcome == "ok"
    v = answer(known(), **where).verdict
    assert (v.outcome, v.checks[v.decided].function) == ("EINVAL", "pci_mmap_resource")


def test_lockdown_although_iomem_is_relaxed() -> None:
    relaxed = {"cmdline": "iomem=relaxed"}
    assert answer(known(**relaxed), address=E1000_BAR).verdict.outcome == "ok"
    found = answer(known(**relaxed, lockdown="integrity"), address=E1000_BAR)
    v = found.verdict
    assert (v.outcome, v.checks[v.decided].function) == ("EPERM", "open_port")
    assert "boot with iomem=relaxed" not in [advice.do for advice in found.advice]
    assert any("lockdown" in advice.do and advice.gives == "ok" for advice in found.advice)


def test_several_changes_are_told_from_the_mildest_on() -> None:
    found = answer(known(lockdown="integrity"), address=E1000_BAR)
    (both,) = [advice.do for advice in found.advice if "lockdown" in advice.do]
    assert both.endswith(", and boot with iomem=relaxed")


def test_one_claimed_page_spoils_a_window() -> None:
    start = E1000_BAR - 15 * PAGE_SIZE
    found = answer(known(), address=start, length=16 * PAGE_SIZE)
    assert (found.verdict.outcome, found.verdict.page) == ("EPERM", E1000_BAR // PAGE_SIZE)
    (free,) = [advice for advice in found.advice if "free pages" in advice.do]
    assert free.do == f"map only the free pages: {15 * PAGE_SIZE:#x} bytes at {start:#x}"
    assert free.gives == "ok"


def test_read_at_a_bar_is_a_bad_address() -> None:
    found = answer(known("idle"), address=IVSHMEM_BAR, op="read")
    assert found.verdict.outcome == "EFAULT"
    assert found.advice[0].do == "map it and load there, instead of read(2)"
    assert found.advice[0].gives == "ok"


def test_ram_below_1_mib_reads_as_zeros() -> None:
    v = answer(known(), address=0x2000, op="read").verdict
    assert (v.outcome, v.contents) == ("ok", "zeroes")
    assert answer(known(), address=0xF_0000, op="read").verdict.contents == ""


def test_what_will_end_a_mapping() -> None:
    found = answer(known("idle"), address=E1000_BAR)
    assert found.verdict.outcome == "ok"
    assert found.later is not None
    assert (found.later.then, found.later.page) == ("SIGBUS", E1000_BAR // PAGE_SIZE)
    old = answer(known("idle", release="4.4"), address=E1000_BAR).later
    assert old is not None
    assert old.then == "ok"


def test_a_later_claim_is_told_for_each_case() -> None:
    found = answer(known("idle", cmdline=None), address=E1000_BAR)
    assert (found.verdict.outcome, found.branches) == ("ok", ())  # both cases succeed now
    ends = {one.conditions: one.verdict.then for one in found.laters}
    assert ends == {("iomem=relaxed was not given",): "SIGBUS", ("iomem=relaxed was given",): "ok"}
    text = as_text(found)
    assert "  if iomem=relaxed was given:\n      the mapping stays\n" in text
    assert [one["then"] for one in as_json(found)["laters"]] == ["SIGBUS", "ok"]


LAX = {"CONFIG_STRICT_DEVMEM": "n", "CONFIG_IO_STRICT_DEVMEM": "n"}


@pytest.mark.parametrize(
    "change", ["boot with iomem=relaxed", "build a kernel with IO_STRICT_DEVMEM=n"]
)
def test_a_risk_says_what_the_model_does_when_a_driver_claims(change: str) -> None:
    """A kernel without these checks allows both end pages of every claim, so it revokes nothing."""
    (advice,) = [a for a in answer(known(), address=E1000_BAR).advice if change in a.do]
    assert advice.risk.endswith("; when a driver claims the region, the process keeps its mapping")
    made = {"boot with iomem=relaxed": {"cmdline": "iomem=relaxed"}}
    relaxed = known("idle", **made.get(change, {"config": {**CONFIG, **LAX}}))
    later = answer(relaxed, address=E1000_BAR).later
    assert later is not None
    assert later.then == "ok"
    locked = answer(known("idle", lockdown="integrity"), address=E1000_BAR).advice[-1]
    assert locked.risk.endswith("the process gets SIGBUS at its next touch")  # the control


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cmdline": "iomem=relaxed"}, "iomem=relaxed"),
        ({"config": {**CONFIG, "CONFIG_IO_STRICT_DEVMEM": "n"}}, "IO_STRICT_DEVMEM=n"),
        ({"config": {"CONFIG_DEVMEM": "n"}, "dev_mem": False}, "STRICT_DEVMEM=n"),
        ({"release": "4.4.0"}, "before Linux 4.5"),
        ({}, ""),
    ],
)
def test_claimed_and_exclusive_are_two_things(changes: dict[str, Any], why: str) -> None:
    found = answer(known(**changes), address=E1000_BAR)
    said = f"claimed but not exclusive ({why})" if why else "claimed"
    assert f"resource: e1000 0xfebc0000-0xfebdffff, {said}, inside" in as_text(found)
    owner = as_json(found)["owner"]
    assert (owner["busy"], owner["exclusive"]) == (True, not why)
    idle = answer(known("idle", **changes), address=E1000_BAR)
    assert "-0xfebdffff, not claimed, inside" in as_text(idle)


@pytest.mark.parametrize("release", ["5.4.0-190-generic", "2.6.32", "8.0.0", "4.18.0-553.el8"])
def test_the_headline_names_the_release_of_the_user(release: str) -> None:
    found = answer(known(release=release, lockdown="integrity"), address=E1000_BAR)
    assert as_text(found).startswith(
        f"mmap of 0x1000 bytes at 0xfebc0000 through /dev/mem, Linux {release}:\n"
        "  it fails with EPERM (lockdown refuses /dev/mem (LOCKDOWN_DEV_MEM))\n"
    )
    assert f"Linux {release}" in found._repr_html_()
    assert as_json(found)["kernel"].startswith(f"Linux {release}, ")


def test_the_conditions_are_those_of_the_case_that_the_answer_is_about() -> None:
    ram = answer(known(config=None, cmdline=None, release=None), address=0x10_0000, op="read")
    assert (ram.outcome, ram.assumed) == ("EPERM", ("the kernel has STRICT_DEVMEM=y",))
    lines = as_text(ram).splitlines()
    assert lines[2] == "    if the kernel has STRICT_DEVMEM=y"
    old = answer(known(config=None, release=None), address=E1000_BAR)
    assert old.assumed[0] == "the kernel is Linux 4.5 to 7.3"
    assert old.assumed == old.branches[0].conditions


def test_a_claim_below_1_mib_does_not_keep_others_out() -> None:
    for op in ("read", "load"):
        found = answer(known(), address=0xF_0000, op=op)
        assert (found.outcome, found.verdict.shared) == ("ok", "below 1 MiB")
    assert answer(known(), address=E1000_BAR).verdict.shared == ""


def test_who_asks_matters() -> None:
    assert answer(known(root=False), address=0xF_0000).verdict.outcome == "EACCES"
    assert answer(known(capable=False), address=0xF_0000).verdict.outcome == "EPERM"
    assert answer(known(dev_mem=False), address=0xF_0000).verdict.outcome == "ENOENT"
    none = dict.fromkeys(CONFIG, "n")
    assert answer(known(dev_mem=True, config=none), address=0xF_0000).verdict.outcome == "ENXIO"


def test_what_is_unknown_is_said_and_its_cases_are_told() -> None:
    found = answer(known(lockdown=None), address=IVSHMEM_BAR)
    assert found.unknown == ("whether lockdown is in force",)
    assert "not known: whether lockdown is in force" in as_text(found)
    assert found.assumed == ("no lockdown is in force",)
    assert {(b.conditions, b.verdict.outcome) for b in found.branches} == {
        (("no lockdown is in force",), "ok"),
        (("lockdown is in force",), "EPERM"),
    }


@pytest.mark.parametrize(
    ("release", "cmdline", "asked"),
    [
        ("6.12.0", "quiet", True),
        ("6.12.0", "quiet xlockdown=integrity", True),
        ("6.12.0", "lockdown=integrityx", True),
        ("6.12.0", "lockdown=integrity", False),
        ("6.12.0", "quiet lockdown=confidentiality", False),
        ("4.4.0", "quiet", False),
        (None, "lockdown=integrity", False),
        (None, "quiet", True),
    ],
)
def test_lockdown_is_asked_for_where_the_kernel_decides_so(
    release: str | None, cmdline: str, asked: bool
) -> None:
    described = known(lockdown=None, cmdline=cmdline, release=release)
    found = answer(described, address=IVSHMEM_BAR)
    assert ("whether lockdown is in force" in found.unknown) == asked
    if release == "6.12.0":
        assert {b.verdict.outcome for b in found.branches} == ({"ok", "EPERM"} if asked else set())


def test_whether_dev_is_noexec_is_asked_for_an_executable_mapping_of_it() -> None:
    asked: dict[str, Any] = {"address": IVSHMEM_BAR, "exec": True}
    assert [(b.conditions, b.verdict.outcome) for b in answer(known("idle"), **asked).branches] == [
        (("/dev is not mounted noexec",), "ok"),
        (("/dev is mounted noexec",), "EPERM"),
    ]
    told = known("idle", mounts={"/dev": frozenset({"noexec"})})
    assert answer(told, **asked).verdict.why.startswith("a noexec mount")
    assert not answer(known("idle"), address=IVSHMEM_BAR).unknown
    sysfs = answer(known("idle"), bdf=IVSHMEM, bar=2, exec=True)
    assert (sysfs.outcome, sysfs.unknown) == ("EPERM", ())


def test_a_read_only_sysfs_and_a_file_that_is_not_write_combining() -> None:
    where: dict[str, Any] = {"bdf": IVSHMEM, "bar": 2}
    found = answer(known("idle", mounts={"/sys": frozenset({"ro"})}), **where)
    assert (found.outcome, found.verdict.why) == ("EROFS", "/sys is mounted read-only")
    found = answer(known("idle", cmdline="nopat"), **where, wc=True)
    assert (found.outcome, found.advice[0].gives) == ("ENOENT", "ok")
    assert found.advice[0].do == "use resource2 in place of resource2_wc"


def test_what_is_unknown_and_does_not_matter_is_no_case() -> None:
    found = answer(known(lockdown=None, root=False), address=IVSHMEM_BAR)
    assert found.unknown
    assert not found.branches
    assert as_json(found)["certain"]


def test_a_kernel_between_two_of_the_model_has_cases_where_they_differ() -> None:
    found = answer(known("idle", release="5.11.0"), bdf=E1000, bar=0)
    assert not found.branches
    thirteen = replace(known("idle"), release="6.14.0")
    assert not answer(thirteen, address=E1000_BAR).branches


@pytest.mark.slow
def test_lspci_alone_is_enough_for_its_bars() -> None:
    text = (
        b"00:02.0 Thing: A\n\tRegion 0: Memory at fe000000 (32-bit, non-prefetchable) [size=16K]\n"
        b"\tKernel driver in use: thing\n"
    )
    found = answer(with_lspci(Description(), text, "x"), bdf="0000:00:02.0", bar=0)
    outcomes = {branch.verdict.outcome for branch in found.branches}
    assert {"ok", "EINVAL", "EPERM"} <= outcomes
    assert "what drivers claimed (there is no dump of /proc/iomem)" in found.unknown


def test_the_text_has_the_decisive_check_marked() -> None:
    text = as_text(answer(known(), address=E1000_BAR))
    (line,) = [line for line in text.splitlines() if line.startswith(" > ")]
    assert line.split() == [">", "EPERM", "range_is_allowed", "(drivers/char/mem.c)"]
    assert "it fails with EPERM, at 0xfebc0000" in text


THING = "00:02.0 Thing: A\n\tRegion 0: Memory at fe000000 (32-bit, prefetchable) [size=16K]\n"
DRIVEN = "00:04.0 Thing: B\n\tKernel driver in use: other\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (THING, True),
        (THING + "\tKernel driver in use: thing\n", True),
        (THING + DRIVEN, False),
        (THING + "\tKernel modules: thing\n", False),
    ],
)
def test_a_driver_that_the_text_does_not_tell_is_asked_for(text: str, asked: bool) -> None:
    """Without any driver in the text it may have been printed without /sys; with one it is told."""
    found = answer(with_lspci(Description(), text.encode(), "x"), bdf="0000:00:02.0", bar=0)
    outcomes = {branch.verdict.outcome for branch in found.branches}
    assert ("EINVAL" in outcomes) == asked
    assert "ok" in outcomes or found.outcome == "ok"


def test_a_resource_file_does_not_tell_the_driver() -> None:
    row = "0x00000000fe000000 0x00000000fe003fff 0x0000000000040200\n"
    rows = (row + "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 6).encode()
    described = with_resource(known(iomem=None, ioports=None, devices={}), E1000, rows, "x")
    found = answer(described, bdf=E1000, bar=0)
    assert {(b.conditions, b.verdict.outcome) for b in found.branches} == {
        (("drivers claimed their BARs",), "EINVAL"),
        (("drivers claimed no BAR",), "ok"),
    }
    assert f"the driver of {E1000}" in as_text(found)


def test_repairs_and_counted_bars_are_noted() -> None:
    rows = "".join(f"> {n:04x}0000-{n:04x}ffff : System RAM\n" for n in range(1, 2001))
    dumped = known(iomem=dump_of(f"Hi,\n{rows}".encode(), "x"))
    assert answer(dumped, address=E1000_BAR).notes[1:] == (
        "the dump of iomem was repaired, line 1: before the first entry: skipped; "
        "2,000 lines from 2: mail quoting removed",
    )
    text = b"00:02.0 VGA: A\n\tMemory at fe000000 (32-bit, non-prefetchable) [size=4K]\n"
    counted = answer(with_lspci(known(), text, "x"), bdf="0000:00:02.0", bar=0)
    assert any(note.startswith("lspci -v prints no numbers of BARs") for note in counted.notes)


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        ("CONFIG_STRICT_DEVMEM=y\n", {"EPERM", "ok"}),
        ("CONFIG_IO_STRICT_DEVMEM=y\n", {"EPERM"}),
        ("CONFIG_DEVMEM=y\n# CONFIG_STRICT_DEVMEM is not set\n", {"ok"}),
        ("# CONFIG_DEVMEM is not set\n", {"ENOENT"}),
    ],
)
def test_a_part_of_a_configuration_leaves_the_rest_open(text: str, outcomes: set[str]) -> None:
    """What `grep STRICT_DEVMEM /boot/config-*` prints has no line about DEVMEM."""
    described = known(config=parse_config(text), dev_mem=None)
    found = answer(described, address=E1000_BAR)
    assert ({b.verdict.outcome for b in found.branches} or {found.outcome}) == outcomes


def test_several_answers_share_their_words() -> None:
    told = "Linux 4.18.el8 has"
    versions = [f"{told} the features of Linux {version}" for version in ("7.3", "5.10", "5.8")]
    assert joined([f"{told} no others", *versions[1:]]) == (
        f"{told} no others or the features of Linux 5.8 or 5.10"
    )
    assert joined(versions) == f"{told} the features of Linux 5.8 or 5.10 or 7.3"  # with a gap
    every = [f"Linux {version}" for version in reversed(VERSIONS)]
    assert joined(every) == f"Linux {next(iter(VERSIONS))} to {[*VERSIONS][-1]}"
    assert joined(["a", "b"]) == "a or b"


def test_a_driver_is_unbound_only_where_that_helps() -> None:
    read, mapped = (answer(known(), bdf=E1000, bar=0, op=op).advice for op in ("read", "mmap"))
    assert any(one.do.endswith("; map it and load there, instead of read(2)") for one in read)
    assert all(one.gives in (None, "ok") for one in (*read, *mapped))


def advised(described: Description, **asked: Any) -> list[tuple[str, str | None]]:
    """What is advised without the risks, and what the model then gives."""
    return [(one.do, one.gives) for one in answer(described, **asked).advice]


def test_of_two_kernels_to_build_the_milder_is_advised() -> None:
    claimed = advised(known(), address=E1000_BAR)
    assert ("build a kernel with IO_STRICT_DEVMEM=n", "ok") in claimed
    assert not any("DEVMEM=y" in do for do, _ in claimed)
    ram = advised(known(release="6.18.0-amd64"), address=0x1000_0000)  # 6.12: PAT asks, too
    assert [do for do, _ in ram if do.startswith("build")] == [
        "build a kernel with DEVMEM=y and STRICT_DEVMEM=n"
    ]


def test_what_a_container_lacks_comes_first() -> None:
    docker = "docker run --cap-add SYS_RAWIO --device /dev/mem"
    (do, gives), *others = advised(known("idle", capable=False), address=E1000_BAR)
    assert do.startswith("run it as root with CAP_SYS_RAWIO: ")
    assert (docker in do, gives, others) == (True, "ok", [])
    (do, gives), *others = advised(known(capable=False), address=E1000_BAR)
    assert do.startswith("first of all, run it as root")
    assert gives == "EPERM"  # of the range, then
    assert others == advised(known(), address=E1000_BAR)
    first = causes(*ask(known(capable=False), address=E1000_BAR), "EPERM")[0]
    assert first.what == "opening /dev/mem needs CAP_SYS_RAWIO"
    assert docker in first.advice[0].do


@pytest.mark.parametrize("op", ["read", "write"])
def test_a_claimed_register_that_no_copy_reaches_is_to_be_mapped(op: str) -> None:
    text = "10000000-100000ff : serial\n80000000-ffffffff : System RAM\n"
    described = known(iomem=parse(text), devices={}, arch="arm64")
    found = advised(described, address=0x1000_0000, op=op)
    assert answer(described, address=0x1000_0000, op=op).outcome == "EFAULT"
    there = f"map it and {'load' if op == 'read' else 'store'} there, instead of {op}(2)"
    assert (f"boot with iomem=relaxed; {there}", "ok") in found
    assert (f"build a kernel with IO_STRICT_DEVMEM=n; {there}", "ok") in found
    free = advised(replace(described, iomem=parse(text[27:])), address=0x1000_0000, op=op)
    assert free[0] == (there, "ok")
    assert not any("relaxed" in do for do, _ in free)


def test_what_proc_does_not_map_is_mapped_through_sysfs() -> None:
    bdf = {"bdf": E1000, "bar": 0, "via": "proc"}
    found = advised(known("idle", arch="arm64"), **bdf)
    assert found[0] == ("map resource0 of sysfs", "ok")


def test_a_load_that_takes_no_fault_is_no_function_of_the_kernel() -> None:
    for arch in ("x86_64", "arm64", "riscv64"):
        found = answer(known("idle", arch=arch), address=E1000_BAR, op="load")
        (last,) = [one for one in found.verdict.checks if one.function.startswith("(the CPU")]
        assert (last.function, last.file, last.result) == ("(the CPU: no fault)", "", "passed")
    dead = causes(*ask(known("idle"), address=E1000_BAR, op="load"), "SIGBUS")
    assert dead[0].function == "do_user_addr_fault"
