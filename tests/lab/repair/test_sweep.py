"""A repaired kernel: a few live trials, and the judge on sweeps written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.explore.endings import race_outcomes, touch_outcomes
from devmemkit.lab import race
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.kernels import cache
from devmemkit.lab.recordings.manifest import REPAIRED
from devmemkit.lab.recordings.record import play_stories
from devmemkit.lab.repair import build
from devmemkit.lab.repair.sweep import TOUCH_CONTROLS, WINDOWS, dearer, judge, repaired, touch
from devmemkit.model.repairs import COPY_IN_KERNEL, IN_KERNEL
from devmemkit.scenarios.catalogue import stories
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import touch_in_order
from devmemkit.scenarios.stories.held import COUNT
from tests.lab.test_race import HALFWAY, ended, sweep_of, trial

BEGINS = {"none": None, "before": -5, "after": 12, "": 5}


def touches_of(version: str, repair: str, *real: str) -> list[dict[str, Any]]:
    """Touches with every control as it must be, and real trials that ended so."""
    made = []
    for via in VIAS:
        for window in WINDOWS:
            for control in TOUCH_CONTROLS:
                how = ended(touch_in_order(version, via, control, repair))
                made.append({**trial(via, "whole", control, BEGINS[control], **how)})
                made[-1]["window"] = window
            made += [{**trial(via, "whole", **ended(name)), "window": window} for name in real]
    return made


def recorded(repair: str, ending: str, *touched: str) -> dict[str, Any]:
    """A sweep whose real trials all ended so, its controls by the unrepaired kernel's rules."""
    made = sweep_of("6.12")
    for one in made["trials"]:
        if not one["control"]:
            one |= ended(ending)
            one["outcome"] = race.outcome(one)
    made["repair"] = repair
    if touched:
        made["touches"] = touches_of("6.12", repair, *touched)
    return made


@pytest.mark.parametrize(
    ("repair", "ending", "touched", "verdict"),
    [
        ("pass", "survived", (), "PASSED"),
        ("pass", "killed", (), "UNDECIDED"),
        ("recheck", "killed", (), "PASSED"),
        ("recheck", "survived", (), "FAILED"),
        ("link-first", "survived", (), "PASSED"),
        ("hold-rmap", "killed", (), "UNDECIDED"),
        ("fault", "killed", ("killed",), "PASSED"),
        ("fault", "killed", ("torn",), "FAILED"),
        ("fault-unlocked", "killed", ("torn", "killed"), "PASSED"),
        ("fault-unlocked", "killed", ("killed",), "UNDECIDED"),
    ],
)
def test_a_proven_repair_must_not_leak_and_a_refuted_one_must(
    repair: str, ending: str, touched: tuple[str, ...], verdict: str
) -> None:
    *cells, leaks = judge(recorded(repair, ending, *touched))
    assert (leaks.claim, leaks.verdict.name) == ("leaks", verdict)
    failed = {one.claim for one in cells if one.verdict is Verdict.FAILED}
    wrong = {"touch, 0 us", "touch, 300 us"} if touched else {"whole", "first page"}
    assert failed == (wrong if verdict == "FAILED" else set())
    assert all(one.verdict in (Verdict.PASSED, Verdict.FAILED) for one in cells)


def test_a_touch_whose_control_failed_is_undecided() -> None:
    made = recorded("fault", "killed", "killed")
    made["touches"][0] |= ended("torn")
    made["touches"][0]["outcome"] = "torn"
    cells = {(one.via, one.claim): one for one in judge(made)}
    first = cells["devmem", "touch, 0 us"]
    assert (first.verdict.name, first.why) == (
        "UNDECIDED",
        "control none: expected alive, got torn",
    )
    assert cells["sysfs", "touch, 0 us"].verdict is Verdict.PASSED


@pytest.fixture(scope="module")
def built(kernel: cache.Kernel) -> tuple[cache.Kernel, bytes]:
    """A kernel whose module is in the cache; nothing is downloaded."""
    for version in REPAIRED:
        found = cache.cached(version)
        if found is not None and build.kept(found).exists():
            return found, build.build(found, print)
    pytest.skip("no module of the repairs is built; lab run mmap-vs-claim --repair builds one")


def test_a_real_kernel_is_repaired(built: tuple[cache.Kernel, bytes]) -> None:
    """A claim that comes while the mmap fills its page tables; `pass` shows that it does leak."""
    kernel, image = built
    seen: dict[str, set[str]] = {}
    for repair in ("pass", "recheck"):
        with repaired(kernel, image, repair) as guest:
            start = race.bar_start(guest)
            with race.holding(guest, start, "first page"):
                seen[repair] = {
                    race.race(guest, start, "devmem", "first page", **HALFWAY)["outcome"]
                    for _ in range(3)
                }
    assert "survived" in seen["pass"] <= race_outcomes(kernel.version, "devmem", "first page")
    assert seen["recheck"] <= race_outcomes(kernel.version, "devmem", "first page", "recheck")


def test_a_real_fault_needs_its_lock(built: tuple[cache.Kernel, bytes]) -> None:
    kernel, image = built
    for repair in ("fault", "fault-unlocked"):
        with repaired(kernel, image, repair, WINDOWS[1]) as guest:
            start = race.bar_start(guest)
            with race.holding(guest, start, "whole"):
                alive = touch(guest, start, "sysfs", WINDOWS[1], "none")
                got = {
                    touch(guest, start, "sysfs", WINDOWS[1], delay=n * 5_000_000)["outcome"]
                    for n in range(8)
                }
        assert (alive["outcome"], alive["alive"], alive["dead"]) == ("alive", 512, 0)
        assert got <= touch_outcomes(kernel.version, "sysfs", repair)
    assert "torn" in got


def test_a_repair_that_does_not_exist_is_not_loaded(built: tuple[cache.Kernel, bytes]) -> None:
    kernel, image = built
    assert "coffee" not in IN_KERNEL
    with (
        pytest.raises(GuestError, match=r"^load_module: .*EINVAL$"),
        repaired(kernel, image, "coffee"),
    ):
        pass


def test_a_held_write_is_refused_by_a_repaired_kernel(built: tuple[cache.Kernel, bytes]) -> None:
    (held,) = (story for story in stories("write-vs-claim") if story.name == "held")
    for repair, errno in zip(COPY_IN_KERNEL, (None, "EPERM"), strict=True):
        ((_, performed),) = play_stories(built[0], [held], lambda line: None, repair=repair)
        writes = {performed.outcomes[f"write{page}"].errno for page in range(COUNT)}
        assert writes == {errno}, repair


def test_a_repair_is_priced_by_the_least_of_its_runs() -> None:
    def counted(mmap: list[int], load: list[int]) -> dict[str, Any]:
        return {"costs": [{"via": "devmem", "length": 4096, "mmap": mmap, "load": load}]}

    dear, usual = counted([900, 300], [40]), counted([100, 700], [20])
    assert dearer(dear, usual, "devmem", 4096) == 3
    assert dearer(dear, usual, "devmem", 4096, "load") == 2
