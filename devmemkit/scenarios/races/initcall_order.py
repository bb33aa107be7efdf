"""A boot with initcalls at other levels, and the races that this order opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from devmemkit.model.boot import INITCALLS, LEVELS
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races import boot
from devmemkit.scenarios.races.one_bar import BDF, START, claims
from devmemkit.scenarios.races.properties import NO_BUG, NOBODY_REACHES, no_bug, properties
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property, position

FINDS = "a program finds the files of a device that is there"

BEGIN = Act("begin", "U0", "begin_program")
"""A program runs once there is user space."""

LATER = "0000:80:00.0"
"""A device behind a host bridge with a driver of its own."""


@dataclass(frozen=True)
class Boot:
    """A boot of a kernel with initcalls at other levels.

    `static` resource files are made with their device, others by pci_sysfs_init; they get their
    mapping when they are made, or `at_open`. None means as in the kernel. ValueError for an unknown
    level or initcall.
    """

    kernel: str = "6.12"
    levels: dict[str, str] = field(default_factory=dict)
    static: bool | None = None
    at_open: bool | None = None

    def __post_init__(self) -> None:
        for name, level in self.levels.items():
            if name not in INITCALLS:
                raise ValueError(f"initcall: expected one of {', '.join(INITCALLS)}; got {name!r}")
            if level not in LEVELS:
                raise ValueError(f"{name}: expected a level of {', '.join(LEVELS)}; got {level!r}")

    @cached_property
    def profile(self) -> KernelProfile:
        """The kernel, with the race of an mmap and a claim closed by the repair "recheck"."""
        features: dict[str, str] = {}
        if self.static is not None:
            features["resource_files"] = "device_add" if self.static else "pci_sysfs_init"
        if self.at_open is not None:
            features["attribute_mapping"] = "at open" if self.at_open else "at creation"
        return KernelProfile(self.kernel, repair="recheck", features=tuple(features.items()))

    @cached_property
    def order(self) -> tuple[tuple[str, str], ...]:
        """The initcalls, each with its level, in the order in which they run."""
        placed = INITCALLS | self.levels
        return tuple(sorted(placed.items(), key=lambda item: LEVELS.index(item[1])))

    def _init(self) -> Program:
        acts = {name: Act(name, "init", name) for name, _ in self.order}
        acts["acpi_init"] = Act("acpi_init", "init", "pci_add_device", {"bdf": BDF})
        return Program(tuple(acts.values()), keep=("acpi_init",))

    def scenarios(self) -> tuple[Concurrent, Concurrent]:
        """The two scenarios to search: making resource files, and mapping against claims."""
        return self._files(), self._claims()

    def _files(self) -> Concurrent:
        machine = boot.before_boot(self.profile)
        machine = machine.with_({("pci", LATER): boot.device(LATER, START + (1 << 20), 0, 2)})
        look = Act("look", "U0", "look_for_files", {"bdf": BDF})
        probe = Act("probe", "B0", "begin_probe"), boot.adds("B0", LATER)
        programs = {
            "init": self._init(),
            "B0": Program(probe, keep=("add",)),
            "U0": Program((BEGIN, look), keep=("look",)),
        }

        def found(m: View) -> bool:
            looked = position(m, "U0")[1].get("look")
            return looked is None or looked.ok

        twice, whole = boot.file_properties({BDF: 1, LATER: 2})
        made = Property("sometimes", boot.A_FILE, lambda m: bool(m.get(("sysfs", BDF))))
        asked = (no_bug(programs), twice, Property("always", FINDS, found), whole, made)
        return Concurrent("files", machine, programs, asked)

    def _claims(self) -> Concurrent:
        programs = {"init": self._init(), "U0": boot.maps_early(BEGIN), "C0": claims("C0", 1)}
        asked = tuple(
            one
            for one in (no_bug(programs), *properties(programs, ("U0",), ("C0",)))
            if one.kind == "sometimes" or one.name in (NO_BUG, NOBODY_REACHES)
        )
        return Concurrent("claims", boot.before_boot(self.profile), programs, asked)
