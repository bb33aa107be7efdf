"""Stories of claims: which pages die, in whose mappings, and what still works on a dead one."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import VIAS, Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.script import C, D, G, P, Q, Story, Window, in_page, story

ELSEWHERE = 0x7F10_0000_0000
"""Where mremap moves things to."""


def several_pages(w: Window) -> tuple[Act, ...]:
    """An aligned claim of pages 4 to 7; new mappings inside, outside and across its edge."""
    return (
        *w.mapped(16),
        *(P.store(f"store{n}", n, 0x1111 * n) for n in (3, 4, 7, 8)),
        w.claim(0x4000, 0x4000),
        *(P.load(f"load{n}", n) for n in (3, 4, 5, 7, 8, 15)),
        w.map(P, "inside", 1, 5),
        w.map(P, "below", 1, 3),
        w.map(P, "above", 4, 8),
        w.map(P, "across", 3, 3),
        P.load("load_below", 0, "below"),
        P.load("load_inside", 0, "inside"),
        w.release(0x4000, 0x4000),
        P.load("old_after", 4),
        w.map(P, "again", 16),
        *(P.load(f"new{n}", n, "again") for n in (3, 4, 7, 8)),
    )


def unaligned(w: Window) -> tuple[Act, ...]:
    """A claim of one page's length that touches pages 1 and 2: page 2 stays mapped."""
    return (
        *w.mapped(4),
        P.store("store", 2, 0xABCD),
        w.claim(0x1800, 0x1000),
        *(P.load(f"load{n}", n) for n in range(4)),
        P.store("store_after", 2, 0xBEEF),
        *(w.map(P, f"map{n}", 1, n) for n in range(4)),
        w.release(0x1800, 0x1000),
        P.load("after", 2),
        P.load("dead_after", 1),
    )


def sub_page(w: Window) -> tuple[Act, ...]:
    """A claim of 32 bytes takes the whole page, the bytes that nobody owns too."""
    return (
        *w.mapped(8),
        w.claim(0x4010, 0x20),
        *(P.load(f"load{n}", n) for n in (3, 4, 5)),
        P("load_beside", "load", "reads the page's end", address=Ref("map", 0x4FF8)),
        w.map(P, "again", 1, 4),
        w.release(0x4010, 0x20),
    )


def two_pages_by_two_bytes(w: Window) -> tuple[Act, ...]:
    """A claim across a page border, smaller than a page: the second page stays mapped."""
    return (
        *w.mapped(8),
        w.claim(0x3FF0, 0x20),
        *(P.load(f"load{n}", n) for n in (2, 3, 4, 5)),
        w.map(P, "again", 1, 4),
        w.release(0x3FF0, 0x20),
    )


def forked(w: Window) -> tuple[Act, ...]:
    """Parent and child lose the page; a child made afterwards never had it."""
    return (
        *w.mapped(8),
        P.store("store", 4, 0x4444),
        P("fork", "fork", "forks", child="C"),
        C.load("child_before", 4, needs="fork"),
        w.claim(0x4000, 0x1000),
        P.load("parent", 4),
        C.load("child", 4, needs="fork"),
        C.load("child_beside", 5, needs="fork"),
        P("fork_again", "fork", "forks once more", child="E"),
        Act("late", "E", "load", {"pid": "E", "address": in_page("map", 4)}, "reads page 4",
            needs="fork_again"),
        w.release(0x4000, 0x1000),
    )  # fmt: skip


def private(w: Window) -> tuple[Act, ...]:
    """Copied pages of a private mapping are lost inside the claim, and kept outside."""
    return (
        *w.mapped(12, shared=False),
        *(P.store(f"store{n}", n, 0x5000 + n) for n in (4, 9)),
        P.load("untouched", 5),
        w.claim(0x4000, 0x2000),
        *(P.load(f"load{n}", n) for n in (3, 4, 5, 6, 9)),
        w.release(0x4000, 0x2000),
    )


def moved(w: Window) -> tuple[Act, ...]:
    """A mapping moved by mremap is found by the claim; a dead page that moves stays dead."""
    whole = {"address": Ref("map", 0x4000), "length": 0x4000}
    return (
        *w.mapped(8),
        P.store("store", 5, 0x5555),
        P("move", "mremap", "moves pages 4 to 7", **whole, new_length=0x4000, to=ELSEWHERE),
        w.claim(0x2000, 0x4000),
        *(P.load(f"left{n}", n) for n in (1, 2, 3)),
        *(P.load(f"moved{n}", n - 4, "move") for n in (4, 5, 6)),
        P("grow", "mremap", "asks for one page more", address=Ref("move"), length=0x4000,
          new_length=0x5000),
        P("again", "mremap", "moves the dead pages on", address=Ref("move"), length=0x2000,
          new_length=0x2000, to=ELSEWHERE + 0x10_0000),
        P.load("moved_again", 1, "again"),
        P("shrink", "mremap", "gives up a page", address=Ref("map"), length=0x4000,
          new_length=0x3000),
        P.load("left_of_all", 1),
        w.release(0x2000, 0x4000),
    )  # fmt: skip


def unmapped(w: Window) -> tuple[Act, ...]:
    """A hole made by munmap before the claim, and pages on both its sides."""
    return (
        *w.mapped(8),
        P("hole", "munmap", "unmaps page 3", address=Ref("map", 0x3000), length=0x1000),
        w.claim(0x2000, 0x4000),
        *(P.load(f"load{n}", n) for n in (1, 2, 3, 4, 6)),
        P("munmap_dead", "munmap", "unmaps a dead page", address=Ref("map", 0x4000), length=0x1000),
        P.load("load_unmapped", 4),
        w.release(0x2000, 0x4000),
    )


def _uses(page: int, prefix: str) -> tuple[Act, ...]:
    """All that can be done to a page, ending with a load."""
    at = {"address": in_page("map", page)}
    range_ = {"address": Ref("map", page * PAGE_SIZE), "length": PAGE_SIZE}
    return (
        P.load(f"{prefix}load", page),
        P.store(f"{prefix}store", page, 7),
        P(f"{prefix}write_from", "copy_from_user", "passes it to write(2)", **at),
        P(f"{prefix}read_into", "copy_to_user", "passes it to read(2)", **at),
        G(f"{prefix}peek", "ptrace_peek", "a debugger peeks", pid="P", **at),
        G(f"{prefix}poke", "ptrace_poke", "a debugger pokes", pid="P", value=9, **at),
        G(f"{prefix}vm_read", "process_vm_readv", "another process reads it", pid="P", **at),
        P(f"{prefix}protect", "mprotect", "makes it read-only", prot="r", **range_),
        P(f"{prefix}unprotect", "mprotect", "makes it writable", prot="rw", **range_),
        *(
            P(f"{prefix}{advice.lower()}", "madvise", f"advises {advice}", advice=advice, **range_)
            for advice in ("WILLNEED", "DONTNEED", "POPULATE_READ", "DONTFORK", "DOFORK")
        ),
        P(f"{prefix}msync", "msync", "synchronizes it", **range_),
        P(f"{prefix}mlock", "mlock", "locks it", **range_),
        P.load(f"{prefix}load_again", page),
    )


def dead_page(w: Window) -> tuple[Act, ...]:
    """Nothing revives a dead page; a live one beside it takes the same calls."""
    return (
        *w.mapped(12),
        w.claim(0x4000, 0x1000),
        *_uses(4, "dead_"),
        *_uses(9, "live_"),
        P("munmap", "munmap", "unmaps it", address=Ref("map", 0x4000), length=0x1000),
        w.map(P, "map_again", 1, 4),
        w.release(0x4000, 0x1000),
        w.map(P, "map_released", 1, 4),
        P.load("load_released", 0, "map_released"),
    )


def claimed_again(w: Window) -> tuple[Act, ...]:
    """Released and claimed again: what was mapped in the gap dies too."""
    return (
        w.open(P),
        w.open(Q, "open_q"),
        w.map(P, "map", 4),
        w.claim(0, 0x2000),
        w.map(Q, "denied", 4, fd="open_q"),
        w.release(0, 0x2000),
        w.map(Q, "gap", 4, fd="open_q"),
        Q.load("gap_before", 1, "gap"),
        D.claim(w.start, 0x2000, "claims again", key="claim_again", needs="claim"),
        P.load("first", 1),
        Q.load("gap_after", 1, "gap"),
        Q.load("gap_beside", 2, "gap"),
        D.release(w.start, 0x2000, key="twice", needs="claim_again"),
    )


def claims(lab: Lab) -> tuple[Story, ...]:
    """Every story of this module through /dev/mem and through resourceN."""
    makers = (several_pages, unaligned, sub_page, two_pages_by_two_bytes, forked, private, moved,
              unmapped, dead_page, claimed_again)  # fmt: skip
    return tuple(
        story(make, Window(lab, via, number), name=f"{make.__name__}-{via}", cause="claim")
        for number, make in enumerate(makers, 1)
        for via in VIAS
    )
