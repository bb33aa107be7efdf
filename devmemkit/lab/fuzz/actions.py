"""What a random sequence does to mappings, claims and drivers."""

from __future__ import annotations

from typing import Any

from devmemkit.lab.fuzz.writer import MAPPED, File, Process, Writer
from devmemkit.scenarios.machines import NAMESPACE, drivers
from devmemkit.scenarios.play import Ref

ADVICE = (
    *("NORMAL", "RANDOM", "SEQUENTIAL", "WILLNEED", "DONTFORK", "DONTDUMP", "DONTNEED", "FREE"),
    *("WIPEONFORK", "COLD", "PAGEOUT", "POPULATE_READ", "POPULATE_WRITE", "DOFORK", "DODUMP"),
)
MMAP = {"mem": "mmap_devmem", "resource": "mmap_resource", "proc": "mmap_proc_pci"}
TOP = 0x7F10_0000_0000
"""Fixed addresses of mremap, above all mappings that were placed."""


class Actions(Writer):
    """Each public method writes the acts of one action; generate.MIX names them."""

    # Mapping

    def map_file(self) -> None:
        file = self._file("mem", "mem", "resource", "proc")
        usual = "r" if self.live else "rw"
        prot = self._prot(usual, usual, usual, usual, "r", "", "rw", "w", "rwx")
        shared = self._often(0.7)
        refused = "r" not in file.mode or ("x" in prot and file.kind != "mem")
        refused |= shared and "w" in prot and "w" not in file.mode
        if refused and self._often(0.5):
            return  # or most mappings would fail
        offset, pages = getattr(self, f"_{file.kind}_offset")(file)
        length = pages * self.page - self.chance.choice((0, 0, 0, 1, 100))
        odd = self._often(0.06)
        if odd and self._often(0.6):
            length = self.chance.choice((0, self.places.user, self.places.user))
        elif odd:
            offset += self.page // 2
        key = self._do(
            MMAP[file.kind],
            fd=self._fd(file), offset=offset, length=length, prot=prot, shared=shared,
        )  # fmt: skip
        if not (refused or odd):
            self.at.maps.append((key, pages))

    def _prot(self, *some: str) -> str:
        return self.chance.choice(some) or ("r" if self.places.oops else "")

    def _window(self) -> tuple[int, int]:
        first = self.chance.randrange(MAPPED // 2)
        return first * self.page, self.chance.randint(1, MAPPED - first)

    def _mem_offset(self, file: File) -> tuple[int, int]:
        if self._often(0.08):
            return self.chance.choice(self.places.refused)
        fixed = [place for place in self.places.shown if place.sync in (None, file.dsync)]
        if self.live and self._often(0.6):
            place = self.chance.choice(fixed)
            first = self.chance.randrange(place.pages)
            return place.start + first * self.page, self.chance.randint(1, place.pages - first)
        bases = [self.memory, self.bar, *([self.high] if self.live else ())]
        if self.sync_only and not file.dsync:
            bases.remove(self.memory)
        into, pages = self._window()
        return self.chance.choice(bases) + into, pages

    def _resource_offset(self, file: File) -> tuple[int, int]:
        bar = file.bar
        if self._often(0.06):  # across the end of the BAR, behind it, beyond all offsets
            last = (bar.pages - 1) * self.page
            return self.chance.choice(((last, 2), (last + self.page, 1), (1 << 63, 1)))
        if bar is self.places.memory_bar:
            into, pages = self._window()
            return self.bar - bar.start + into, pages
        first = self.chance.randrange(bar.pages)
        return first * self.page, self.chance.randint(1, min(MAPPED, bar.pages - first))

    def _proc_offset(self, file: File) -> tuple[int, int]:
        into, pages = self._resource_offset(file)
        return (into if into >> 63 else file.bar.start + into), pages

    # Touching

    def _page(self) -> tuple[str, int]:
        """A mapping of the present process, and the offset of a page in it or just behind it."""
        while not self.at.maps:
            self.map_file()
        key, pages = self.chance.choice(self.at.maps[-6:])
        return key, self.chance.randrange(pages + self._often(0.05)) * self.page

    def _byte(self) -> Ref:
        key, page = self._page()
        return Ref(key, page + self.chance.choice(self.places.into))

    def load(self) -> None:
        key, page = self._page()
        across = () if self.live else self.places.across
        into = self.chance.choice((*self.places.into, *across))
        self._do("load", address=Ref(key, page + into), size=self.chance.choice((1, 2, 4, 8)))

    def store(self) -> None:
        size = self.chance.choice((1, 2, 4, 8))
        self._do("store", address=self._byte(), size=size, value=self.chance.getrandbits(8 * size))

    def copy(self) -> None:
        to = not self.live and self._often(0.5)
        count = self.chance.choice((1, 8))
        self._do("copy_to_user" if to else "copy_from_user", address=self._byte(), count=count)

    def debug(self) -> None:
        key, page = self._page()
        address = Ref(key, page + 8 * self.chance.randrange(self.page // 8))
        at: dict[str, Any] = {"pid": self.at.name, "address": address}
        peeks = not (self.places.oops and self.at.born)
        pokes = not (self.places.oops or self.live)
        what = ["ptrace_peek"] * 6 * peeks + ["ptrace_poke"] * 6 * pokes
        operation = self.chance.choice((*what, "process_vm_readv"))
        if operation == "ptrace_poke":
            at["value"] = self.chance.getrandbits(64)
        self._act(operation, "G", self.at.born, at)

    # Changing mappings

    def _range(self) -> dict[str, Any]:
        key, page = self._page()
        into = self.chance.choice((*[0] * 15, 8))
        length = self.chance.randint(1, 3) * self.page - self.chance.choice((0, 0, 0, 1))
        length = 0 if self._often(0.04) else length
        return {"address": Ref(key, page + into), "length": length}

    def unmap(self) -> None:
        self._do("munmap", **self._range())

    def protect(self) -> None:
        prot = self._prot("r", "rw", "rw", "", "w", "rwx")
        self._do("mprotect", **self._range(), prot=prot)

    def advise(self) -> None:
        self._do("madvise", **self._range(), advice=self.chance.choice(ADVICE))

    def lock(self) -> None:
        self._do(self.chance.choice(("msync", "mlock")), **self._range())

    def move(self) -> None:
        where = self._range()
        new = self.chance.choice((where["length"], self.page, 2 * self.page, 0))
        to: dict[str, Any] = {}
        if self._often(0.6):
            to = {"to": TOP + self.chance.randrange(64) * self.page}
        elif self._often(0.2):
            to = {"to": where["address"]}
        key = self._do("mremap", **where, new_length=new, **to)
        if to:
            self.at.maps.append((key, 1))

    def fork(self) -> None:
        if len(self.processes) == 6:
            return
        name = f"C{len(self.processes)}"
        key = self._do("fork", child=name)
        # No closed descriptors: the agent opens two of its own in every process.
        child = Process(name, key, list(self.at.files), [], list(self.at.maps))
        self.processes.append(child)

    # Drivers

    def claim(self) -> None:
        """Claim a region and ioremap it; if there is a claim already, undo both."""
        if self.claimed:
            claim, mapped, where = self.claimed
            self.claimed = None
            self._drive("iounmap", mapped)
            self._drive("release_mem_region", claim, **where)
            return
        where = self._claimable()
        claim = self._drive("request_mem_region", **where)
        mapped = self._drive("ioremap", claim, **where)
        self.claimed = claim, mapped, where

    def _claimable(self) -> dict[str, int]:
        if self._often(0.08):
            return dict(zip(("start", "size"), self.chance.choice(self.places.edges), strict=True))
        if self.live and self._often(0.6):
            lab = self.places.lab
            # behind the registers that do something: ramoops writes a header there
            start = self.chance.choice((lab.e1000_bar + 0x1_0000, lab.nvme_bar + 0x1800))
            return {"start": start, "size": self.chance.choice((16, 0x100, 0x800))}
        base = self.chance.choice((self.memory, self.bar))
        page = self.chance.randrange(MAPPED) * self.page
        into = self.chance.choice((0, 0, page, page + 2 * self.chance.randrange(self.page // 2)))
        size = self.chance.choice((16, 0x40, *(pages * self.page for pages in (1, 1, 2, 4, 8))))
        if self._often(0.25):
            size = 2 * self.chance.randint(8, 2 * self.page)
        elif base == self.bar and self._often(0.1):
            size = 4 << 20
        return {"start": base + into, "size": size}

    def bind(self) -> None:
        lab = self.places.lab
        bdf = NAMESPACE if self.kind == "pmem" else self.chance.choice((lab.e1000, lab.nvme))
        if self._often(0.45):
            self._drive("unbind", bdf=bdf)
        else:
            self._drive("bind", bdf=bdf, driver=drivers(lab.name)[bdf])

    def remove(self) -> None:
        lab = self.places.lab
        self._drive("remove", bdf=self.chance.choice((lab.e1000, lab.nvme, lab.ivshmem)))
