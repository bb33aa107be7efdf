"""The names that the notebooks use, in one place: `from devmemkit.artifact import notebook as nb`.

Each is imported when it is first asked for. A name that two modules have is not here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

HOMES: Final = {
    "artifact.ledger": "ledger",
    "artifact.page": "days evidence expect number tell",
    "artifact.provenance": "made_on",
    "artifact.scope": "by_verdict",
    "explain.access": "access_of OPS VIAS",
    "explain.answer": "as_json format_verdict",
    "explain.cases": "Machines",
    "explain.explanation": "explain",
    "explain.machines": "described known_machines",
    "explain.symptom": "causes",
    "explore.check": "explore explore_each",
    "explore.interleavings": "orders",
    "figures.actors": "actors",
    "figures.address_map": "address_map",
    "figures.boot_order": "boot_order",
    "figures.claim_path": "claim_path",
    "figures.exposure": "exposure",
    "figures.history": "history milestones",
    "figures.initcalls": "appearances first_file initcalls made_by moments",
    "figures.lanes": "lanes",
    "figures.matrix": "end_cell matrix",
    "figures.outcomes": "acts_in_words endings in_words kernel_ending outcomes",
    "figures.race": "race races",
    "figures.repairs": "repairs",
    "figures.show": "show",
    "figures.space_map": "size_of space_map",
    "figures.text": "fold Link predict table values",
    "figures.timeline": "timeline",
    "lab.compare": "Verdict",
    "lab.guest.boot": "GuestError KernelError",
    "lab.kernels": "cache",
    "lab.recordings.judge": "judge",
    "lab.recordings.manifest": "REPAIR_RACES REPAIRED_STORIES",
    "lab.recordings.record": "record",
    "lab.recordings.recording": "path_of recordings",
    "lab.repair": "sweep",
    "model.boot": "INITCALLS LEVELS",
    "model.features": "FEATURES VERSIONS",
    "model.flags": "PAGE_SIZE",
    "model.kernel": "KernelProfile",
    "model.pci.device": "PciDevice",
    "model.policy": "ELSEWHERE POLICIES PROPOSALS",
    "model.repairs": "COPY_REPAIRS IN_KERNEL PASS REPAIRS UNLOCKED",
    "model.resource.revoke": "zapped_pages",
    "scenarios.claim_path": "edges",
    "scenarios.machines": "data_dir lab_in LABS load_machine PC sources VIRT",
    "scenarios.races.boot": "attribute_creation early_claim",
    "scenarios.races.catalogue": "concurrent COPIES ORDERS",
    "scenarios.races.copies": "NO_WAIT",
    "scenarios.races.initcall_order": "Boot",
    "scenarios.races.lab_race": "CONTROLS in_order",
    "scenarios.stories.bar_story": "BarStory memory_bars",
    "scenarios.stories.defences": "ACCIDENT ATTEMPTS closes DEFENCES ended PHASES phases",
    "scenarios.stories.exposure": "detected Exposure simulate",
    "scenarios.stories.held": "COUNT LATE OLD",
    "scenarios.stories.takeover": "Takeover try_mapping",
    "scenarios.survey": "survey",
    "scenarios.words": "format_act page_states",
    "text.iomem": "format_dump",
    "text.iomem_tree": "entries_of",
    "widgets.boot": "BootExplorer",
    "widgets.gap": "GapExplorer",
    "widgets.machine": "MachineExplorer",
    "widgets.orders": "OrderExplorer",
    "widgets.overview": "OverviewExplorer",
    "widgets.story": "BarExplorer TakeoverExplorer",
}
"""Module to names."""


def __getattr__(name: str) -> Any:
    for home, names in HOMES.items():
        if name in names.split():
            globals()[name] = getattr(import_module(f"devmemkit.{home}"), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
