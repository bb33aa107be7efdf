"""Recorded machines, and the model held against what real kernels printed."""

from pathlib import Path

import pytest

import devmemkit.model.operations  # noqa: F401 - registers every operation
from devmemkit.lab.recordings.manifest import ON_5G, RECORDED, labels_of
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import run
from devmemkit.scenarios.machines import (
    PC,
    assemble,
    data_dir,
    drivers,
    kernel_in,
    lab_in,
    load_machine,
    recorded,
    sources,
)
from devmemkit.text.iomem import format_dump
from devmemkit.text.iomem_tree import entries_of, tree_of


def text(tree: Resource, kernel: KernelProfile) -> str:
    return format_dump(entries_of(tree, levels=kernel["iores_levels"]))


def assert_is_as_printed(m: Machine, name: str, state: str) -> None:
    """Assert that both trees print as the kernel printed them."""
    folder = data_dir() / "machines" / name / state
    assert text(m["iomem"], m.kernel) == (folder / "iomem").read_text()
    assert text(m["ioport"], m.kernel) == (folder / "ioports").read_text()


def machine(name: str, state: str = "idle") -> Machine:
    return load_machine(name, KernelProfile(kernel_in(name)), state=state)


def test_the_recorded_kernels_are_in_order() -> None:
    firsts = [name for name in recorded() if lab_in(name) is PC]
    assert firsts == [f"qemu-{version}" for version in RECORDED]
    assert recorded()[:2] == ("qemu-5.10", "qemu-5.10-5g")
    assert {*recorded()} == {f"qemu-{one}" for one in labels_of("machine")}


@pytest.mark.parametrize("version", ON_5G)
def test_the_second_machine_differs_in_its_memory_alone(version: str) -> None:
    one, two = machine(f"qemu-{version}"), machine(f"qemu-{version}-5g")
    assert (one.high_memory, two.high_memory) == (0x7FFD_7000, 0x1_8000_0000)
    assert one.phys_bits == two.phys_bits == 40
    assert one["mtrr_uc"] == ((2 << 18, (4 << 18) - 1),)
    assert two["mtrr_uc"] == ((3 << 18, (4 << 18) - 1),)
    for bdf in (PC.e1000, PC.nvme, PC.ivshmem):
        assert one["pci", bdf].bars == two["pci", bdf].bars


@pytest.mark.parametrize("name", recorded())
@pytest.mark.parametrize("state", ["idle", "bound"])
def test_a_loaded_tree_prints_as_the_kernel_printed_it(name: str, state: str) -> None:
    assert_is_as_printed(machine(name, state), name, state)


@pytest.mark.parametrize("name", recorded())
def test_the_same_drivers_leave_the_tree_that_the_kernel_left(name: str) -> None:
    """Bind e1000, nvme and nd_pmem; then compare with `bound`."""
    m, loaded = machine(name), machine(name, "bound")
    for bdf, driver in drivers(lab_in(name).name).items():
        m, bound, _ = run(m, driver, "bind", bdf=bdf, driver=driver)
        assert bound.ok, bound
    assert_is_as_printed(m, name, "bound")
    assert_is_as_printed(machine(name), name, "idle")
    devices = [key for key in m.components if key[0] in ("pci", "nd")]
    assert len(devices) > 4
    assert {key: m[key] for key in devices} == {key: loaded[key] for key in devices}


@pytest.mark.parametrize("name", recorded())
def test_drivers_that_were_recorded_bound_can_be_unbound(name: str) -> None:
    m = machine(name, "bound")
    for bdf in drivers(lab_in(name).name):
        m, gone, _ = run(m, "root", "unbind", bdf=bdf)
        assert gone.ok
    assert_is_as_printed(m, name, "idle")


@pytest.mark.parametrize("name", recorded())
def test_each_device_has_the_driver_that_was_recorded(name: str) -> None:
    """Measured on all: another driver's bind file says ENODEV, another bus has no such file."""
    m = machine(name)
    for bdf, driver, errno in (
        ("0000:00:03.0", "nvme", "ENODEV"),
        ("0000:00:04.0", "e1000", "ENODEV"),
        ("0000:00:05.0", "e1000", "ENODEV"),
        ("0000:00:09.0", "nvme", "ENODEV"),
        ("namespace0.0", "nvme", "ENOENT"),
        ("0000:00:04.0", "nd_pmem", "ENOENT"),
    ):
        assert run(m, "root", "bind", bdf=bdf, driver=driver)[1].errno == errno


def test_a_dump_alone_is_a_machine_too() -> None:
    path = data_dir() / "machines" / "qemu-6.1" / "bound" / "iomem"
    loaded = load_machine(str(path), KernelProfile("6.1"))
    assert text(loaded["iomem"], loaded.kernel) == path.read_text()
    assert sources(str(path)) == [path]


def test_what_is_no_machine_is_named_with_what_would_be() -> None:
    with pytest.raises(ValueError, match=r"machine: expected qemu-5\.10, .* got 'pdp-11'"):
        load_machine("pdp-11", KernelProfile("6.1"))


def test_zeroed_dumps_are_refused() -> None:
    from devmemkit.text.iomem import parse

    with pytest.raises(ValueError, match="zeroes only: read it as root"):
        tree_of(parse("00000000-00000000 : System RAM\n"), root_end=1 << 40)


@pytest.mark.parametrize("name", ["resource0", "resource2_wc"])
def test_no_memory_of_a_device_is_opened_for_a_dump(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("00000000-00000fff : Reserved\n")
    with pytest.raises(ValueError, match="got the memory of a PCI device, left unopened"):
        load_machine(str(tmp_path / name), KernelProfile("6.1"))


def test_an_unknown_state_or_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^state: expected idle or bound, got 'asleep'$"):
        machine("qemu-7.3", "asleep")
    one = machine("qemu-7.3")
    for bits in (31, 65, "40"):
        with pytest.raises(ValueError, match=r"^machine: expected 32 to 64 address bits, got "):
            assemble(one.kernel, one["iomem"], bits, {})  # type: ignore[arg-type]
