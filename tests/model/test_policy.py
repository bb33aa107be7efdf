"""The policies as classes, and those that no kernel has for device memory as behaviour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devmemkit.model.features import FEATURES
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.policy import (
    ELSEWHERE,
    GROUP,
    POLICIES,
    PROPOSALS,
    ExcludeNew,
    Policy,
    RevokeAll,
    register_policy,
)
from devmemkit.model.resource.revoke import GRACE, STEPS
from devmemkit.model.step import finished, run, take_step
from tests.model.machines import (
    ALL,
    BAR0,
    BDF,
    PAGE,
    PMEM,
    bar_mapped,
    begin,
    blocked,
    claim_,
    do,
    finish,
    interleavings,
    live,
    machine,
    mapped,
    ok,
    step_to,
)

CLAIM = {"start": PMEM + PAGE, "size": PAGE}


def test_names_and_releases() -> None:
    """4.5, 5.8, 5.12; the feature table and the classes say the same."""
    assert {name: p.since for name, p in POLICIES.items()} == {
        "NoProtection": "",
        "ExcludeNew": "4.5",
        "RevokeDevmem": "5.8",
        "RevokeAll": "5.12",
        "RefuseClaim": "",
        "RevokeAfterGrace": "",
        "DenyIdle": "",
        "FaultRecheck": "",
        "SubstitutePage": "",
        "SignalNow": "",
    }
    rows = {row.value: row.version for row in FEATURES if row.feature == "policy"}
    assert {n: v for n, v in rows.items() if v != "0"} == {
        name: p.since for name, p in POLICIES.items() if p.since
    }
    assert tuple(name for name in POLICIES if name not in rows) == PROPOSALS + ELSEWHERE
    for policy in POLICIES.values():
        assert policy.what
        assert set(policy.after_insert) <= set(STEPS)


def test_what_each_policy_covers() -> None:
    devmem, everything = {"mem"}, {"mem", "resource", "proc"}
    assert {n: set(p.one_inode) for n, p in POLICIES.items()} == {
        "NoProtection": set(),
        "ExcludeNew": set(),
        "RevokeDevmem": devmem,
        "RevokeAll": everything,
        "RefuseClaim": everything,
        "RevokeAfterGrace": everything,
        "DenyIdle": everything,
        "FaultRecheck": everything,
        "SubstitutePage": everything,
        "SignalNow": everything,
    }
    assert [n for n, p in POLICIES.items() if not p.excludes_busy] == ["NoProtection"]
    assert [n for n, p in POLICIES.items() if p.excludes_idle] == ["DenyIdle"]


@pytest.mark.parametrize("version", ALL)
def test_no_protection_on_any_kernel(version: str) -> None:
    m, address = mapped(machine(version, policy="NoProtection"), PMEM, 2)
    m = claim_(m, **CLAIM_ARGS)
    assert live(m, address, 2) == [True, True]
    ok(m, "mmap_devmem", fd=0, offset=PMEM, length=2 * PAGE)


@pytest.mark.parametrize("version", ALL)
def test_exclude_new_on_any_kernel(version: str) -> None:
    m, address = mapped(machine(version, policy="ExcludeNew"), PMEM, 2)
    m = claim_(m, **CLAIM_ARGS)
    assert live(m, address, 2) == [True, True]
    assert do(m, "mmap_devmem", fd=0, offset=PMEM, length=2 * PAGE)[1].errno == "EPERM"


CLAIM_ARGS = {"begin": CLAIM["start"], "size": CLAIM["size"]}


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("policy", ["RevokeAll", "RefuseClaim", "RevokeAfterGrace", "SignalNow"])
def test_pci_mappings_count_on_any_kernel(version: str, policy: str) -> None:
    """A policy overrides its own row alone, and that row says what hangs on the inode."""
    m, address = bar_mapped(machine(version, policy=policy), 0, 2)
    m, outcome = do(m, "request_mem_region", "driver", start=BAR0, size=PAGE)
    assert (outcome.errno == "EBUSY") == (policy == "RefuseClaim")
    assert live(m, address, 2) == [policy in ("RefuseClaim", "SignalNow"), True]


@pytest.mark.parametrize("version", ALL)
def test_refuse_claim(version: str) -> None:
    """EBUSY while somebody maps the region, nothing changed; a neighbour or an unmap lets it in."""
    m, address = mapped(machine(version, policy="RefuseClaim"), PMEM, 2)
    before = m["iomem"].value()
    refused, outcome = do(m, "request_mem_region", "driver", **CLAIM)
    assert outcome.errno == "EBUSY"
    assert refused["iomem"].value() == before
    assert live(refused, address, 2) == [True, True]
    claim_(refused, PMEM + 2 * PAGE, PAGE)
    gone, _ = ok(refused, "munmap", address=address + PAGE, length=PAGE)
    gone = claim_(gone, **CLAIM_ARGS)
    assert live(gone, address, 1) == [True]
    assert do(gone, "mmap_devmem", fd=0, offset=PMEM, length=2 * PAGE)[1].errno == "EPERM"


def test_refuse_claim_counts_every_page_it_touches() -> None:
    """Not the pages that zapped_pages gives, which miss the tail of an unaligned claim."""
    m, _ = mapped(machine(policy="RefuseClaim"), PMEM + 2 * PAGE, 1)
    span = {"start": PMEM + 0x1800, "size": 0x1000}
    assert do(m, "request_mem_region", "driver", **span)[1].errno == "EBUSY"
    claim_(m, PMEM + 0x1800, 0x800)


def test_refuse_claim_on_a_relaxed_kernel_lets_the_claim_in() -> None:
    m, address = mapped(machine(policy="RefuseClaim", cmdline="iomem=relaxed"), PMEM, 2)
    assert live(claim_(m, **CLAIM_ARGS), address, 2) == [True, True]


def test_refuse_claim_refuses_a_mapping_made_meanwhile() -> None:
    """Inserted first: an mmap that begins after the insertion is EPERM, not missed."""
    m, _ = mapped(machine("6.12", "p", policy="RefuseClaim"), PMEM + 8 * PAGE, 1)
    m = step_to(begin(m, "driver", "request_mem_region", **CLAIM), "driver", "insert")
    assert do(m, "mmap_devmem", fd=0, offset=PMEM, length=2 * PAGE)[1].errno == "EPERM"
    assert finish(m, "driver")[1].ok


@pytest.mark.parametrize("version", ["6.12", "7.3"])
def test_refuse_claim_alone_leaves_the_race_open(version: str) -> None:
    """A claim between the check and the link finds nobody, and both sides succeed."""
    m, fd = ok(machine(version, policy="RefuseClaim", fine=True), "open_devmem", dsync=True)
    m = begin(m, "P", "mmap_devmem", pid="p", fd=fd, offset=PMEM, length=2 * PAGE)
    m = begin(m, "K", "request_mem_region", start=PMEM, size=2 * PAGE)
    ends = interleavings(m, "P", "K")
    results = {(e["outcome", "P"].errno, e["outcome", "K"].errno) for e in ends}
    assert {("EPERM", None), (None, "EBUSY"), (None, None)} <= results
    for end in ends:
        if end["outcome", "P"].ok:  # nothing is ever zapped
            assert live(end, end["outcome", "P"].value, 2) == [True, True]


@pytest.mark.parametrize("version", ALL)
def test_revoke_after_grace(version: str) -> None:
    """The mapper is told, the claim waits; an unmap ends the wait, else the deadline zaps."""
    m = machine(version, "p", "q", policy="RevokeAfterGrace")
    m, address = mapped(m, PMEM, 2)
    m, elsewhere = mapped(m, PMEM + 4 * PAGE, 1, "q")
    m = step_to(begin(m, "driver", "request_mem_region", **CLAIM), "driver", "notify")
    assert m["notices", "p"] == ((PMEM + PAGE, PMEM + 2 * PAGE - 1),)
    assert m.get(("notices", "q")) is None
    assert blocked(m, "driver") == "grace"
    assert live(m, address, 2) == [True, True]
    early, _ = ok(m, "munmap", address=address + PAGE, length=PAGE)
    early, outcome = finish(early, "driver")
    assert outcome.ok
    assert early["clock"] == 0
    assert live(early, address, 1) == [True]
    assert blocked(m.with_({"clock": GRACE - 1}), "driver") == "grace"
    late, outcome = finish(m.with_({"clock": GRACE}), "driver")
    assert outcome.ok
    assert live(late, address, 2) == [True, False]
    assert live(late, elsewhere, 1, "q") == [True]


def test_grace_does_not_wait_when_nobody_maps() -> None:
    m = begin(machine(policy="RevokeAfterGrace"), "driver", "request_mem_region", **CLAIM)
    while not finished(m, "driver"):
        m, event = take_step(m, "driver")
        assert event.actor == "driver"
    assert (m["clock"], m["outcome", "driver"].ok) == (0, True)


@pytest.mark.parametrize("version", ALL)
def test_deny_idle(version: str) -> None:
    """Nobody maps or reads what no driver has claimed, nor what one has; /dev/mem still opens."""
    m = machine(version, policy="DenyIdle")
    m, fd = ok(m, "open_devmem")
    m, bar = ok(m, "open_resource", bdf=BDF, bar=0)
    for state in (m, claim_(claim_(m, PMEM, PAGE), BAR0, 64 * PAGE)):
        assert do(state, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)[1].errno == "EPERM"
        assert do(state, "read_devmem", fd=fd, offset=PMEM, count=8)[1].errno == "EPERM"
        assert do(state, "write_devmem", fd=fd, offset=PMEM, data=b"x")[1].errno == "EPERM"
        assert do(state, "mmap_resource", fd=bar, length=PAGE)[1].errno == "EINVAL"
    assert ok(m, "read_devmem", fd=fd, offset=0xF0000, count=4)[1] == bytes(4)


def test_a_mapping_without_pages_delays_no_later_claim() -> None:
    """RevokeAfterGrace waits once for a process that ignores the notice, not again and again."""
    m, _ = mapped(machine(policy="RevokeAfterGrace"), PMEM, 1)
    m = claim_(m, PMEM, PAGE)
    waited = m["clock"]
    m, _ = ok(m, "release_mem_region", "driver", start=PMEM, size=PAGE)
    assert waited > 0
    assert claim_(m, PMEM, PAGE)["clock"] == waited


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("maps", [mapped, bar_mapped], ids=["devmem", "sysfs"])
def test_fault_recheck(version: str, maps: Callable[..., tuple[Machine, int]]) -> None:
    """A touch fills its page; a claimed one is SIGBUS, EFAULT to a copy, and back when released."""
    m, address = maps(machine(version, policy="FaultRecheck"), PMEM if maps is mapped else 0, 2)
    start = PMEM if maps is mapped else BAR0
    assert m["pagetable", "p"].runs == []
    one, _ = ok(m, "load", pid="p", address=address)
    assert one["pagetable", "p"].runs == [(address >> PAGE_SHIFT,) * 2 + (start >> PAGE_SHIFT,)]
    copied, _ = ok(m, "copy_to_user", pid="p", address=address + PAGE - 4)
    assert len(copied["pagetable", "p"].present(0, 1 << 52)) == 2
    stored, _ = ok(m, "store", pid="p", address=address, value=7)
    claimed = claim_(stored, start, PAGE)
    assert claimed["pagetable", "p"].runs == []
    assert live(claimed, address, 2) == [False, True]
    for copy in ("copy_from_user", "copy_to_user"):
        assert do(claimed, copy, pid="p", address=address)[1].errno == "EFAULT"
        ok(claimed, copy, pid="p", address=address + PAGE)
    assert not claimed.get(("lock", "i_mmap", "iomem"))
    free, _ = ok(claimed, "release_mem_region", "driver", start=start, size=PAGE)
    assert ok(free, "load", pid="p", address=address)[1] == 7
    assert not m.get("memtype")  # nothing is filled, so nothing is reserved, and a fork can copy it
    child, _ = ok(free, "fork", child="c")
    assert ok(child, "load", "c", address=address)[1] == 7
    ok(child, "munmap", address=address, length=2 * PAGE)


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("shared", [True, False])
def test_substitute_page(version: str, shared: bool) -> None:
    """Loads give zeroes, a store reaches no device, kernel copies work; nothing ever comes back."""
    m, fd = ok(machine(version, policy="SubstitutePage"), "open_devmem", dsync=True)
    m = m.with_({("page", PMEM >> PAGE_SHIFT): b"\x05" * PAGE})
    m, address = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=2 * PAGE, shared=shared)
    at = {"pid": "p", "address": address}
    assert ok(m, "load", **at, size=1)[1] == 5
    m = claim_(m, PMEM, PAGE)
    assert ok(m, "load", **at)[1] == 0
    ok(m, "copy_from_user", **at)
    stored, _ = ok(m, "store", **at, value=7)
    assert stored["page", PMEM >> PAGE_SHIFT] == b"\x05" * PAGE
    assert ok(stored, "load", **at)[1] == 7
    assert ok(m, "load", pid="p", address=address + PAGE - 4)[1] == 0
    for state in (m, ok(m, "load", **at)[0]):  # touched while it was claimed, or not
        free, _ = ok(state, "release_mem_region", "driver", start=PMEM, size=PAGE)
        assert ok(free, "load", **at)[1] == 0
    ok(m, "mprotect", **at, length=PAGE, prot="r")
    gone, _ = ok(stored, "munmap", **at, length=PAGE)
    assert do(gone, "load", **at)[1].si_code == "SEGV_MAPERR"
    again = claim_(ok(stored, "release_mem_region", "driver", start=PMEM, size=PAGE)[0], PMEM, PAGE)
    assert ok(again, "load", **at)[1] == 0


@pytest.mark.parametrize("version", ALL)
def test_signal_now(version: str) -> None:
    """Each process with a VMA of the region has its signal at the claim; all stays mapped."""
    m = machine(version, "p", "q", policy="SignalNow")
    m, address = mapped(m, PMEM, 4)
    m, _ = mapped(m, PMEM + 4 * PAGE, 1, "q")
    m = claim_(m, **CLAIM_ARGS)
    assert m["signals", "p"] == (address + PAGE,)
    assert m.get(("signals", "q")) is None
    assert live(m, address, 4) == [True] * 4
    assert do(m, "mmap_devmem", fd=0, offset=PMEM, length=2 * PAGE)[1].errno == "EPERM"
    m, _ = ok(m, "release_mem_region", "driver", start=CLAIM["start"], size=PAGE)
    assert claim_(m, **CLAIM_ARGS)["signals", "p"] == (address + PAGE,)


@pytest.fixture
def clean() -> Iterator[None]:
    """A registry without what a test adds to it."""
    kept = dict(POLICIES.known)
    yield
    POLICIES.known = kept


@pytest.mark.usefixtures("clean")
def test_a_registered_policy_has_the_name_of_its_class_and_replaces_one_of_that_name() -> None:
    @register_policy
    class Mine(RevokeAll):
        after_insert = ("both_ends", "notify", "zap_begin", "zap")

    assert (Mine.name, Mine.since, Mine.what) == ("Mine", "", "based on RevokeAll")
    assert list(POLICIES)[-1] == "Mine"
    assert KernelProfile("7.3", policy_name="Mine").policy.after_insert == Mine.after_insert
    again = register_policy(type("Mine", (ExcludeNew,), {}))
    assert type(POLICIES["Mine"]) is again
    assert KernelProfile("7.3", policy_name="Mine").policy.after_insert == ()


def test_what_cannot_be_registered_is_named() -> None:
    with pytest.raises(ValueError, match=r"^name: expected an identifier other than NoProtection,"):
        register_policy(type("RevokeAll", (Policy,), {}))
    with pytest.raises(ValueError, match=r"; got 'two words'$"):
        register_policy(type("Named", (Policy,), {"name": "two words"}))
    with pytest.raises(TypeError, match=r"^register_policy: expected a subclass of Policy, got <"):
        register_policy(dict)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (("zap",), "expected zap_begin before zap"),
        (("zap", "zap_begin"), "expected zap_begin before zap"),
        (("zap_begin",), "expected zap after zap_begin"),
        (("refuse_if_mapped",), "expected refused after refuse_if_mapped"),
        (("refused",), "expected refuse_if_mapped before refused"),
        (("wait_for_unmap",), "expected notify before wait_for_unmap"),
        (("notify", "notify"), "expected notify once"),
    ],
)
def test_steps_that_rely_on_others_come_with_them(steps: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=f"^Mine.after_insert: {says}"):
        type("Mine", (Policy,), {"after_insert": steps})


def test_an_unknown_rule_for_faults_is_named() -> None:
    says = "^Mine.on_fault: expected one of signal, insert, substitute; got 'zero'$"
    with pytest.raises(ValueError, match=says):
        type("Mine", (Policy,), {"on_fault": "zero"})


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    "steps", [("notify",), ("both_ends",), ("both_ends", "notify"), ("notify", "wait_for_unmap")]
)
def test_a_claim_whose_policy_revokes_nothing_succeeds(steps: tuple[str, ...]) -> None:
    register_policy(type("Tell", (RevokeAll,), {"after_insert": steps}))
    m, address = mapped(machine("7.3", policy="Tell"), PMEM, 2)
    m, start = ok(m, "request_mem_region", "driver", **CLAIM)
    assert start == CLAIM["start"]
    assert bool(m.get(("notices", "p"))) == ("notify" in steps)
    assert live(m, address, 2) == [True, True]


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("steps", "left_out"),
    [
        (("both_ends", "zap_begin", "zap", "notify"), ()),
        (("zap_begin", "zap", "both_ends"), ()),
        (("both_ends", "refuse_if_mapped", "refused", "zap_begin", "zap"), ("refused",)),
        (("both_ends", "refuse_if_mapped", "refused"), ("refused",)),
    ],
)
@pytest.mark.parametrize("fine", [False, True])
def test_every_step_of_a_policy_is_taken_in_its_order(
    steps: tuple[str, ...], left_out: tuple[str, ...], fine: bool
) -> None:
    register_policy(type("Mine", (RevokeAll,), {"after_insert": steps}))
    m = machine("7.3", policy="Mine", fine=fine)
    if "refused" not in steps:
        m, _ = mapped(m, PMEM, 2)
    m, outcome, events = run(m, "driver", "request_mem_region", **CLAIM)
    taken = [event.step for event in events]
    assert outcome.ok
    assert taken[taken.index("insert") + 1 :] == [one for one in steps if one not in left_out]
    assert not m.get(("lock", "i_mmap", "iomem"))


PLUGIN = """
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import RevokeAll, register_policy

KernelProfile("6.12", policy_name="RefuseClaim")  # asks for policies while they are loaded

@register_policy
class FromModule(RevokeAll):
    after_insert = ("both_ends", "notify")

class FromClass(RevokeAll):
    pass
"""


def installed(folder: Path, points: str) -> dict[str, str]:
    """The environment with a package that has these entry points."""
    (folder / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    about = folder / "plugin-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n", encoding="utf-8")
    paths = [str(folder), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_an_installed_package_adds_policies_through_entry_points(tmp_path: Path) -> None:
    env = installed(tmp_path, "a = plugin\nb = plugin:FromClass")
    code = (
        "from devmemkit.model.policy import POLICIES as p; assert not p._loaded;"
        "p['RevokeAll']; assert not p._loaded; print(*list(p)[-2:], len(p))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("FromModule FromClass 12\n", "")
    command = [sys.executable, "-m", "devmemkit", "explore", "mmap-vs-claim", "--json"]
    done = subprocess.run(
        [*command, "--policy", "FromModule"], env=env, capture_output=True, text=True
    )
    assert json.loads(done.stdout)["verdict"] == "found", done.stderr


def test_an_entry_point_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    env = installed(tmp_path, "a = plugin:Gone")
    command = [sys.executable, "-m", "devmemkit", "explore", "mmap-vs-claim"]
    done = subprocess.run([*command, "--policy", "Gone"], env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert "policy 'plugin:Gone' of an entry point: " in done.stderr
