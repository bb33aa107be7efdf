"""Page tables as runs of consecutive PTEs; a run maps virtual pages to consecutive pfns."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

BITS = ("dirty", "protected", "soft")
Run = tuple[int, int, int]
"""First and last virtual page number (inclusive), pfn of the first."""


@dataclass(slots=True, eq=False)
class PageTable:
    """The present PTEs of one mm: runs onto physical pages, and private copies (page contents).

    `dirty` are virtual pages written through their PTE, `protected` those whose PTE becomes
    writable at the next write, `soft` those whose PTE did (pte_soft_dirty). They are kept for
    files with ->page_mkwrite.
    """

    runs: list[Run] = field(default_factory=list)
    private: dict[int, bytes] = field(default_factory=dict)
    dirty: frozenset[int] = frozenset()
    protected: frozenset[int] = frozenset()
    soft: frozenset[int] = frozenset()

    def copy(self) -> Self:
        return replace(self, runs=self.runs.copy(), private=self.private.copy())

    def value(self) -> tuple[object, ...]:
        copies = tuple(sorted(self.private.items()))
        return tuple(self.runs), copies, self.dirty, self.protected, self.soft

    def pfn(self, vpn: int) -> int | None:
        """The physical page behind `vpn`, None when there is no PTE or a private copy."""
        for first, _, pfn in self.between(vpn, vpn):
            return pfn + vpn - first
        return None

    def between(self, first: int, last: int) -> Iterator[Run]:
        """The runs inside [first, last], clipped to it."""
        index = self._from(first)
        while index < len(self.runs) and self.runs[index][0] <= last:
            low, high, pfn = self.runs[index]
            start = max(low, first)
            yield start, min(high, last), pfn + start - low
            index += 1

    def set(self, first: int, last: int, pfn: int) -> None:
        """Map [first, last] to pages from `pfn` on; earlier PTEs are replaced."""
        self.zap(first, last)
        index = self._from(first)
        # joining with both neighbours keeps values equal however the pages arrived
        if index < len(self.runs):
            low, high, base = self.runs[index]
            if low == last + 1 and base == pfn + low - first:
                last = high
                del self.runs[index]
        if index:
            low, high, base = self.runs[index - 1]
            if high + 1 == first and base + first - low == pfn:
                index -= 1
                first, pfn = low, base
                del self.runs[index]
        self.runs.insert(index, (first, last, pfn))

    def zap(self, first: int, last: int, *, even_cows: bool = True) -> int:
        """Clear the PTEs of [first, last], with `even_cows` private copies too; gives their number.

        Source: zap_page_range_single and unmap_mapping_range's even_cows argument.
        """
        low = high = self._from(first)
        kept: list[Run] = []
        gone = 0
        while high < len(self.runs) and self.runs[high][0] <= last:
            start, end, pfn = self.runs[high]
            if start < first:
                kept.append((start, first - 1, pfn))
            if end > last:
                kept.append((last + 1, end, pfn + last + 1 - start))
            gone += min(end, last) - max(start, first) + 1
            high += 1
        self.runs[low:high] = kept
        copies = [vpn for vpn in self.private if first <= vpn <= last] if even_cows else []
        for vpn in copies:
            del self.private[vpn]
        if self.dirty or self.protected:  # `soft` are dirty
            for name in BITS:
                kept_bits = (v for v in getattr(self, name) if not first <= v <= last)
                setattr(self, name, frozenset(kept_bits))
        return gone + len(copies)

    def move(self, first: int, last: int, to: int) -> None:
        """Move the PTEs of [first, last] so that `first` becomes `to` (move_page_tables)."""
        runs = list(self.between(first, last))
        copies = {v: page for v, page in self.private.items() if first <= v <= last}
        bits = {
            name: {v - first + to for v in getattr(self, name) if first <= v <= last}
            for name in BITS
        }
        self.zap(first, last)
        for low, high, pfn in runs:
            self.set(low - first + to, high - first + to, pfn)
        self.private.update({v - first + to: page for v, page in copies.items()})
        for name, pages in bits.items():
            setattr(self, name, getattr(self, name) | pages)

    def protect(self, first: int, last: int, kept: frozenset[int]) -> None:
        """Write-protect the pages of [first, last] but those `kept` (change_pte_range)."""
        self.protected |= frozenset(self.present(first, last)) - kept

    def write(self, vpn: int) -> None:
        """Mark a written page dirty; a protected one becomes writable by the fault."""
        self.dirty |= {vpn}
        if vpn in self.protected:
            self.protected -= {vpn}
            self.soft |= {vpn}

    def present(self, first: int, last: int) -> list[int]:
        """The virtual pages of [first, last] that have a PTE, in order."""
        runs = [v for low, high, _ in self.between(first, last) for v in range(low, high + 1)]
        return sorted(runs + [v for v in self.private if first <= v <= last])

    def _from(self, vpn: int) -> int:
        """Index of the first run that ends at or after `vpn`."""
        return bisect_left(self.runs, vpn, key=_last)


def _last(run: Run) -> int:
    return run[1]
