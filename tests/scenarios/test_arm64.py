"""The lab's arm64 machine: the stories of the first one at other addresses, and its drivers."""

from __future__ import annotations

import pytest

from devmemkit.explain.machines import described
from devmemkit.lab.fuzz.generate import LIFE, PROCESSES, sequence
from devmemkit.lab.recordings.manifest import ON_ARM64
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import SCENARIOS, before, on_model, stories
from devmemkit.scenarios.play import play

X86_ONLY = {"low_memory", "any_type-nopat"}
"""RAM below 1 MiB, and a parameter of x86."""
OF_THE_PC = ((0x4000_0000, 0x4FFF_FFFF), (0xF800_0000, 0xFFFF_FFFF))
"""Its persistent memory, which is RAM of arm64, and its BARs, where arm64 has nothing."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_plays_what_the_first_machine_plays_at_addresses_of_its_own(scenario: str) -> None:
    mine = {story.name: story for story in stories(scenario, "arm64")}
    theirs = {story.name: story for story in stories(scenario)}
    assert theirs.keys() - mine.keys() == theirs.keys() & X86_ONLY
    for name, story in mine.items():
        keys = [act.key for act in theirs[name].acts]
        if name == "across_nodes":  # the tree has every address
            keys = keys[:-2]
        assert [act.key for act in story.acts] == keys
        for act in story.acts:
            for argument in ("start", "offset"):
                at = act.arguments.get(argument, 0)
                assert not any(first <= at <= last for first, last in OF_THE_PC), (name, act)


def outcomes(name: str, scenario: str) -> dict[str, str]:
    (story,) = (one for one in stories(scenario, "arm64") if one.name == name)
    ends = on_model(story, "7.3", "arm64").outcomes
    return {key: end.errno or end.signal or "ok" for key, end in ends.items()}


@pytest.mark.parametrize("story", ["pmem", "bar", "bar-two-pages"])
def test_a_claim_revokes_and_its_absence_does_not(story: str) -> None:
    told = outcomes(story, "takeover")
    assert (told["load"], told["claim"], told["ioremap"]) == ("ok", "ok", "ok")
    assert (told["load_after"], told["map_again"], told["load_beyond"]) == ("SIGBUS", "EPERM", "ok")
    assert outcomes(f"{story}-control", "takeover")["load_after"] == "ok"


def test_read_and_write_reach_ram_alone() -> None:
    """So nothing can be held over a claim, and nothing written by pwrite before it."""
    told = outcomes("held", "write-vs-claim")
    assert {end for key, end in told.items() if key.startswith(("write", "read"))} == {"EFAULT"}
    assert outcomes("reads", "iomem-relaxed")["ram"] == "EPERM"


@pytest.mark.parametrize("version", ON_ARM64)
def test_random_sequences_play(version: str) -> None:
    machine = before(PROCESSES, KernelProfile(version), "arm64")
    signals = set()
    for index in (*range(6), LIFE - 1):
        played = play(machine, sequence(7, index, "arm64").acts)
        assert not [end.bug for end in played.outcomes.values() if end.bug]
        signals |= {end.signal for end in played.outcomes.values()}
    assert "SIGBUS" in signals


def test_explain_takes_its_architecture_from_the_machine() -> None:
    mine, theirs = described("qemu-6.12-arm64"), described("qemu-6.12")
    assert (mine.release, mine.arch, mine.phys_bits) == ("6.12", "arm64", 48)
    assert (theirs.release, theirs.arch) == ("6.12", "x86_64")
    assert described("qemu-6.12-5g").release == "6.12"
