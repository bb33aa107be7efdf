"""PageTable against a dict of pages."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devmemkit.model.mm.page_table import PageTable

PAGES = st.integers(0, 23)
LENGTHS = st.integers(1, 8)


class Pages(RuleBasedStateMachine):
    """The table and a dict from virtual page to pfn or private contents, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.table = PageTable()
        self.pages: dict[int, int | bytes] = {}

    @rule(first=PAGES, length=LENGTHS, pfn=st.integers(0, 30))
    def set(self, first: int, length: int, pfn: int) -> None:
        self.table.set(first, first + length - 1, pfn)
        self.pages.update({first + i: pfn + i for i in range(length)})

    @rule(first=PAGES, length=LENGTHS, even_cows=st.booleans())
    def zap(self, first: int, length: int, even_cows: bool) -> None:
        last = first + length - 1
        gone = [
            vpn
            for vpn, page in self.pages.items()
            if first <= vpn <= last and (even_cows or isinstance(page, int))
        ]
        assert self.table.zap(first, last, even_cows=even_cows) == len(gone)
        for vpn in gone:
            del self.pages[vpn]

    @rule(vpn=PAGES, page=st.binary(min_size=1, max_size=1))
    def privatise(self, vpn: int, page: bytes) -> None:
        self.table.zap(vpn, vpn)
        self.table.private[vpn] = page
        self.pages[vpn] = page

    @rule(first=PAGES, length=LENGTHS, gap=st.integers(0, 40))
    def move(self, first: int, length: int, gap: int) -> None:
        last, to = first + length - 1, first + length + gap
        self.table.zap(to, to + length - 1)
        for vpn in range(to, to + length):
            self.pages.pop(vpn, None)
        self.table.move(first, last, to)
        for vpn in range(first, last + 1):
            if vpn in self.pages:
                self.pages[vpn - first + to] = self.pages.pop(vpn)

    @rule()
    def use_a_copy(self) -> None:
        twin = self.table.copy()
        self.table.set(0, 30, 100)
        self.table.private[3] = b"x"
        self.table = twin

    @invariant()
    def equal(self) -> None:
        table, pages = self.table, self.pages
        top = 80
        shared = {v: p for v, p in pages.items() if isinstance(p, int)}
        assert {v: table.pfn(v) for v in range(top) if table.pfn(v) is not None} == shared
        assert table.private == {v: p for v, p in pages.items() if isinstance(p, bytes)}
        assert table.present(0, top) == sorted(pages)
        assert table.present(5, 9) == [v for v in sorted(pages) if 5 <= v <= 9]
        inside = [(a, b) for a, b, _ in table.between(5, 9)]
        assert sorted(v for a, b in inside for v in range(a, b + 1)) == [
            v for v in sorted(shared) if 5 <= v <= 9
        ]

    @invariant()
    def value_is_that_of_the_pages(self) -> None:
        """Equal pages give equal values, however they arrived."""
        fresh = PageTable()
        for vpn in sorted(self.pages, key=lambda v: (v * 7) % 31):
            page = self.pages[vpn]
            if isinstance(page, int):
                fresh.set(vpn, vpn, page)
            else:
                fresh.private[vpn] = page
        assert fresh.value() == self.table.value()
        hash(fresh.value())


TestPages = Pages.TestCase
TestPages.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def test_a_private_copy_has_no_pfn() -> None:
    """even_cows=1 drops it too, even_cows=0 keeps it."""
    table = PageTable()
    table.set(0, 3, 100)
    table.zap(2, 2)
    table.private[2] = b"mine"
    assert [table.pfn(v) for v in range(4)] == [100, 101, None, 103]
    assert table.copy().zap(0, 3, even_cows=True) == 4
    assert table.zap(0, 3, even_cows=False) == 3
    assert table.present(0, 3) == [2]
