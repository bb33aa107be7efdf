"""An inode's i_mmap: the VMAs that map the file, by page offset (physical page number)."""

from bisect import bisect_left, bisect_right, insort_right
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple, Self

from devmemkit.model.flags import U64

_FIRST = itemgetter(0)


class Mapped(NamedTuple):
    """One VMA in an i_mmap: page offsets `first` to `last`, process, address of its start."""

    first: int
    last: int
    pid: str
    start: int


@dataclass(slots=True, eq=False)
class AddressSpace:
    """The part of struct address_space that unmap_mapping_range needs.

    The VMAs stand in one sorted list for each power of two of their length, so that a look-up
    costs O(log n + found) for each list.
    """

    classes: dict[int, list[Mapped]] = field(default_factory=dict)

    def copy(self) -> Self:
        return replace(self, classes={n: found.copy() for n, found in self.classes.items()})

    def value(self) -> tuple[Mapped, ...]:
        # in the order of a walk: VMAs of equal offset in the order of linking
        return tuple(self.overlapping(0, U64))

    def link(self, entry: Mapped) -> None:
        """Add a VMA behind those of equal offset (vma_interval_tree_insert, _insert_after)."""
        size = (entry.last - entry.first).bit_length()
        insort_right(self.classes.setdefault(size, []), entry, key=_FIRST)

    def unlink(self, entry: Mapped) -> None:
        """Remove a VMA; ValueError when it is not linked."""
        entries = self.classes[(entry.last - entry.first).bit_length()]
        at = entries.index(entry, bisect_left(entries, entry.first, key=_FIRST))
        del entries[at]

    def overlapping(self, first: int, last: int) -> list[Mapped]:
        """The VMAs that map a page of [first, last], by page offset (vma_interval_tree_foreach)."""
        found = []
        for size, entries in sorted(self.classes.items()):
            low = bisect_left(entries, first - (1 << size), key=_FIRST)
            high = bisect_right(entries, last, low, key=_FIRST)
            found += [entry for entry in entries[low:high] if entry[1] >= first]
        return sorted(found, key=_FIRST)
