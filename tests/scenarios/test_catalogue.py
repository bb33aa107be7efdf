"""The named scenarios: well-formed on every kernel, and each cause makes a difference."""

from __future__ import annotations

import pytest

from devmemkit.lab.recordings.manifest import ON_ARM64
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import SCENARIOS, machine_of, on_model, stories
from devmemkit.scenarios.machines import LABS, NAMESPACE, lab_in, load_machine, recorded
from devmemkit.scenarios.stories.script import Story

MODERN = [version for version, words in VERSIONS.items() if "historic" not in words]
each = pytest.mark.parametrize("scenario", SCENARIOS)


@each
def test_names_and_keys_are_unique(scenario: str) -> None:
    names = [story.name for story in stories(scenario)]
    assert len(names) == len(set(names))
    for story in stories(scenario):
        keys = [act.key for act in story.acts]
        assert len(keys) == len(set(keys)), story.name
        assert not story.cause or story.cause in keys


@each
@pytest.mark.parametrize(
    ("version", "lab"), [*((v, "2g") for v in MODERN), *((v, "arm64") for v in ON_ARM64)]
)
def test_every_story_plays(scenario: str, version: str, lab: str) -> None:
    for story in stories(scenario, lab):
        played = on_model(story, version, lab)
        assert played.before.kernel.arch == LABS[lab].arch
        assert not [o.bug for o in played.outcomes.values() if o.bug], story.name


@each
def test_the_cause_makes_a_difference_on_the_newest_kernel(scenario: str) -> None:
    """On the first machine, or on the second, if read(2) and write(2) are to reach a BAR."""
    for story in stories(scenario):
        if story.control is None or "iomem=relaxed" in story.cmdline or story.name == "lockdown":
            continue  # what the switches are for: nothing changes
        if story.name == "held_bar":
            continue  # what it shows: the claim does not change what the held writes do
        assert any(differing(story, story.control, lab) for lab in ("2g", "5g")), story.name


def differing(story: Story, control: Story, lab: str) -> list[str]:
    with_it = on_model(story, "7.3", lab).outcomes
    without = on_model(control, "7.3", lab).outcomes
    return [key for key, end in without.items() if with_it.get(key) != end]


def test_a_control_lacks_the_cause_and_what_needs_it() -> None:
    story = next(one for one in stories("claims") if one.name == "several_pages-devmem")
    control = story.control
    assert control is not None
    assert {a.key for a in story.acts} - {a.key for a in control.acts} == {"claim", "release"}
    assert control.control is None


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(ValueError, match="scenario: expected one of takeover, claims"):
        stories("coffee")


def test_the_machine_is_that_of_the_kernel_or_the_next_older() -> None:
    assert machine_of("7.3") == "qemu-7.3"
    assert machine_of("5.15") == "qemu-5.10"
    assert machine_of("4.4") == recorded()[0]
    assert machine_of("7.3", "5g") == "qemu-7.3-5g"
    assert machine_of("7.2", "5g") == "qemu-6.12-5g"


@pytest.mark.parametrize("name", recorded())
def test_the_places_of_the_stories_are_in_the_recorded_machines(name: str) -> None:
    machine = load_machine(name, KernelProfile("6.12"))
    nodes = {(node.start, node.end): node.name for node in machine["iomem"].walk()}
    lab, pmem = lab_in(name), machine["nd", NAMESPACE]
    assert (pmem.start, pmem.end) == (lab.pmem, lab.pmem_end)
    shown = "" if lab.arch == "arm64" else "Persistent Memory (legacy)"
    assert nodes.get((lab.pmem, lab.pmem_end), "") == shown
    for bdf, bar, start in (
        (lab.ivshmem, 2, lab.ivshmem_bar),
        (lab.nvme, 0, lab.nvme_bar),
        (lab.e1000, 0, lab.e1000_bar),
    ):
        assert machine["pci", bdf].bar(bar).start == start
