"""Writing a random sequence: its processes, their files, and the acts on files."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from devmemkit.lab.fuzz.places import NOBODY, Bar, Places
from devmemkit.scenarios.play import Act, Ref

MAPPED = 8
"""Pages of a window that sequences map."""
PROCESSES = ("P", "Q")
"""The processes that every sequence begins with."""


@dataclass(frozen=True)
class File:
    """A descriptor: its key and kind, the BAR that it maps, how it was opened."""

    key: str
    kind: str
    bar: Bar
    dsync: bool = False
    mode: str = "rw"


@dataclass
class Process:
    """The files and mappings of a process; `born` is the key of the fork that made it."""

    name: str
    born: str = ""
    files: list[File] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    maps: list[tuple[str, int]] = field(default_factory=list)


class Writer:
    """Writes one sequence; `kind` is that of generate.MIX, `window` the number of its windows."""

    def __init__(self, chance: random.Random, kind: str, window: int, places: Places) -> None:
        self.places, self.page = places, places.page
        self.chance = chance
        self.kind = kind
        self.live = kind in ("device", "bind", "remove")
        self.memory, self.bar, self.high = places.windows(window)
        # From 6.16 on ramoops cannot claim pages that are mapped write-back: map few of them.
        self.sync_only = kind == "claim" and chance.random() < 0.97
        self.acts: list[Act] = []
        self.claimed: tuple[str, str, dict[str, int]] | None = None
        self.processes = list(map(Process, PROCESSES))
        for process in self.processes:
            self.at = process
            self._open_memory(dsync=True)
            self._open_memory(dsync=False)
            self._open_bar(places.memory_bar)
            self._open_proc(places.lab.ivshmem)

    # Acts

    def _act(self, operation: str, actor: str, needs: str, arguments: dict[str, Any]) -> str:
        key = f"a{len(self.acts)}"
        live = self.live and operation in ("load", "ptrace_peek", "read_devmem")
        self.acts.append(Act(key, actor, operation, arguments, "", needs, live))
        return key

    def _do(self, operation: str, needs: str = "", /, **arguments: Any) -> str:
        """An act of the present process, which is left out if its fork failed."""
        arguments = {"pid": self.at.name, **arguments}
        return self._act(operation, self.at.name, needs or self.at.born, arguments)

    def _drive(self, operation: str, needs: str = "", /, **arguments: Any) -> str:
        return self._act(operation, "D", needs, arguments)

    def _often(self, share: float) -> bool:
        return self.chance.random() < share

    def turn(self) -> None:
        """Perhaps let another process act next: rarely, for the guest switches slowly."""
        if self._often(0.07):
            self.at = self.chance.choice(self.processes)

    # Files

    def _open_memory(self, dsync: bool, mode: str = "rw") -> None:
        mode = "r" if self.live else mode
        key = self._do("open_devmem", dsync=dsync, mode=mode)
        self._opened(File(key, "mem", self.places.memory_bar, dsync=dsync, mode=mode))

    def _open_bar(self, bar: Bar, mode: str = "rw", wc: bool = False) -> None:
        where = {"bdf": bar.bdf, "bar": bar.number}
        mode = "r" if self.live else mode
        key = self._do("open_resource", **where, mode=mode, wc=wc)
        self._opened(File(key, "resource", bar, mode=mode))

    def _open_proc(self, bdf: str) -> None:
        key = self._do("open_proc_pci", bdf=bdf)
        if self._often(0.8):
            self._do("pciioc_mmap_is_mem", fd=Ref(key))
        first = (bar for bar in self.places.registers[1:] if bar.bdf == bdf)
        self._opened(File(key, "proc", next(first, self.places.memory_bar)))

    def _opened(self, file: File) -> None:
        self.at.files.append(file)
        self.at.closed.clear()  # this descriptor may have the number of a closed one

    def open_file(self) -> None:
        memory = self.places.memory_bar
        bars = [memory, memory, *(self.places.registers if self.live else ())]
        what = self.chance.choice(("mem", "mem", "bar", "bar", "proc", "wc", "ports", "none"))
        mode = self.chance.choice(("rw", "r", "w"))
        if what == "mem":
            self._open_memory(self._often(0.5), mode)
        elif what == "bar":
            self._open_bar(self.chance.choice(bars), mode)
        elif what == "proc":
            self._open_proc(self.chance.choice(bars).bdf)
        elif what == "wc":
            self._open_bar(self.chance.choice(bars), mode, wc=True)
        elif what == "ports":
            self._open_bar(self.places.port_bar, mode)
        elif self._often(0.5):
            self._do(
                "open_resource", bdf=self.places.lab.ivshmem, bar=self.chance.choice((1, 4, 5))
            )
        else:
            self._do("open_proc_pci", bdf=NOBODY)

    def close_file(self) -> None:
        if self.at.closed and self._often(0.3):
            self._do("close", fd=Ref(self.at.closed[-1]))
        elif len(self.at.files) > 4:
            file = self.at.files.pop(self.chance.randrange(4, len(self.at.files)))
            self._do("close", fd=Ref(file.key))
            self.at.closed.append(file.key)

    def _file(self, *kinds: str) -> File:
        return self.chance.choice([file for file in self.at.files if file.kind in kinds])

    def _fd(self, file: File) -> Ref:
        """The file's descriptor; sometimes a closed one instead."""
        stale = self.at.closed and self._often(0.3)
        return Ref(self.at.closed[-1] if stale else file.key)

    def ask(self) -> None:
        """PCIIOC_MMAP_IS_MEM on a file that may be closed, or whose device may be gone."""
        self._do("pciioc_mmap_is_mem", fd=self._fd(self._file("proc")))

    # Reading and writing

    def seek(self) -> None:
        """Set a position, then read or write there if that worked."""
        fd = self._fd(self._file("mem"))
        end = 1 << 64
        offset = self.chance.choice(
            (self.memory, self.memory + 4 * self.page - 8, 0x2000, 1 << 63, end - 4100, end - 4)
        )
        whence = self.chance.choice(("SET", "SET", "SET", "SET", "END"))
        at = self._do("lseek_devmem", fd=fd, offset=offset, whence=whence)
        if self._often(0.3):
            further = self.chance.choice((8, self.page, end - 4))
            at = self._do("lseek_devmem", at, fd=fd, offset=further, whence="CUR")
        # at the highest position, a count that would wrap
        count = 4104 if offset == end - 4100 else self.chance.choice((0, 1, 8))
        if self.live or self._often(0.5):
            self._do("read_devmem", at, fd=fd, count=count)
        else:
            self._do("write_devmem", at, fd=fd, data=self.chance.randbytes(count))

    def _offset(self) -> dict[str, int]:
        """Where to read or write: mostly in the window, also across pages; or a refused place."""
        usual = self.memory + self.chance.randrange(MAPPED * self.page)
        odd = (*self.places.odd, self.bar, 1 << 40, 1 << 63)
        return {"offset": usual if self._often(0.75) else self.chance.choice(odd)}

    def read_memory(self) -> None:
        count = self.chance.choice((0, 1, 8, 8, 8, 100, self.page + 904))
        self._do("read_devmem", fd=self._fd(self._file("mem")), count=count, **self._offset())

    def write_memory(self) -> None:
        data = self.chance.randbytes(self.chance.choice((0, 1, 8, 8, 60)))
        self._do("write_devmem", fd=self._fd(self._file("mem")), data=data, **self._offset())

    def read_disk(self) -> None:
        """Read bytes of the window through the driver of persistent memory."""
        at = self.chance.randrange(MAPPED) * self.page + self.chance.choice((0, 8, 100))
        where = {
            "offset": self.memory - self.places.lab.pmem + at,
            "count": self.chance.choice((1, 8, 100)),
        }
        self._drive("read_block", device="pmem0", **where)
