"""The recorded machines are complete, unchanged and show what their README says."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from devmemkit.scenarios.catalogue import SCENARIOS, stories
from devmemkit.scenarios.machines import kernel_in, recorded

MACHINES = Path(__file__).parents[1] / "data" / "machines"
NAMES = sorted(path.parent.name for path in MACHINES.glob("*/machine.json"))
STATES = ("idle", "bound")
FILES = {f"{state}/{name}" for state in STATES for name in ("iomem", "ioports", "pci.json")}
CLAIMS = {  # the name in /proc/iomem, and the range that it claims
    "namespace0.0": "40000000-4fffffff",
    "e1000": "febc0000-febdffff",
    "nvme": "febf0000-febf3fff",
}
IVSHMEM = "f8000000-fbffffff : 0000:00:05.0"
LINE = re.compile(r"((?:  )*)([0-9a-f]{4,16})-([0-9a-f]{4,16}) : (\S.*)")

each_machine = pytest.mark.parametrize("name", NAMES)
each_state = pytest.mark.parametrize("state", STATES)


def read(name: str, file: str) -> str:
    return (MACHINES / name / file).read_bytes().decode("ascii")


def pci(name: str, state: str) -> dict[str, dict[str, Any]]:
    devices: dict[str, dict[str, Any]] = json.loads(read(name, f"{state}/pci.json"))
    return devices


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
    assert "memmap=256M!1G" in machine["cmdline"]
    assert machine["kernel"]["version"] == kernel_in(name)
    assert f"{machine['physical_address_bits']} bits physical" in machine["address_sizes"]
    assert machine["kernel"]["config"] == {
        "CONFIG_DEVMEM": "y",
        "CONFIG_STRICT_DEVMEM": "y",
        "CONFIG_IO_STRICT_DEVMEM": "y",
        "CONFIG_X86_PAT": "y",
        "CONFIG_SECURITY_LOCKDOWN_LSM": "y",
    }


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
    bars = 0
    for bdf, device in pci(name, state).items():
        assert set(device) == {"vendor", "device", "class", "driver", "resource"}
        rows = [
            [int(field, 16) for field in row.split()] for row in device["resource"].splitlines()
        ]
        assert len(rows) >= 7, f"expected six BARs and the ROM of {bdf}, got {len(rows)} rows"
        for start, end, flags in rows[:6]:
            if flags:
                space, width = ("io", 4) if flags & 0x100 else ("mem", 8)
                assert f"{start:0{width}x}-{end:0{width}x} : {bdf}" in shown[space]
                bars += 1
    assert bars >= 7


@each_machine
def test_idle_shows_regions_without_a_claim(name: str) -> None:
    shown = lines(name, "idle/iomem")
    assert "40000000-4fffffff : Persistent Memory (legacy)" in shown
    assert "febc0000-febdffff : 0000:00:03.0" in shown
    assert "febf0000-febf3fff : 0000:00:04.0" in shown
    assert IVSHMEM in shown
    assert not [line for line in shown if line.split(" : ")[1] in CLAIMS]
    assert {device["driver"] for device in pci(name, "idle").values()} == {None, "virtio-pci"}


@each_machine
def test_bound_adds_the_claims_and_nothing_else(name: str) -> None:
    idle, bound = (lines(name, f"{state}/iomem") for state in STATES)
    added = {f"{span} : {owner}" for owner, span in CLAIMS.items()}
    assert set(bound) - set(idle) == added
    assert [line for line in bound if line not in added] == idle
    assert IVSHMEM in bound
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
    for scenario in SCENARIOS:
        names = {story.name for story in stories(scenario)}
        for story in SCENARIOS[scenario]():
            control = story.control
            assert (control is None) == (not story.cause), f"{scenario}: {story.name}"
            assert control is None or control.name in names
        told = [story for story in SCENARIOS[scenario]() if not story.name.startswith("ports")]
        assert scenario == "edges" or all(story.cause for story in told)
