"""Repairs: orders of an mmap, a read or a write that no kernel has, and their controls, by name."""

from __future__ import annotations

REPAIRS = {
    "link-first": "the VMA is linked, then checked, then populated",
    "recheck": "after all else each page is checked once more, and the mapping goes if one fails",
    "fault": "nothing is populated; a fault checks and inserts its page under the rmap lock",
    "hold-rmap": "the rmap lock is held from the link until the pages are there",
}
"""Orders of an mmap that no kernel has, which could close the race of an mmap and a claim."""

COPY_REPAIRS = {
    "recheck": "the page is checked once more after memory was read or written",
    "bounce": "the bytes of a write are taken first, then the page is checked and written",
    "bounce-locked": "as bounce, and the lock that a claim takes is held from the check to the "
    "access",
    "hold-lock": "the lock that a claim takes is held from the check to the end of the copy",
}
"""Orders of a read or write of /dev/mem that no kernel has, which could close its race."""

LOCKED = ("bounce-locked", "hold-lock")
"""Those that take the lock of the resource tree."""

UNLOCKED = "fault-unlocked"
"""The repair "fault" without its lock, which an experiment must see fail."""

PASS = "pass"
"""The control of a repaired kernel: it hooks the kernel's functions and changes nothing."""

IN_KERNEL = (PASS, *REPAIRS, UNLOCKED)
"""What the lab's module can put into a running kernel: the repairs and their two controls."""

COPY_IN_KERNEL = (PASS, "bounce-locked")
"""What it can do to a write(2) of /dev/mem: nothing (the control), or the one right repair."""
