"""The recorded machines are complete, unchanged and show what their README says."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from devmemkit.scenarios.catalogue import SCENARIOS, stories
from devmemkit.scenarios.machines import LABS, Lab, kernel_in, lab_in, recorded

MACHINES = Path(__file__).parents[1] / "data" / "machines"
NAMES = sorted(path.parent.name for path in MACHINES.glob("*/machine.json"))
STATES = ("idle", "bound")
FILES = {f"{state}/{name}" for state in STATES for name in ("iomem", "ioports", "pci.json")}
LINE = re.compile(r"((?:  )*)([0-9a-f]{4,16})-([0-9a-f]{4,16}) : (\S.*)")

each_machine = pytest.mark.parametrize("name", NAMES)
each_state = pytest.mark.parametrize("state", STATES)


def read(name: str, file: str) -> str:
    return (MACHINES / name / file).read_bytes().decode("ascii")


def pci(name: str, state: str) -> dict[str, dict[str, Any]]:
    devices: dict[str, dict[str, Any]] = json.loads(read(name, f"{state}/pci.json"))
    return devices


def span(start: int, size: int) -> str:
    return f"{start:08x}-{start + size - 1:08x}"


def claims(lab: Lab) -> dict[str, str]:
    """The names in /proc/iomem of what drivers claim, and the range of each."""
    return {
        "namespace0.0": f"{lab.pmem:08x}-{lab.pmem_end:08x}",
        "e1000": span(lab.e1000_bar, 0x2_0000),
        "nvme": span(lab.nvme_bar, 0x4000),
    }


def ivshmem(lab: Lab) -> str:
    return f"{span(lab.ivshmem_bar, 64 << 20)} : {lab.ivshmem}"


def lines(name: str, file: str) -> list[str]:
    return [line.strip() for line in read(name, file).splitlines()]


def test_the_machines_of_the_readme_are_there() -> None:
    readme = (MACHINES / "README.md").read_text()
    assert tuple(re.findall(r"^\| `(qemu-[\w.-]+)` \|", readme, re.M)) == recorded()
    for name in NAMES:
        packages = json.loads(read(name, "machine.json"))["kernel"]["packages"]
        image = next(package for package in packages if package.startswith("linux-image-"))
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"`{image}`" in row
        assert row.endswith(f"| {packages[image]} |")


@each_machine
def test_every_file_is_there_with_its_digest(name: str) -> None:
    machine = json.loads(read(name, "machine.json"))
    found = {
        path.relative_to(MACHINES / name).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (MACHINES / name).rglob("*")
        if path.is_file() and path.name != "machine.json"
    }
    assert set(found) == FILES
    assert found == machine["sha256"]


@each_machine
def test_machine_says_what_it_is(name: str) -> None:
    machine = json.loads(read(name, "machine.json"))
    assert machine["name"] == name
    assert f"Linux version {kernel_in(name)}." in machine["version"]
    assert machine["kernel"]["version"] == kernel_in(name)
    options = {"DEVMEM", "STRICT_DEVMEM", "IO_STRICT_DEVMEM", "SECURITY_LOCKDOWN_LSM"}
    config = machine["kernel"]["config"]
    if lab_in(name).arch == "arm64":
        assert "mem=1792M" in machine["cmdline"].split()
        assert machine["physical_address_bits"] == 48
    else:
        assert "memmap=256M!1G" in machine["cmdline"]
        assert f"{machine['physical_address_bits']} bits physical" in machine["address_sizes"]
        options.add("X86_PAT")
    assert {one: config[one] for one in config if one.partition("_")[2] in options} == {
        f"CONFIG_{option}": "y" for option in options
    }
    assert lab_in(name).arch == "arm64" or len(config) == len(options)


@each_machine
@each_state
@pytest.mark.parametrize("file", ["iomem", "ioports"])
def test_dump_is_a_tree_of_ranges(name: str, state: str, file: str) -> None:
    text = read(name, f"{state}/{file}")
    assert text.endswith("\n")
    above: list[tuple[int, int]] = []
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        depth, start, end = len(match[1]) // 2, int(match[2], 16), int(match[3], 16)
        assert start <= end, line
        assert end > 0, "recorded without the right to see addresses"
        assert depth <= len(above), line
        if depth < len(above):  # a sibling, or a range after all that is nested in one
            assert above[depth][1] < start, line
        if depth:
            assert above[depth - 1][0] <= start <= end <= above[depth - 1][1], line
        above[depth:] = [(start, end)]


@each_machine
@each_state
def test_every_bar_is_in_a_dump(name: str, state: str) -> None:
    shown = {
        "mem": lines(name, f"{state}/iomem"),
        "io": lines(name, f"{state}/ioports"),
    }
    arm = lab_in(name).arch == "arm64"
    bars, ports = 0, 8 if arm else 4  # the tree of arm64 has more than 0xffff ports
    for bdf, device in pci(name, state).items():
        assert set(device) == {"vendor", "device", "class", "driver", "resource"}
        rows = [
            [int(field, 16) for field in row.split()] for row in device["resource"].splitlines()
        ]
        assert len(rows) >= 7, f"expected six BARs and the ROM of {bdf}, got {len(rows)} rows"
        for start, end, flags in rows[:6]:
            if flags:
                space, width = ("io", ports) if flags & 0x100 else ("mem", 8)
                assert f"{start:0{width}x}-{end:0{width}x} : {bdf}" in shown[space]
                bars += 1
    assert bars >= (6 if arm else 7)


@each_machine
def test_idle_shows_regions_without_a_claim(name: str) -> None:
    shown, lab = lines(name, "idle/iomem"), lab_in(name)
    claimed = claims(lab)
    pmem = f"{claimed['namespace0.0']} : Persistent Memory (legacy)"
    assert (pmem in shown) == (lab.arch != "arm64")  # there the tree has no node for it
    assert f"{claimed['e1000']} : {lab.e1000}" in shown
    assert f"{claimed['nvme']} : {lab.nvme}" in shown
    assert ivshmem(lab) in shown
    assert not [line for line in shown if line.split(" : ")[1] in claimed]
    assert {device["driver"] for device in pci(name, "idle").values()} == {None, "virtio-pci"}


@each_machine
def test_bound_adds_the_claims_and_nothing_else(name: str) -> None:
    idle, bound = (lines(name, f"{state}/iomem") for state in STATES)
    added = {f"{where} : {owner}" for owner, where in claims(lab_in(name)).items()}
    assert set(bound) - set(idle) == added
    assert [line for line in bound if line not in added] == idle
    assert ivshmem(lab_in(name)) in bound
    drivers = {bdf: device["driver"] for bdf, device in pci(name, "bound").items()}
    assert {bdf: driver for bdf, driver in drivers.items() if driver} == {
        "0000:00:03.0": "e1000",
        "0000:00:04.0": "nvme",
        "0000:00:06.0": "virtio-pci",  # the lab's own port
    }


def test_no_file_names_a_host_or_a_folder() -> None:
    for path in MACHINES.rglob("*"):
        if path.is_file() and path.parent != MACHINES:
            text = path.read_text()
            assert not re.search(r"https?://|/(home|root|tmp|srv|opt|mnt)/", text), path


def test_a_story_has_a_control_where_it_has_a_cause() -> None:
    for scenario, lab in product(SCENARIOS, ("2g", "5g")):
        names = {story.name for story in stories(scenario, lab)}
        told = SCENARIOS[scenario](LABS[lab])
        for story in told:
            control = story.control
            assert (control is None) == (not story.cause), f"{scenario}: {story.name}"
            assert control is None or control.name in names
        others = [story for story in told if not story.name.startswith("ports")]
        assert scenario == "edges" or all(story.cause for story in others)
