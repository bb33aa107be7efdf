"""What the race page says: each step in a phrase, the page in a word, and the levels."""

from __future__ import annotations

from typing import Literal, NamedTuple

from devmemkit.explain.kernel_functions import FUNCTIONS, function_of
from devmemkit.model.kernel import KernelProfile

STEPS = {
    "do_mmap": "takes mmap_lock and checks the call",
    "valid_mmap_phys_addr_range": "checks that such an address can exist",
    "range_is_allowed": "asks whether a driver has claimed the page",
    "phys_mem_access_prot_allowed": "from 6.16 on asks again whether the page is claimed",
    "mmap_mem": "settles how the page is cached",
    "pci_mmap_resource": "asks whether the BAR's first page is claimed; checks the range",
    "pci_mmap_resource_range": "settles how the page is cached",
    "remap_pfn_range": "fills the page table; no claim can find the mapping yet",
    "remap_pfn_range_complete": "fills the page table of the linked mapping",
    "vma_link_file": "links the mapping into its inode's list",
    "mmap_end": "returns the address to the process",
    "link_and_hold": "links the mapping and keeps the rmap lock",
    "check_again": "asks once more whether a driver has claimed the page",
    "unmap_region": "takes the mapping back",
    "mmap_denied": "refuses the mmap",
    "load_step": "touches the page",
    "fault_lock": "enters the fault handler",
    "fault_check": "asks whether a driver has claimed the page",
    "fault_insert": "fills the page table and leaves the handler",
    "do_munmap": "unmaps the page",
    "insert": "puts the region into the resource tree: it is busy",
    "both_ends": "decides whether to revoke mappings",
    "zap_begin": "takes the rmap lock of the shared inode, to walk its mappings",
    "zap": "zaps the page in every mapping that it finds, and drops the lock",
    "refuse_if_mapped": "looks for linked mappings of the region",
    "refused": "gets EBUSY",
    "notify": "asks the process to unmap",
    "wait_for_unmap": "stops waiting: the page is unmapped, or the grace is over",
    "signal_mappers": "sends SIGBUS to the process",
    "release": "gives the region back",
    "passes": "lets the grace period end",
}
"""What each step of the race does; the actor is the subject."""

ENDS = {
    "mmap_devmem": "mapped",
    "mmap_resource": "mapped",
    "load": "loaded",
    "munmap": "unmapped",
    "request_mem_region": "claimed",
    "release_mem_region": "released",
}
"""The word for the success of an operation."""

WAITS = {
    "i_mmap iomem": "waits for the rmap lock",
    "i_mmap sysfs": "waits for the rmap lock",
    "grace": "waits until the process unmaps, or the grace is over",
}
"""What an actor waits for, by the name that Blocked has."""

PAGES = {
    "unmapped": "The process does not map the page.",
    "empty": "The process has a mapping without the page in it.",
    "filled": "The page table has the page; the mmap has not returned.",
    "live": "The process can reach the page.",
    "zapped": "The claim took the page out of the process's page table.",
    "surviving": "The process still reaches the page that the driver has claimed.",
}
"""The page of memory in a word, and in a sentence."""

REGIONS = {
    "idle": "Nobody has claimed the region.",
    "claiming": "The driver's claim is under way.",
    "claimed": "The driver has the region.",
}
"""The region in a word, and in a sentence."""


def function(kernel: KernelProfile, step: str) -> str:
    """The kernel function that a step stands for, "" for a step of a proposal or a repair."""
    return function_of("", step, kernel)[0] if step in {*FUNCTIONS, "do_munmap"} else ""


class Level(NamedTuple):
    """A task for the visitor: to "reach" the claimed page, or to keep the driver out ("starve")."""

    title: str
    says: str
    kernel: str
    policy: str | None = None
    repair: str = ""
    via: str = "devmem"
    goal: Literal["reach", "starve"] = "reach"


LEVELS = (
    Level(
        "Break 4.5",
        "Linux 4.5 refuses new mappings of what a driver has claimed. It leaves old ones alone.",
        "4.5",
    ),
    Level(
        "Break 5.10 through sysfs",
        "Since 5.8 a claim revokes mappings. Does it know of those made through resource2?",
        "5.10",
        via="sysfs",
    ),
    Level(
        "Break 6.12",
        "The claim now revokes every mapping that it finds. When can it not find yours?",
        "6.12",
    ),
    Level(
        "Break 7.3",
        "Since 6.19 /dev/mem links a mapping first and fills it afterwards. Is that enough?",
        "7.3",
    ),
    Level(
        "Break the repair that holds the rmap lock",
        "The mmap links its mapping and keeps the lock that the claim needs, until the page is "
        "there. What has it not asked again?",
        "7.3",
        repair="hold-rmap",
    ),
    Level(
        "Break the repair that checks again",
        "After all else the mmap asks once more whether the page is claimed.",
        "7.3",
        repair="recheck",
    ),
    Level(
        "Break the fault handler without its lock",
        "The mmap fills nothing. The first touch faults; the handler checks the page, then "
        "inserts it. This one forgets the lock.",
        "7.3",
        repair="fault-unlocked",
    ),
    Level(
        "Break the fault handler with its lock",
        "The same, but the handler holds the rmap lock from the check to the insertion.",
        "7.3",
        repair="fault",
    ),
    Level(
        "Keep the driver out under RefuseClaim",
        "A claim now fails with EBUSY while somebody maps the region. The driver tries for ever, "
        "and the process maps again and again. Bring the race back to a state in which it has "
        "been, with steps of process and driver on the way: then it can repeat for ever.",
        "6.12",
        policy="RefuseClaim",
        via="sysfs",
        goal="starve",
    ),
    Level(
        "Keep the driver out under RevokeAll",
        "The same circle, but the claim revokes and does not ask.",
        "6.12",
        policy="RevokeAll",
        via="sysfs",
        goal="starve",
    ),
)
"""From easy to hard; whether one can be done is asked of the explorer when the site is built."""
