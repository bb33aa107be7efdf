"""Notebook 06: its stored values are those of the recordings, and its cells run for any of them."""

from functools import cache
from typing import Any

import pytest

from devmemkit.artifact.parameters import declared
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import KernelError
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.manifest import ON_ARM64, RECORDED, REPAIRED
from devmemkit.lab.recordings.recording import recordings
from devmemkit.model.repairs import IN_KERNEL
from tests.notebook import Cells

CELLS = Cells("06-real-kernels")
known = cache(recordings)
"""All recordings of a machine, read and checked once: no cell changes them."""


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devmemkit.artifact.notebook.recordings", known)


def test_the_parameters_are_typed() -> None:
    assert declared(CELLS.path) == {
        "kernel": "str",
        "scenario": "str",
        "story": "str",
        "live": "bool",
    }


@pytest.mark.slow
def test_the_stored_values_are_the_recordings() -> None:
    named = CELLS.stored()
    assert named["kernels"] == {r.version: r.about["kernel"]["release"] for r in known()}
    scenario = [r for r in known() if r.scenario == "pci-bars"]
    for recording in scenario:
        rows = [row for one in judge(recording) for row in one.comparison.rows]
        compared = sum(row.verdict in (Verdict.PASSED, Verdict.FAILED) for row in rows)
        assert named["compared"]["pci-bars"][recording.version] == compared
    assert named["differ"] == []
    assert named["verdicts"]["FAILED"] == named["verdicts"]["UNDECIDED"] == 0
    assert named["verdicts"]["PASSED"] == sum(
        count for each in named["compared"].values() for count in each.values()
    )


def test_what_the_explanations_say_was_seen() -> None:
    named = CELLS.stored()
    sides = named["sides"]
    two = [sides[f"{', '.join(RECORDED[:n])} | {', '.join(RECORDED[n:])}"] for n in (1, 2)]
    assert min(two) > max(count for count in sides.values() if count not in two)
    assert sum(two) > sum(sides.values()) / 2
    removed = named["story"]["sysfs"]
    assert removed["5.10"].startswith("SIGBUS")
    assert {removed[version] for version in removed if version != "5.10"} == {"0xd00d"}
    assert {v for k, v in named["refused"].items() if "again" in k or "goes" in k} == {"works"}
    assert all(word.startswith("E") for k, word in named["refused"].items() if k.endswith("binds"))
    early = {version for version, words in named["first_file"].items() if "acpi_init" in words}
    assert early == {"7.2", "7.3"}
    by_arm = [words for label, words in named["first_file"].items() if "arm64" in label]
    assert "gen_pci_driver_init, level device" in by_arm[-1]
    assert all("after iomem_init_inode; after populate_rootfs" in words for words in by_arm)
    assert all(any(": 0 of " not in said for said in each) for each in named["survived"].values())
    most = max(named["changes"], key=named["changes"].get)
    assert most == "between 6.1 and 6.12"
    assert {v for each in named["race_verdicts"].values() for v in each} == {"PASSED"}
    assert named["survived"]["7.3"][0].startswith("/dev/mem, whole: 0 of ")
    assert not named["survived"]["5.10"][0].startswith("/dev/mem, whole: 0 of ")


def test_what_is_said_of_the_second_architecture_was_seen() -> None:
    named = CELLS.stored()
    assert named["arm"].keys() == set(ON_ARM64)
    assert all(c["FAILED"] == c["UNDECIDED"] == 0 < c["PASSED"] for c in named["arm"].values())
    apart = named["on_arm"]
    assert not {"claims", "refused-claim"} & {name for found in apart.values() for name in found}
    assert apart["works → EFAULT"]["write-vs-claim"] > 100
    assert apart["ENOMEM → works"].keys() == {"ioremap-conflict", "sealed", "write-vs-claim"}
    assert apart["works → EBUSY"].keys() == {"edges"}
    assert "pci-bars" in apart["mapped → EIO"]
    assert not [ends for ends in apart if "SIGBUS" in ends]
    rows = {"low_megabyte", "copy_reach", "cache_types", "proc_mmap", "port_calls"}
    assert rows <= set(named["by_architecture"])
    assert "zap_lock" not in named["by_architecture"]


def test_what_is_said_of_the_repaired_kernels_was_measured() -> None:
    named = CELLS.stored()
    for version in REPAIRED:
        told = {name: named["repaired"][f"{version} {name}"] for name in IN_KERNEL}
        for name in ("recheck", "fault"):
            assert told[name][0].startswith("0 of "), version
            assert told[name][2] == "never"
        assert told["fault"][1].startswith("0 of ")
        for name in ("pass", "link-first", "hold-rmap"):
            assert not told[name][0].startswith("0 of ")
            assert told[name][1:] == ["–", "possible"]
        assert told["fault-unlocked"][0].startswith("0 of ")
        assert not told["fault-unlocked"][1].startswith("0 of ")
    assert named["repaired_verdicts"] == ["PASSED"]
    for version, twice in (("6.12", 2.0), ("7.3", 1.5)):
        costs = {k: v for k, v in named["costs"].items() if k.startswith(f"{version}, ")}
        assert len(costs) == 8
        for size in ("2 MiB", "1 GiB"):
            asked_again = costs[f"{version}, /dev/mem, {size}"]["recheck"]
            assert 0.85 * twice < asked_again < 1.15 * twice
        assert costs[f"{version}, resource2, 1 GiB"]["recheck"] > 4
        assert costs[f"{version}, /dev/mem, 4 KiB"]["recheck"] < 1.05
        assert all(0.95 < each["hold-rmap"] < 1.05 for each in costs.values())
        assert all(each["fault"] < 1 for where, each in costs.items() if "load" not in where)
        assert all(each["fault"] > 2 for where, each in costs.items() if "load" in where)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "6.18", "scenario": "refused-claim", "story": "refused-nvme"},
    ],
    ids=lambda p: p["scenario"],
)
def test_every_cell_runs(parameters: dict[str, Any]) -> None:
    CELLS.runs(parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel": "4.5"}, "kernel: expected one of 5.10, .*, 7.3; got '4.5'"),
        ({"scenario": "boot"}, "scenario: expected one of claims, .*; got 'boot'"),
        ({"story": "x"}, "story: expected one of .*hot_removal; got 'x'"),
        ({"scenario": "claims"}, "story: expected one of .*; got 'hot_removal'"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    CELLS.refuses(parameters, f"{sentence}$", 3)


def test_without_a_guest_live_says_so_and_shows_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def get(version: str) -> None:
        raise KernelError("apt-get: not found; install it")

    monkeypatch.setattr("devmemkit.lab.kernels.cache.get", get)
    assert CELLS.run({"live": True}, 4) is None
    said = capsys.readouterr().out
    assert "apt-get: not found; install it" in said
    assert "Evidence: recorded" in said
