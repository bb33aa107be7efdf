"""The race: a few live trials, and the judge on sweeps written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devmemkit.explore.endings import race_outcomes
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.lab.race import TABLES, bar_start, holding, judge, outcome, race
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import CLAIMS, CONTROLS, in_order

MS = 1_000_000
BEFORE, AFTER, HALFWAY = {"delay": -100 * MS}, {"grown": 2 * TABLES}, {"grown": TABLES // 2}


@pytest.fixture(scope="module")
def racing(kernel: Kernel) -> Iterator[tuple[Guest, int]]:
    with boot(kernel, shared_mib=1024) as guest:
        yield guest, bar_start(guest)


def test_the_first_page_is_raced_for(racing: tuple[Guest, int], kernel: Kernel) -> None:
    guest, start = racing
    times: dict[str, dict[str, int]] = {"none": {}, "before": BEFORE, "after": AFTER}
    times |= {"outside": HALFWAY}
    node = f"{start:08x}-{start + 4095:08x} : ramoops"
    with holding(guest, start, "first page"):
        for via in VIAS:
            for control, when in times.items():
                got = race(guest, start, via, "first page", control, **when)
                assert got["outcome"] == in_order(kernel.version, via, "first page", control), got
            real = race(guest, start, via, "first page", **HALFWAY)
            assert real["shown"]
            assert real["begin"] < real["end"]
            assert real["outcome"] in race_outcomes(kernel.version, via, "first page")
            assert real["alive"] + real["dead"] == 1
        assert node in guest.iomem()
    assert node not in guest.iomem()


def test_all_is_raced_for(racing: tuple[Guest, int], kernel: Kernel) -> None:
    guest, start = racing
    with holding(guest, start, "whole"):
        after = race(guest, start, "devmem", "whole", "after", **AFTER)
        denied = race(guest, start, "sysfs", "whole", "before", **BEFORE)
        alive = race(guest, start, "sysfs", "whole", "none")
    assert after["begin"] >= after["returned"]
    assert (after["outcome"], after["alive"], after["dead"]) == ("killed", 0, 1024)
    assert denied["end"] < 0
    assert denied["outcome"] == "denied EINVAL"
    assert (alive["outcome"], alive["alive"], alive["begin"]) == ("alive", 1024, None)


def test_a_race_needs_a_claim_and_a_file(racing: tuple[Guest, int]) -> None:
    guest, start = racing
    with pytest.raises(GuestError, match=r"race: .* ramoops does not let go: No such device"):
        race(guest, start, "devmem", "whole")
    act = {"operation": "race", "path": "/dev/nothing", "length": 4096, "claim": 0}
    assert guest.play([act])[0]["errno"] == "ENOENT"


def test_another_bar_is_refused(guest: Guest) -> None:
    with pytest.raises(GuestError, match="expected a BAR of 1024 MiB, got 0x"):
        bar_start(guest)


def trial(
    via: str, claim: str, control: str = "", begin: int | None = 5, **more: Any
) -> dict[str, Any]:
    """A trial whose mmap took 10 ns and whose claim 2, both pages of it alive."""
    made = {"via": via, "claim": claim, "control": control, "returned": 10, "begin": begin}
    made |= {"end": None if begin is None else begin + 2, "shown": begin is not None}
    made |= {"errno": None, "alive": 2, "dead": 0, **more}
    return {**made, "outcome": outcome(made)}


def ended(name: str) -> dict[str, Any]:
    """The fields of a trial that ends so."""
    if name.startswith("denied "):
        return {"errno": name.removeprefix("denied "), "alive": 0}
    alive = {"killed": 0, "survived": 2, "alive": 2, "torn": 1}[name]
    return {"alive": alive, "dead": 2 - alive}


def sweep_of(version: str, *real: dict[str, Any]) -> dict[str, Any]:
    """A sweep with every control as it must be, a survivor of each kind, and `real` trials."""
    begins = {"none": None, "before": -5, "after": 12, "outside": 5}
    controls = [
        trial(via, claim, control, begins[control], **ended(in_order(version, via, claim, control)))
        for via in VIAS
        for claim in CLAIMS
        for control in CONTROLS
        if (control, claim) != ("outside", "whole")
    ]
    survivors = [trial(via, claim) for via in VIAS for claim in CLAIMS]
    return {"version": version, "trials": [*controls, *survivors, *real]}


def verdict(recorded: dict[str, Any], via: str = "devmem", claim: str = "whole") -> tuple[str, str]:
    one = next(j for j in judge(recorded) if (j.via, j.claim) == (via, claim))
    return one.verdict.name, one.why


def test_outcomes_of_a_trial() -> None:
    assert outcome(trial("sysfs", "whole", **ended("torn"))) == "torn"
    assert outcome(trial("sysfs", "whole", **ended("killed"))) == "killed"
    assert outcome(trial("sysfs", "whole", errno="EPERM", alive=0)) == "denied EPERM"
    assert outcome(trial("sysfs", "whole", shown=False)) == "undecided"
    assert outcome(trial("sysfs", "whole", begin=None, dead=1)) == "undecided"


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "7.3"])
def test_what_the_model_can_give_passes(version: str) -> None:
    judged = judge(sweep_of(version))
    assert {j.verdict for j in judged} == {Verdict.PASSED}
    assert [j.seen for j in judged] == [{"survived": 1}] * 4
    assert [j.inside for j in judged] == [1] * 4
    assert "survived" in judged[0].possible


def test_what_the_model_never_gives_fails() -> None:
    torn = sweep_of("6.12", trial("devmem", "whole", **ended("torn")))
    assert verdict(torn) == ("FAILED", "the model never gives: torn")
    assert verdict(torn, "sysfs") == ("PASSED", "")
    twice = sweep_of("6.12", trial("devmem", "whole", **ended("denied EINVAL")))
    assert verdict(twice)[0] == "FAILED"
    assert verdict({**twice, "version": "7.3"})[0] == "PASSED"
    killed = sweep_of("5.10", trial("sysfs", "whole", **ended("killed")))
    assert verdict(killed, "sysfs")[0] == "FAILED"


def test_no_claim_beside_the_mmap_is_undecided() -> None:
    recorded = sweep_of("6.12")
    for one in recorded["trials"]:
        if not one["control"]:
            one["begin"] = 10
    assert verdict(recorded) == ("UNDECIDED", "no claim overlapped the mmap")
    early = trial("devmem", "whole", begin=-1, **ended("killed"))  # it ends within the mmap
    assert verdict({**recorded, "trials": [*recorded["trials"], early]}) == ("PASSED", "")
    late = trial("devmem", "whole", begin=10, **ended("killed"))
    hidden = trial("devmem", "whole", shown=False)
    only = [t for t in sweep_of("6.12")["trials"] if t["control"]]
    assert verdict({"version": "6.12", "trials": [*only, late, hidden]})[0] == "UNDECIDED"


def test_a_control_that_fails_or_is_missing_is_undecided() -> None:
    lives = trial("devmem", "whole", "after", 12)
    assert verdict(sweep_of("6.12", lives)) == (
        "UNDECIDED",
        "control after: expected killed, got killed, survived",
    )
    too_early = trial("devmem", "whole", "after", 9)  # tells nothing
    assert verdict(sweep_of("6.12", too_early))[0] == "PASSED"
    kept = [t for t in sweep_of("6.12")["trials"] if t["control"] != "none"]
    assert verdict({"version": "6.12", "trials": kept}) == (
        "UNDECIDED",
        "control none: expected alive, got no trial",
    )
    unseen = trial("devmem", "whole", "before", -5, shown=False, errno="EPERM")
    assert verdict(sweep_of("6.12", unseen))[0] == "UNDECIDED"
