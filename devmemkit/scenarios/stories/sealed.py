"""Stories of sealed mappings (mseal, 6.10), and of a revoked one that nobody can unmap."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SIZE
from devmemkit.scenarios.machines import Lab
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.stories.claims import ELSEWHERE
from devmemkit.scenarios.stories.script import C, D, P, Story, Window, story


def _range(page: int, pages: int, of: str = "map") -> dict[str, object]:
    return {"address": Ref(of, page * PAGE_SIZE), "length": pages * PAGE_SIZE}


def _moved(page: int, pages: int, new: int, **more: object) -> dict[str, object]:
    return {**_range(page, pages), "new_length": new * PAGE_SIZE, **more}


def dead_and_sealed(lab: Lab, sync: bool) -> tuple[Act, ...]:
    """Drivers come beside a sealed mapping; a claim has revoked a part of it."""
    window = Window(lab, "devmem", 5)
    # each driver comes to other pages, as one that fails may keep its claim
    two = [{"start": window.start + 2 * n * PAGE_SIZE, "size": 2 * PAGE_SIZE} for n in range(3)]
    return (
        P.open_mem(dsync=sync),
        P.map_mem("map", "maps 8 pages", window.start, 8),
        P("seal", "mseal", "seals them", **_range(0, 8)),
        D("probe", "ramoops_probe", "claims two of them and maps them uncached", **two[0]),
        P.load("load", 1),
        P.load("beside", 5),
        D("remove", "ramoops_remove", "the driver goes", **two[0], needs="probe"),
        P("protect", "mprotect", "makes them read-only", prot="r", **_range(0, 8)),
        P("move", "mremap", "moves them", **_moved(0, 8, 8, to=ELSEWHERE)),
        P("back", "mremap", "moves them back", address=Ref("move"), length=8 * PAGE_SIZE,
          new_length=8 * PAGE_SIZE, to=Ref("map")),
        P("unmap", "munmap", "unmaps them", **_range(0, 8)),
        D("next", "ramoops_probe", "a driver comes to the next two pages", **two[1]),
        D("gone", "ramoops_remove", "the driver goes", **two[1], needs="next"),
        P("end", "exit", "ends"),
        D("last", "ramoops_probe", "a driver comes to the last two pages", **two[2]),
        D("gone_last", "ramoops_remove", "the driver goes", **two[2], needs="last"),
    )  # fmt: skip


def refused(w: Window) -> tuple[Act, ...]:
    """System calls on a mapping of which pages 2 and 3 are sealed."""
    return (
        w.open(P),
        w.map(P, "other", 2),
        w.map(P, "map", 8),
        P("seal", "mseal", "seals pages 2 and 3", **_range(2, 2)),
        P("munmap", "munmap", "unmaps page 2", **_range(2, 1)),
        P("munmap_across", "munmap", "unmaps pages 1 and 2", **_range(1, 2)),
        P.load("load", 1),
        P("away", "mremap", "moves pages 0 and 1", **_moved(0, 2, 2, to=ELSEWHERE)),
        P("back", "mremap", "moves them back", address=Ref("away"), length=2 * PAGE_SIZE,
          new_length=2 * PAGE_SIZE, to=Ref("map")),
        P("mprotect", "mprotect", "makes pages 1 and 2 read-only", prot="r", **_range(1, 2)),
        P.store("store", 1, 1),
        P.store("store_sealed", 2, 2),
        P("mprotect_same", "mprotect", "asks for what page 2 has", prot="rw", **_range(2, 1)),
        P("mremap_same", "mremap", "asks for its own size", **_moved(2, 2, 2)),
        P("shrink", "mremap", "gives up page 3", **_moved(2, 2, 1)),
        P("grow", "mremap", "asks for a page more", **_moved(2, 2, 3)),
        P("move", "mremap", "moves them", **_moved(2, 2, 2, to=ELSEWHERE)),
        P("shrink_across", "mremap", "gives up pages 1 to 3", **_moved(0, 4, 1)),
        P("onto", "mremap", "moves another mapping onto them", new_length=PAGE_SIZE,
          to=Ref("map", 2 * PAGE_SIZE), **_range(0, 1, "other")),
        P.load("load_other", 0, "other"),
        *(
            P(advice.lower(), "madvise", f"advises {advice}", advice=advice, **_range(3, 1))
            for advice in ("DONTNEED", "DONTFORK", "NORMAL")
        ),
        P("msync", "msync", "synchronizes them", **_range(2, 2)),
        P("mlock", "mlock", "locks them", **_range(2, 2)),
        P("again", "mseal", "seals them again", **_range(2, 2)),
        P("into", "mseal", "seals from inside a page", address=Ref("map", 8), length=PAGE_SIZE),
        P("none", "mseal", "seals nothing", **_range(0, 0)),
        P("hole", "mseal", "seals beyond the end", **_range(7, 2)),
        P("wraps", "mseal", "seals what wraps", address=Ref("map"), length=(1 << 64) - PAGE_SIZE),
        P("all", "mseal", "seals 2^64 - 1 bytes", address=Ref("map"), length=(1 << 64) - 1),
        P("not_sealed", "munmap", "unmaps page 7", **_range(7, 1)),
        P("fork", "fork", "forks", child="C"),
        C("child_sealed", "munmap", "unmaps page 2", **_range(2, 1), needs="fork"),
        C("child_beside", "munmap", "unmaps page 4", **_range(4, 1), needs="fork"),
        P.open_mem("open_r", "opens /dev/mem for reading", mode="r"),
        P.map_mem("map_r", "maps a page that nobody can write", w.start, 1, "open_r", prot="r"),
        P("seal_r", "mseal", "seals it", **_range(0, 1, "map_r")),
        P("mprotect_r", "mprotect", "asks to write to it", prot="rw", **_range(0, 1, "map_r")),
        P("move_across", "mremap", "moves pages 0 to 2", **_moved(0, 3, 3, to=ELSEWHERE)),
        *(P.load(f"load{n}", n) for n in range(3)),
    )  # fmt: skip


def sealed(lab: Lab) -> tuple[Story, ...]:
    """Two cache types of a sealed mapping under drivers, and what a seal refuses."""
    return (
        story(dead_and_sealed, lab, False, name="writeback", cause="seal"),
        story(dead_and_sealed, lab, True, name="uncached", cause="seal"),
        story(refused, Window(lab, "devmem", 6), name="refused-devmem", cause="seal"),
        story(refused, Window(lab, "sysfs", 6), name="refused-sysfs", cause="seal"),
    )
