"""The programs of the findings: short, harmless without arguments, judged beside controls."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devmemkit.artifact.ledger import entries
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.initramfs import COMPILE
from devmemkit.lab.recordings.manifest import RECORDED, digest
from devmemkit.lab.recordings.recording import path_of, read
from devmemkit.lab.reproducers import judge, modelled, on_model, source, verdict
from devmemkit.lab.runs import RUNS
from devmemkit.model.drivers import nvdimm
from devmemkit.model.features import VERSIONS
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.pci import sysfs as pcisysfs
from devmemkit.model.repairs import REPAIRS
from devmemkit.model.resource import revoke
from devmemkit.model.resource.strict import DENY, is_taken
from devmemkit.model.step import OPERATIONS
from devmemkit.scenarios.stories.reproducer import NOT_REPRODUCED, REPRODUCED

NEWEST = KernelProfile("7.3")


def test_each_is_a_file_and_each_file_is_one() -> None:
    folder = source("unaligned-claim").parent
    assert {path.stem for path in folder.iterdir()} == RUNS.keys()
    named = {entry["reproducer"] for entry in entries() if "reproducer" in entry}
    assert named == RUNS.keys()
    with pytest.raises(ValueError, match=r"reproducer: expected one of .*; got 'x'"):
        source("x")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("name", RUNS)
def test_it_is_short_compiles_and_touches_nothing_without_arguments(
    name: str, tmp_path: Path
) -> None:
    text = source(name).read_text("utf-8")
    assert text.count("\n") < 60
    program = tmp_path / name
    subprocess.run([*COMPILE, "-Werror", "-o", program, source(name)], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (usage,) = re.findall(rf"^ \*   {name} (.*)$", text, re.M)
    assert done.stderr == f"expected {usage}\n"


@pytest.mark.parametrize("version", RECORDED)
def test_it_was_recorded_as_it_is_today_with_its_control(version: str) -> None:
    recorded = {
        one["name"]: one for one in read(path_of("reproducers", version)).content["reproducers"]
    }
    assert recorded.keys() == RUNS.keys()
    for name, one in recorded.items():
        assert one["sha256"] == digest(source(name))
        for told, run in zip(one["runs"], RUNS[name], strict=True):
            assert told["arguments"] == run.arguments
            if told["control"]:
                assert told["status"] == 1
    assert {told for _, told, _, _ in judge(recorded.values(), version)} == {Verdict.PASSED}


def entry(name: str, version: str, real: int | None = None, **lines: str) -> dict[str, Any]:
    """A program's entry as the model gives it, its real run with another status or line."""
    made = modelled(name, KernelProfile(version))
    if real is not None:
        made["runs"][0]["status"] = real
    made["runs"][0] |= lines
    return made


def judged(one: dict[str, Any], version: str) -> tuple[Verdict, int, tuple[str, ...]]:
    ((_, told, compared, differs),) = judge([one], version)
    return told, compared, differs


def statuses(status: int, control: int | None = None) -> dict[str, Any]:
    runs = [{"control": False, "status": status}]
    runs += [{"control": True, "status": control}] if control is not None else []
    return {"name": "dead-mapping", "runs": runs}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (statuses(0, 1), "reproduced"),
        (statuses(1, 1), "not reproduced"),
        (statuses(2, 1), "could not be tried"),
        (statuses(0, 0), "its control reproduced"),
        (statuses(0, 2), "its control could not be tried"),
        (statuses(0), "its control is missing"),
        (statuses(139), "ended with status 139"),
        ({"name": "dead-mapping", "runs": []}, "its run is missing"),
        (statuses(0) | {"name": "removal-leaves-mapped"}, "reproduced"),
    ],
)
def test_a_program_counts_only_beside_a_control_that_does_not(
    entry: dict[str, Any], says: str
) -> None:
    assert verdict(entry) == says


def test_a_kernel_that_does_what_the_model_does_not_is_told() -> None:
    """Each run's status and line are compared, but no count that timing decides."""
    beside = "the driver binds beside the dead mapping"
    not_beside = "the driver binds, but not beside the dead mapping: Cannot allocate memory"
    newer = entry("dead-mapping", "6.18")
    assert judged(newer, "6.18") == (Verdict.PASSED, 2, ())
    differs = (f"expected not reproduced: {beside}, got reproduced: {not_beside}",)
    assert judged(newer, "6.12") == (Verdict.FAILED, 2, differs)
    other = entry("low-megabyte", "7.3", output="claimed, and the page is gone")
    assert judged(other, "7.3")[0] is Verdict.FAILED
    newer["runs"][1]["status"] = 0
    ((control,),) = [judged(newer, "6.18")[2]]
    assert control.startswith("control: expected not reproduced")


def test_a_run_that_is_missing_or_another_is_told() -> None:
    real, control = (entry("unaligned-claim", "7.3")["runs"][n] for n in range(2))
    for runs, says in (
        ([real], "expected a control with /dev/mem 0x40001000 .*, got no run"),
        ([control], "expected a run with .*, got a control with"),
        ([real | {"arguments": "/dev/mem 0 1"}, control], "got a run with /dev/mem 0 1"),
    ):
        told, compared, differs = judged(entry("unaligned-claim", "7.3") | {"runs": runs}, "7.3")
        assert (told, compared) == (Verdict.FAILED, 0 if runs == [control] else 1)
        assert re.search(says, differs[0])
    older = judged(entry("unaligned-claim", "7.3") | {"sha256": "0" * 64}, "7.3")
    says = "expected a run of today's unaligned-claim.c, got another"
    assert older == (Verdict.FAILED, 0, (says,))


@pytest.mark.parametrize("name", ["mapping-in-the-making", "nd-pmem-gaps"])
def test_a_race_that_a_guest_does_not_meet_settles_nothing(name: str) -> None:
    missed = entry(name, "7.3", NOT_REPRODUCED, output="0 of what was tried")
    assert judged(missed, "7.3") == (Verdict.UNDECIDED, 1, ())
    assert judged(entry(name, "7.3", output="3 of what was tried"), "7.3")[0] is Verdict.PASSED
    impossible = entry(name, "7.3")
    impossible["runs"][1] |= {"status": REPRODUCED, "output": "1 of what was tried"}
    assert judged(impossible, "7.3")[0] is Verdict.FAILED


REVOKES = [version for version in VERSIONS if version not in ("4.4", "4.5")]
SINCE = {"removal-leaves-mapped": "5.12", "dead-mapping": "6.16"}


@pytest.mark.parametrize("name", RUNS)
def test_the_model_is_asked_on_every_kernel_that_revokes(name: str) -> None:
    """By version: what the model shows there is what the findings say of it."""
    since = REVOKES.index(SINCE.get(name, "5.8"))
    assert [v for v in REVOKES if on_model(name, KernelProfile(v))] == REVOKES[since:]


def test_kernels_that_do_not_revoke_are_asked_as_well() -> None:
    """Where nothing is revoked most cannot be tried, or their controls end alike."""
    oldest = {name: verdict(modelled(name, KernelProfile("4.4"))) for name in RUNS}
    assert oldest["unaligned-claim"] == "its control could not be tried"
    assert oldest["low-megabyte"] == "its control reproduced"
    assert oldest["removal-leaves-mapped"] == "not reproduced"
    assert on_model("first-page-check", KernelProfile("4.5"))  # it refuses, and by the first page
    assert verdict(modelled("mapping-in-the-making", KernelProfile("4.5"))) == (
        "its control reproduced"
    )


def test_a_model_that_zaps_the_tail_page_does_not_reproduce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def whole(start: int, size: int, _: int) -> tuple[int, int]:
        return start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT

    monkeypatch.setattr(revoke, "zapped_pages", whole)
    assert not on_model("unaligned-claim", NEWEST)
    recorded = read(path_of("reproducers", "7.3")).content["reproducers"]
    failed = {name for name, told, _, _ in judge(recorded, "7.3") if told is Verdict.FAILED}
    assert failed == {"unaligned-claim"}


def test_a_model_that_checks_the_bar_s_other_pages_does_not_reproduce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def any_taken(m: View, first: int) -> bool:
        return any(is_taken(m, page) for page in range(first, first + 8))

    monkeypatch.setattr(pcisysfs, "is_taken", any_taken)
    assert not on_model("first-page-check", NEWEST)


def test_a_model_whose_files_keep_their_mappings_ends_them_with_the_device() -> None:
    assert not on_model("removal-leaves-mapped", replace(NEWEST, policy_name="RevokeDevmem"))
    assert on_model("removal-leaves-mapped", KernelProfile("5.10", policy_name="RevokeAll"))


def test_a_model_that_revokes_below_1_mib_does_not_reproduce(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revoke, "devmem_is_allowed", lambda m, page: DENY)
    assert not on_model("low-megabyte", NEWEST)


def test_the_life_of_a_memtype_decides_over_a_dead_mapping() -> None:
    until_zap = (("memtype_lives", "until zap"),)
    assert not on_model("dead-mapping", KernelProfile("7.3", features=until_zap))
    until_death = (("memtype_lives", "until VMA dies"),)
    assert on_model("dead-mapping", KernelProfile("6.12", features=until_death))


def test_a_driver_that_claims_once_has_no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (nvdimm.pmem_attach_disk, nvdimm.memremap_pages, nvdimm.pmem_undo, nvdimm.pmem_failed)
    once = replace(OPERATIONS["nd_pmem_probe"], steps=lambda kernel: steps)
    monkeypatch.setitem(OPERATIONS, "nd_pmem_probe", once)
    assert not on_model("nd-pmem-gaps", NEWEST)


@pytest.mark.parametrize("repair", REPAIRS)
def test_only_a_repair_that_closes_the_race_leaves_no_mapping_in_the_making(repair: str) -> None:
    """A link or a lock that comes before the check alone leaves it open."""
    closes = repair in ("recheck", "fault")
    assert on_model("mapping-in-the-making", replace(NEWEST, repair=repair)) != closes


@pytest.mark.parametrize(("repair", "lands"), [("recheck", True), ("bounce", False),
                                               ("bounce-locked", False)])  # fmt: skip
def test_a_write_that_waits_before_its_check_cannot_be_held(repair: str, lands: bool) -> None:
    assert on_model("held-write", replace(NEWEST, repair=repair)) == lands


@pytest.mark.parametrize("name", RUNS)
def test_without_dev_mem_nothing_that_needs_it_is_reproduced(name: str) -> None:
    locked = KernelProfile("7.3", cmdline="lockdown=integrity")
    assert not on_model(name, locked)
