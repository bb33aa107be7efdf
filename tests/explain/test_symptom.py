"""From a symptom to its causes: the right one comes first, and no cause is without effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from devmemkit.explain.access import OPS, Access, access_of
from devmemkit.explain.answer import format_owner
from devmemkit.explain.as_described import TELLS
from devmemkit.explain.asking import causes_for
from devmemkit.explain.cases import Machines
from devmemkit.explain.cause import Candidate, Cause
from devmemkit.explain.description import Description, dump_of
from devmemkit.explain.explanation import explain
from devmemkit.explain.hypotheses import HYPOTHESES
from devmemkit.explain.hypothesis import Hypothesis
from devmemkit.explain.supposed import ONLY_NAMED
from devmemkit.explain.symptom import SYMPTOMS, _distinct, causes, causes_text
from devmemkit.explain.traces import traced
from devmemkit.explain.verdict import end_of, verdict
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import play
from tests.explain.known import CONFIG, E1000, E1000_BAR, IVSHMEM, IVSHMEM_BAR, answer, ask, known


@pytest.mark.parametrize(
    ("state", "got", "asked", "says"),
    [
        ("bound", "EPERM", {"address": E1000_BAR}, "page 0xfebc0 is not allowed"),
        ("bound", "EINVAL", {"bdf": E1000, "bar": 0}, "the first page of BAR 0 is taken"),
        ("idle", "EINVAL", {"bdf": E1000, "bar": 0}, "a driver had claimed the region"),
        ("idle", "EFAULT", {"address": IVSHMEM_BAR, "op": "read"}, "is above high_memory"),
        ("idle", "SIGBUS", {"address": IVSHMEM_BAR, "op": "load"}, "a driver claimed the region"),
        ("bound", "SIGBUS", {"address": E1000_BAR, "op": "load"}, "a driver claimed the region"),
        ("bound", "SIGBUS", {"bdf": E1000, "bar": 0, "op": "load"}, "a driver claimed the region"),
        (
            "bound",
            "SIGSEGV",
            {"address": E1000_BAR, "op": "load"},
            "mmap was refused, and the program",
        ),
        ("idle", "SIGSEGV", {"address": IVSHMEM_BAR, "op": "load"}, "mmap was refused, and"),
        ("idle", "zeros", {"address": 0x2000, "op": "read"}, ""),
        ("idle", "ones", {"bdf": IVSHMEM, "bar": 2, "op": "load"}, "is gone, asleep or hangs"),
        ("idle", "EAGAIN", {"address": 0x4100_0000, "sync": True}, "has another cache type"),
        ("idle", "EAGAIN", {"address": 0x4100_0000}, "was opened with O_SYNC"),
        ("idle", "EIO", {"bdf": IVSHMEM, "bar": 2, "op": "read"}, "is memory: it can be mapped"),
        ("idle", "ENOENT", {"bdf": E1000, "bar": 0, "wc": True}, "BAR 0 is not prefetchable"),
        ("idle", "EACCES", {"address": IVSHMEM_BAR}, "does not run as root"),
        ("idle", "ENODEV", {"bdf": IVSHMEM, "bar": 2}, "`resource` is a text"),
        ("idle", "EROFS", {"bdf": IVSHMEM, "bar": 2}, "mount is read-only"),
        ("idle", "ENOMEM", {"address": IVSHMEM_BAR}, "fork failed"),
        (
            "bound",
            "EBUSY",
            {"address": E1000_BAR},
            "claim of the range fails, because e1000 has it",
        ),
    ],
)
def test_the_likeliest_cause(state: str, got: str, asked: dict[str, Any], says: str) -> None:
    first = causes(*ask(known(state), **asked), got)[0]
    assert says in first.what
    assert first.tell


@pytest.mark.parametrize(
    ("got", "asked", "says"),
    [
        ("EPERM", {"address": IVSHMEM_BAR, "exec": True}, "a noexec mount"),
        ("EPERM", {"address": IVSHMEM_BAR}, "lets an ordinary user open it"),
        ("EACCES", {"address": IVSHMEM_BAR}, "is mounted nodev"),
    ],
)
def test_a_cause_by_the_files_mode_or_mount(got: str, asked: dict[str, Any], says: str) -> None:
    assert any(says in cause.what for cause in causes(*ask(known("idle"), **asked), got))


def test_a_symptom_that_no_kernel_gives_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^--got: expected one of EPERM, .*; got ENOSPC$"):
        causes(*ask(known(), address=0), "ENOSPC")


def names(found: tuple[Cause, ...]) -> set[str]:
    """The hypotheses among causes, by name."""
    whats = {hypothesis.what: hypothesis.name for hypothesis in HYPOTHESES}
    return {whats[cause.what] for cause in found if cause.what in whats}


@pytest.mark.parametrize("version", ["5.10", "6.12.0", "7.3"])
def test_a_removed_device_ends_its_mapping_of_sysfs_on_old_kernels(version: str) -> None:
    asked = ask(known("idle", release=version), bdf=IVSHMEM, bar=2, op="load")
    assert ("removed later" in names(causes(*asked, "SIGBUS"))) == (version == "5.10")


STATED: list[tuple[dict[str, Any], str, str]] = [
    ({"lockdown": "none"}, "EPERM", "lockdown"),
    ({"capable": True}, "EPERM", "no capability"),
    ({"capable": True}, "EPERM", "idxd"),
    ({"root": True}, "EACCES", "no root"),
    ({"config": CONFIG}, "ENXIO", "empty node"),
    ({"config": CONFIG}, "ENOENT", "no devmem"),
    ({"dev_mem": True}, "ENOENT", "no devmem"),
    ({"mounts": {}}, "EACCES", "nodev"),
]


@pytest.mark.parametrize(("fact", "got", "name"), STATED, ids=lambda value: str(value)[:20])
def test_what_is_stated_is_no_cause(fact: dict[str, Any], got: str, name: str) -> None:
    unknown = dict.fromkeys(("lockdown", "capable", "root", "config", "dev_mem", "mounts"))
    asked = {"address": IVSHMEM_BAR}
    assert name in names(causes(*ask(known("idle", **unknown), **asked), got))
    assert name not in names(causes(*ask(known("idle", **{**unknown, **fact}), **asked), got))


@pytest.mark.parametrize("got", ["EIO", "EFAULT", "EBADF"])
def test_the_causes_are_those_of_the_operation(got: str) -> None:
    for where in ({"address": IVSHMEM_BAR}, {"bdf": IVSHMEM, "bar": 2}):
        assert causes(*ask(known("idle"), **where, op="mmap"), got) == ()


@pytest.mark.parametrize(
    ("line", "says", "played"),
    [
        ("Lockdown: dd: /dev/mem,kmem,port is restricted; see man", "lockdown is in force", True),
        ("x86/PAT: t:9 conflicting memory types f8000000-f8001000 a<->b", "cache type", False),
        ("nvme: can't reserve [mem 0xfebc0000-0xfebdffff]", "because e1000 has it", True),
        ("Program dd tried to access /dev/mem between 100000->101000.", "is not allowed", True),
    ],
)
def test_what_dmesg_names_comes_first(line: str, says: str, played: bool) -> None:
    first = causes(*ask(known(), address=E1000_BAR), line)[0]
    assert says in first.what
    assert first.played == played


@pytest.mark.parametrize("got", SYMPTOMS)
def test_every_symptom_can_be_asked_of_every_file(got: str) -> None:
    machines = Machines(known("idle"))
    for access in (
        Access("port", "read", 0x70, 1),
        Access("port", "write", 0x70, 1),
        Access("devmem", "open", 0, 1),
        Access("port", "open", 0, 1),
        Access("proc", "open", 0, 1, IVSHMEM),
        Access("sysfs", "open", 0, 1, IVSHMEM, 2),
        Access("sysfs", "mmap", 0, 1, IVSHMEM, traced=True, other="/sys/bus/pci/x/resource"),
    ):
        for cause in causes(machines, access, got):
            assert cause.what
            assert cause.function


@pytest.mark.parametrize(("holder", "named"), [("BOOTFB", True), ("simpledrm", True), ("a", False)])
def test_a_framebuffer_is_told_where_it_can_be_the_holder(holder: str, named: bool) -> None:
    text = f"d0000000-dfffffff : 0000:00:02.0\n  d0000000-d07e8fff : {holder}\n"
    described = Description(iomem=dump_of(text.encode(), "dump"), release="6.12")
    found = causes(*ask(described, address=0xD000_0000), "EBUSY")
    assert f"because {holder} has it" in found[0].what
    assert ("framebuffer" in names(found)) == named


def test_what_dmesg_names_against_the_description_says_so() -> None:
    line = "Lockdown: dd: /dev/mem,kmem,port is restricted; see man kernel_lockdown.7"
    for state, says in (("none", True), (None, False)):
        first = causes(*ask(known(lockdown=state), address=E1000_BAR), line)[0]
        assert first.what.endswith("(the description says otherwise)") == says
    asked = ask(known(lockdown="integrity"), address=E1000_BAR)
    assert sum("lockdown" in cause.what for cause in causes(*asked, line)) == 1


def some_accesses() -> Iterator[tuple[Machines, Access]]:
    """Accesses of each kind to two places of the machine."""
    machines = {state: Machines(known(state)) for state in ("idle", "bound")}
    places: list[dict[str, Any]] = [
        {"bdf": IVSHMEM, "bar": 2, "via": "sysfs"},
        {"bdf": IVSHMEM, "bar": 2, "via": "proc"},
        {"bdf": E1000, "bar": 0, "via": "sysfs", "wc": True},
        {"address": IVSHMEM_BAR, "length": 2 * PAGE_SIZE},
    ]
    for one, place, op in product(machines.values(), places, OPS):
        if place.get("via") != "proc" or op not in ("read", "write"):
            yield one, access_of(one.known, **place, op=op)


PLAYED = [one for one in HYPOTHESES if not one.gives]
ELSEWHERE = {"ram", "ports", "removed later", "other cache type than O_SYNC"}
"""Those that matter elsewhere: without a dump, at an unknown BAR, on 5.10, in cached memory."""
ELSEWHERE |= {"no devmem", "no devport"}  # where nobody knows whether the node exists


@pytest.mark.parametrize("hypothesis", PLAYED, ids=lambda hypothesis: hypothesis.name)
def test_every_hypothesis_changes_an_outcome(hypothesis: Hypothesis) -> None:
    for machines, access in some_accesses():
        machine = machines.machine(next(machines.cases())[1])
        changed = hypothesis.apply(machines.known, machine, access)
        if changed is None:
            continue
        played = play(*changed)
        end = end_of(played.acts, played.outcomes)
        assert end == "ok" or end in SYMPTOMS
        if end != verdict(machine, access).outcome:
            return
    if hypothesis.name not in ELSEWHERE:
        pytest.fail("expected some access to end in another way")


@pytest.mark.parametrize(
    "hypothesis",
    # a line of the log has the others
    [one for one in HYPOTHESES if one.gives not in ("", "ok") and one.name not in ONLY_NAMED],
    ids=lambda hypothesis: hypothesis.name,
)
def test_what_the_model_does_not_play_says_so(hypothesis: Hypothesis) -> None:
    assert hypothesis.gives in SYMPTOMS
    assert hypothesis.function
    arch = "aarch64" if hypothesis.name in ("external abort", "alignment") else "x86_64"
    described = known("idle", lockdown=None, iomem=None, arch=arch)
    for access in (*(access for _, access in some_accesses()), Access("port", "iopl", 0, 1)):
        for cause in causes(Machines(described), access, hypothesis.gives):
            if cause.what.startswith(hypothesis.what.partition("{")[0]):
                assert (cause.played, cause.function) == (False, hypothesis.function)
                assert "not played by the model" in causes_text(access, hypothesis.gives, (cause,))
                return
    pytest.fail("expected some access to have it as a cause")


def test_no_cause_on_another_architecture_is_a_function_of_x86() -> None:
    asked = ask(known("idle", arch="aarch64"), address=IVSHMEM_BAR, op="load")
    found = [cause for cause in causes(*asked, "SIGBUS") if cause.played]
    assert {cause.function for cause in found} == {"do_page_fault"}


def test_each_open_question_has_a_way_to_answer_it() -> None:
    machines = (Description(devices=known().devices, arch=arch) for arch in (None, "aarch64"))
    accesses = [Access("devmem", op, 0, 4, exec=True) for op in ("read", "mmap")]
    asked = [one for pair in product(machines, accesses) for one in Machines(*pair).questions]
    assert {one.name for one in asked} <= {"lockdown", *TELLS}


def test_what_only_one_check_prints_is_the_only_cause() -> None:
    line = "Lockdown: dd: /dev/mem,kmem,port is restricted; see man kernel_lockdown.7"
    found = causes(*ask(known("idle"), address=IVSHMEM_BAR), line)
    assert [cause.function for cause in found] == ["open_port"]
    line = "Program dd tried to access /dev/mem between f8000000->f8001000."
    found = causes(*ask(known("idle"), address=IVSHMEM_BAR), line)
    assert {cause.function for cause in found} == {"range_is_allowed"}
    assert len(causes(*ask(known("idle"), address=IVSHMEM_BAR), "EPERM")) > len(found)  # control


def test_a_claim_that_the_dump_does_not_show_is_said_to_be_of_another_moment() -> None:
    [shown, hidden] = [
        next(c.what for c in causes(*ask(known(state), address=E1000_BAR), "EPERM"))
        for state in ("bound", "idle")
    ]
    assert shown == "page 0xfebc0 is not allowed: e1000 has it"
    assert hidden.startswith("a driver had claimed the region before")
    assert hidden.endswith("(the dump shows no claim there: it may be of another moment)")


def test_a_missing_node_is_that_of_a_container_before_a_kernel_without_it() -> None:
    found = causes(*ask(known(dev_mem=None), address=0xF_0000), "ENOENT")
    assert found[0].what.startswith("this /dev has no such node")


RAM = "00100000-7fffffff : System RAM\n"


@pytest.mark.parametrize(("arch", "above"), [("x86_64", " above 1 MiB"), ("aarch64", "")])
def test_a_page_of_ram_is_said_to_be_ram_once(arch: str, above: str) -> None:
    described = known(iomem=dump_of(RAM.encode(), "dump"), arch=arch, config=None)
    found = causes(*ask(described, address=0x20_0000), "EPERM")
    said = f"it is RAM{above}, which STRICT_DEVMEM keeps from every process"
    assert found[0].what == f"page 0x200 is not allowed: {said}"
    assert sum("0x200" in cause.what for cause in found) == 1
    assert verdict(*played_on(described, address=0x20_0000)).why == found[0].what
    free = dump_of(b"fe000000-fe000fff : 0000:00:03.0\n", "dump")  # control
    assert "RAM" not in verdict(*played_on(known(iomem=free), address=0xFE00_0000)).why


def played_on(described: Description, **asked: Any) -> tuple[Machine, Access]:
    """The likeliest machine and the access."""
    machines, access = ask(described, **asked)
    return machines.machine(next(machines.cases())[1]), access


def test_all_claims_in_a_page_are_named() -> None:
    text = "fe200000-fe2000b3 : gpio\nfe200100-fe2001ff : uart\nfe201000-fe201fff : spi\n"
    described = known(iomem=dump_of(text.encode(), "dump"))
    one = causes(*ask(described, address=0xFE20_0000), "EPERM")[0]
    assert one.what == "page 0xfe200 is not allowed: gpio and uart have it"
    other = causes(*ask(described, address=0xFE20_0100, length=4), "EPERM")[0]
    assert other.what == "page 0xfe200 is not allowed: uart and gpio have it"
    assert causes(*ask(described, address=0xFE20_1000), "EPERM")[0].what.endswith(": spi has it")
    found = verdict(*played_on(described, address=0xFE20_0000))
    assert format_owner(found).endswith("claimed, in a page with claims of uart")


ABORT = "the bus answered with an error"
REVOKED = "a driver claimed the region after"


@pytest.mark.parametrize(
    ("arch", "got", "order"),
    [
        ("aarch64", "Bus error", [ABORT, REVOKED]),
        ("aarch64", "--- SIGBUS {si_signo=SIGBUS, si_code=BUS_OBJERR, si_addr=0} ---", [ABORT]),
        ("aarch64", "Unhandled fault: external abort on non-linefetch (0x018)", [ABORT]),
        ("aarch64", "SIGBUS, BUS_ADRERR", [REVOKED]),
        ("x86_64", "Bus error", [REVOKED]),
    ],
)
def test_a_bus_error_has_two_readings(arch: str, got: str, order: list[str]) -> None:
    machines, access = ask(known("idle", arch=arch), address=IVSHMEM_BAR, op="load")
    found = [cause.what for cause in causes(machines, access, got)]
    said = [
        next(text for text in (ABORT, REVOKED, what) if what.startswith(text)) for what in found
    ]
    assert [one for one in said if one in (ABORT, REVOKED)] == order
    assert all("the dump shows no claim" in what for what in found if what.startswith(REVOKED))
    held = causes(*ask(known("bound", arch=arch), address=E1000_BAR, op="load"), "Bus error")
    assert held[0].what == REVOKED + " it was mapped, and the mapping was revoked"


UNALIGNED = "the load or store is not aligned to its size"


@pytest.mark.parametrize(
    ("arch", "more", "got", "offered", "first"),
    [
        ("aarch64", {"address": IVSHMEM_BAR}, "Bus error", True, False),
        ("aarch64", {"address": IVSHMEM_BAR + 2}, "Bus error", True, True),
        ("riscv64", {"address": IVSHMEM_BAR + 2}, "Bus error", True, True),
        ("aarch64", {"address": IVSHMEM_BAR + 2, "length": 2}, "Bus error", True, False),
        ("aarch64", {"address": IVSHMEM_BAR}, "SIGBUS, si_code=BUS_ADRALN", True, True),
        ("aarch64", {"address": IVSHMEM_BAR}, "unhandled alignment fault (11)", True, True),
        ("aarch64", {"address": IVSHMEM_BAR + 2}, "BUS_ADRERR", False, False),
        ("aarch64", {"bdf": IVSHMEM, "bar": 2, "offset": 2, "wc": True}, "SIGBUS", False, False),
        ("aarch64", {"address": 0x1000_0002}, "SIGBUS", False, False),  # RAM
        ("x86_64", {"address": IVSHMEM_BAR + 2}, "Bus error", False, False),
    ],
)
def test_device_memory_takes_aligned_accesses_but_on_x86(
    arch: str, more: dict[str, Any], got: str, offered: bool, first: bool
) -> None:
    found = [one.what for one in causes(*ask(known("idle", arch=arch), op="load", **more), got)]
    at = [number for number, what in enumerate(found) if what.startswith(UNALIGNED)]
    assert (len(at) == 1, at == [0]) == (offered, first)


def test_a_revocation_is_offered_where_the_configuration_is_not_known() -> None:
    """Also where it is likely that the kernel does not revoke."""
    described = known("idle", arch="aarch64", config=None, release="6.12.34+rpt-rpi-2712")
    found = causes(*ask(described, address=IVSHMEM_BAR, op="load"), "BUS_ADRERR")
    (one,) = (one.what for one in found if one.what.startswith(REVOKED))
    assert one.endswith(", if the kernel has IO_STRICT_DEVMEM=y")


def test_si_code_in_a_trace_tells_an_abort_from_a_revocation() -> None:
    lines = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</dev/mem>, 0xf8000000) = 0x7f0000000000\n"
    for code, says in (("BUS_OBJERR", ABORT), ("BUS_ADRERR", REVOKED)):
        text = f"{lines}--- SIGBUS {{si_signo=SIGBUS, si_code={code}, si_addr=0x7f0000000000}} ---"
        assert causes(*traced(known("idle", arch="aarch64"), text))[0].what.startswith(says)


def test_a_cause_under_two_assumptions_is_told_once_with_both() -> None:
    several = [
        Candidate(False, Cause("a page is taken, if it rains", "look out", "f")),
        Candidate(False, Cause("a page is taken, if it snows", "go out; look out", "f")),
        Candidate(False, Cause("a page is taken, if it rains and the sun shines", "wait", "f")),
        Candidate(False, Cause("something else", "", "f")),
    ]
    one, other = _distinct(several)
    assert one.what == "a page is taken, if it rains, or if it snows"
    assert one.tell == "look out; go out"
    assert other.what == "something else"


def test_the_likeliest_cause_comes_with_what_to_do() -> None:
    first, *others = causes(*ask(known(), address=E1000_BAR), "EPERM")
    plain = explain(*ask(known(), address=E1000_BAR))
    assert first.advice == plain.advice != ()
    assert not any(cause.advice for cause in others)
    revoked = causes(*ask(known("idle"), address=IVSHMEM_BAR, op="load"), "SIGBUS")[0]
    assert [one.do for one in revoked.advice][1] == "boot with iomem=relaxed"
    held = causes(*ask(known(), address=E1000_BAR), "EBUSY")[0]
    assert [one.do for one in held.advice] == [
        "unbind the driver: echo 0000:00:03.0 > /sys/bus/pci/drivers/e1000/unbind"
    ]
    no_root = causes(*ask(known("idle", root=None), address=IVSHMEM_BAR), "EACCES")[0]
    assert no_root.advice[0].do.startswith("run it as root")
    assert "what would change the first cause, safest first:\n  1. use" in causes_text(
        "", "", (first,)
    )


def test_no_driver_that_asks_is_told_that_another_one_has_it() -> None:
    line = "{} 0000:00:03.0: BAR 0: can't reserve [mem 0xfebc0000-0xfebdffff]"
    for asker, says in (("e1000", True), ("vfio-pci", False)):
        first = causes(*ask(known(), address=E1000_BAR), line.format(asker))[0]
        assert "because e1000 has it" in first.what
        assert ("the one that asks" in first.what) == says


@pytest.mark.parametrize(
    ("mounts", "offered"),
    [({}, False), (None, True), ({"/dev": frozenset({"noexec"})}, True)],
    ids=["neither", "unknown", "noexec"],
)
def test_noexec_is_offered_where_the_mount_may_be_noexec(mounts: Any, offered: bool) -> None:
    found = causes(*ask(known("idle", mounts=mounts), address=IVSHMEM_BAR), "EPERM")
    assert ("noexec" in names(found)) == offered


@pytest.mark.parametrize(
    ("text", "address", "says"),
    [
        ("100000-1fffff : System RAM\n", 0xFE00_0000, "the dump ends at 0x1fffff, before"),
        ("100000-1fffff : a\n00000000-00000000 : b\n", 0x10_0000, "1 of the dump's 2 lines have"),
        ("100000-1fffff : a\n", 0xFFFF_FFFF_FED1_0000, "0xfed10000 with its sign extended"),
        ("100000-1fffff : a\n", 0x10_0000, ""),
    ],
)
def test_what_looks_wrong_in_the_question_is_said(text: str, address: int, says: str) -> None:
    described = known(iomem=dump_of(text.encode(), "dump"), devices={})
    notes = answer(described, address=address).notes
    assert any(says in note for note in notes) == bool(says)
    if not says:
        assert not any("dump" in note or "sign" in note for note in notes)


def test_an_offset_into_a_bar_is_no_address_for_proc() -> None:
    text = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</proc/bus/pci/00/05.0>, {}) = -1 ENODEV"
    for at, wrong in (("0", True), (f"{IVSHMEM_BAR:#x}", False)):
        machines, access, _ = traced(known("idle"), text.format(at))
        notes = explain(machines, access).notes
        assert any("wants a BAR's physical address" in note for note in notes) == wrong


@pytest.mark.parametrize("holder", ["BOOTFB", "simpledrm", "efifb"])
def test_no_pci_driver_is_unbound_for_the_firmwares_framebuffer(holder: str) -> None:
    text = f"d0000000-dfffffff : 0000:00:02.0\n  d0000000-d07e8fff : {holder}\n"
    described = known(iomem=dump_of(text.encode(), "dump"), devices={})
    for got in ("EBUSY", "EPERM"):
        advice = causes(*ask(described, address=0xD000_0000), got)[0].advice
        assert any("initcall_blacklist=sysfb_init" in one.do for one in advice)
        assert not any("unbind" in one.do for one in advice)


def test_a_line_that_a_check_cannot_print_here_has_no_cause() -> None:
    line = "Program dmidecode tried to access /dev/mem between f0000->100000."
    assert causes(*ask(known("idle", lockdown=None), address=0xF_0000), line) == ()
    assert causes(*ask(known("idle", lockdown=None), address=0xF_0000), "EPERM")  # control


def test_ones_come_with_what_to_do() -> None:
    [first, *_] = causes(*ask(known("idle"), bdf=IVSHMEM, bar=2, op="load"), "ones")
    assert "power/control" in first.advice[0].do


def test_an_address_is_no_offset_for_resource_n() -> None:
    path = f"/sys/bus/pci/devices/{IVSHMEM}/resource2"
    text = f"mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3<{path}>, {{}}) = -1 EINVAL"
    for at, wrong in ((IVSHMEM_BAR, True), (0x1000, False)):
        machines, access, got = traced(known("idle"), text.format(f"{at:#x}"))
        notes = explain(machines, access).notes
        assert any("resourceN wants an offset into the BAR" in note for note in notes) == wrong
        [first, *_] = causes(machines, access, got)
        assert any("VFIO" in one.do for one in first.advice) != wrong


@pytest.mark.parametrize("release", ["4.13.0-21-generic", "4.19.0-5-amd64", "6.12"])
@pytest.mark.parametrize("where", [{"address": IVSHMEM_BAR}, {"bdf": IVSHMEM, "bar": 2}])
def test_lockdown_is_offered_on_kernels_that_may_have_been_patched(
    release: str, where: dict[str, Any]
) -> None:
    asked = known("idle", release=release, lockdown=None)
    assert "lockdown" in names(causes(*ask(asked, **where), "EPERM"))
    assert "lockdown" not in names(causes(*ask(replace(asked, lockdown=""), **where), "EPERM"))


@pytest.mark.parametrize(
    ("where", "holder"),
    [
        ((0xFEBC_0000, 0xFEBD_FFFF), "e1000 has it"),
        ((0xFEB8_0000, 0xFEBD_FFFF), "e1000 has it"),  # which begins behind the first page
        ((0x10_0000, 0x10_0FFF), "System RAM has it"),
        ((0xC000_0000, 0xC000_0FFF), "somebody has it (the dump shows no claim there"),
    ],
)
def test_only_a_claim_holds_a_range(where: tuple[int, int], holder: str) -> None:
    start, end = where
    line = f"vfio-pci 0000:00:03.0: BAR 0: can't reserve [mem {start:#x}-{end:#x}]"
    first = causes(*ask(known(), address=start, length=end - start + 1), line)[0]
    assert f"because {holder}" in first.what
    assert first.function == "__request_region"


def test_no_cgroup_keeps_a_node_closed_that_is_not_there() -> None:
    for dev_mem, offered in ((None, True), (False, False)):
        found = causes(*ask(known(dev_mem=dev_mem), address=E1000_BAR), "EPERM")
        assert any("cgroup" in cause.what for cause in found) == offered


def test_each_cause_that_a_line_names_comes_with_what_to_do() -> None:
    lines = {
        "Lockdown: dd: Direct MSR access is restricted; see man": "leave lockdown",
        "x86/PAT: X:9 map pfn expected mapping type uncached-minus for [mem "
        "0xf8000000-0xf8000fff], got write-combining": "fork before the mmap",
    }
    for line, do in lines.items():
        _, found = causes_for(known("idle", release="5.10"), line)
        assert found[0].advice[0].do.startswith(do)
    assert "stolen root" in causes_for(known(), next(iter(lines)))[1][0].advice[0].risk


@pytest.mark.slow
def test_a_cause_by_the_description_names_what_it_assumes() -> None:
    whole = causes(*ask(known(), address=E1000_BAR), "EPERM")[0]
    assert (whole.as_described, whole.tell) == (True, "this is how the machine is described")
    first = causes(*ask(known(config=None), address=E1000_BAR), "EPERM")[0]
    assert not first.as_described
    assert first.what == whole.what
    assert first.tell == (
        "it fits the description, if the kernel has IO_STRICT_DEVMEM=y: "
        "zgrep STRICT_DEVMEM /proc/config.gz /boot/config-*"
    )
    both = causes(*ask(known(config=None, cmdline=None), address=E1000_BAR), "EPERM")[0]
    assert "if iomem=relaxed was not given and the kernel has IO_STRICT_DEVMEM=y: " in both.tell
    any_kernel = causes(*ask(known(release=None), address=E1000_BAR), "EPERM")[0]
    assert "if the kernel is Linux 4.5 to 7.3: uname -r" in any_kernel.tell
    # a question of which no answer changes the end is not named
    ram = causes(*ask(known(cmdline=None), address=0x1000_0000), "EPERM")[0]
    assert ram.as_described
