"""How fast the model is, beside intervaltree and sortedcontainers doing the same work.

    python benchmarks/tree.py [--quick]

Every figure is the minimum, median and maximum of five runs, in microseconds an operation; the
peers run in the same process, in turn with ours. "growth" compares a size with the one before.
All data are synthetic: equal ranges with equal gaps, in an order drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

from intervaltree import IntervalTree  # type: ignore[import-untyped]
from sortedcontainers import SortedDict, SortedKeyList  # type: ignore[import-untyped]

from devmemkit.model import flags as fl
from devmemkit.model.mm.address_space import AddressSpace, Mapped
from devmemkit.model.mm.page_table import PageTable
from devmemkit.model.resource.region import exclusive_owner, release_region, request_region
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.text.iomem import format_dump, parse
from devmemkit.text.iomem_tree import entries_of, tree_of

RUNS = 5
SPAN, RANGE = 0x10000, 0x4000
"""Bytes from one node to the next, and bytes of a node: the rest is a gap."""

Bench = dict[str, Callable[[], None]]


def nodes(count: int) -> list[tuple[int, int]]:
    return [(i * SPAN, i * SPAN + RANGE - 1) for i in range(16, 16 + count)]


def claims(count: int) -> list[int]:
    """Starts of claims in the gaps, in a fixed random order."""
    numbers = random.Random(1)
    return [(numbers.randrange(count) + 16) * SPAN + RANGE for _ in range(500)]


def resource_tree(count: int) -> Resource:
    root = Resource(0, fl.U64, "PCI mem", fl.IORESOURCE_MEM)
    for start, end in nodes(count):
        new = Resource(start, end, "0000:00:03.0", fl.IORESOURCE_MEM)
        assert request_resource_conflict(root, new) is None
    return root


def claim_lookup_release(count: int) -> Bench:
    """A claim in a gap, the owner of its page, and its release, 500 times."""
    wanted = claims(count)
    root = resource_tree(count)
    tree = IntervalTree.from_tuples((start, end + 1, "node") for start, end in nodes(count))
    ordered = SortedDict(nodes(count))

    def ours() -> None:
        for start in wanted:
            request_region(root, start, 0x1000, "driver")
            owner = exclusive_owner(root, start, strict=True, io_strict=True, sysram_rule=True)
            assert owner is not None
            assert release_region(root, start, 0x1000) is owner

    def intervaltree() -> None:
        for start in wanted:
            assert not tree.overlaps(start, start + 0x1000)
            tree.addi(start, start + 0x1000, "driver")
            [owner] = tree.overlap(start, start + 0x1000)
            tree.remove(owner)

    def sortedcontainers() -> None:
        for start in wanted:
            at = ordered.bisect_right(start)
            assert ordered.peekitem(at - 1)[1] < start
            assert at == len(ordered) or ordered.peekitem(at)[0] > start + 0xFFF
            ordered[start] = start + 0xFFF
            assert ordered.peekitem(ordered.bisect_right(start) - 1) == (start, start + 0xFFF)
            del ordered[start]

    return {"devmemkit": ours, "intervaltree": intervaltree, "sortedcontainers": sortedcontainers}


def parsing(count: int) -> Bench:
    """A dump of `count` lines into a structure that answers look-ups."""
    text = format_dump(entries_of(resource_tree(count), levels=5))

    def ranges() -> Iterator[tuple[int, int, str]]:
        for line in text.splitlines():
            span, name = line.strip().split(" : ", 1)
            start, end = span.split("-")
            yield int(start, 16), int(end, 16), name

    def ours() -> None:
        root = tree_of(parse(text), root_end=fl.U64)
        assert len(root.children) == count

    def intervaltree() -> None:
        tree = IntervalTree.from_tuples((start, end + 1, name) for start, end, name in ranges())
        assert len(tree) == count

    def sortedcontainers() -> None:
        ordered = SortedDict((start, (end, name)) for start, end, name in ranges())
        assert len(ordered) == count

    return {"devmemkit": ours, "intervaltree": intervaltree, "sortedcontainers": sortedcontainers}


def zapping(pages: int, count: int = 100_000) -> Bench:
    """`pages` consecutive pages leave 10^5 mappings of four pages each; then they come back."""
    spans = [(8 * i, 8 * i + 3) for i in range(count)]
    space, table = AddressSpace(), PageTable()
    for first, last in spans:
        space.link(Mapped(first, last, "P", first << fl.PAGE_SHIFT))
    table.runs = [(first, last, first) for first, last in spans]
    tree = IntervalTree.from_tuples((first, last + 1) for first, last in spans)
    ordered = SortedKeyList(spans, key=lambda span: span[0])
    low = 8 * (count // 2) + 1
    high = low + 2 * pages - 1  # half of the address range is mapped

    def ours() -> None:
        found = space.overlapping(low, high)
        for mapped in found:
            table.zap(max(low, mapped.first), min(high, mapped.last))
        for mapped in found:
            table.set(mapped.first, mapped.last, mapped.first)

    def intervaltree() -> None:
        found = tree.overlap(low, high + 1)
        tree.chop(low, high + 1)
        for interval in found:
            tree.remove_overlap(interval.begin, interval.end)
            tree.add(interval)

    def sortedcontainers() -> None:
        at = max(ordered.bisect_key_left(low) - 1, 0)
        found = [s for s in ordered[at : ordered.bisect_key_right(high)] if s[1] >= low]
        for span in found:
            ordered.remove(span)
            pieces = [(span[0], low - 1)] if span[0] < low else []
            ordered.update([*pieces, *([(high + 1, span[1])] if span[1] > high else [])])
        for span in found:
            for piece in list(ordered.irange_key(span[0], span[1])):
                ordered.remove(piece)
            ordered.add(span)

    return {"devmemkit": ours, "intervaltree": intervaltree, "sortedcontainers": sortedcontainers}


def measure(bench: Bench, operations: int) -> dict[str, list[float]]:
    """Microseconds an operation, five times each, the candidates in turn."""
    times: dict[str, list[float]] = {name: [] for name in bench}
    for _ in range(RUNS):
        for name, run in bench.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / operations * 1e6)
    return times


def report(title: str, unit: str, results: dict[int, dict[str, list[float]]]) -> None:
    print(f"\n{title}\n{unit:>9}  {'':17}{'min':>10}{'median':>10}{'max':>10}  growth  x ours")
    growth = {b: a for a, b in pairwise(results)}
    for size, times in results.items():
        ours = statistics.median(times["devmemkit"])
        for name, runs in times.items():
            median = statistics.median(runs)
            before = results[growth[size]][name] if size in growth else None
            grown = f"{median / statistics.median(before):6.1f}" if before else "     -"
            print(
                f"{size:>9}  {name:17}{min(runs):10.2f}{median:10.2f}{max(runs):10.2f}"
                f"  {grown}  {median / ours:6.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    sizes = [100, 1000] if parser.parse_args().quick else [100, 1000, 10_000, 100_000]
    report(
        "claim + look-up + release, microseconds for the three",
        "nodes",
        {size: measure(claim_lookup_release(size), 500) for size in sizes},
    )
    report(
        "parsing a dump into a tree, microseconds a line",
        "lines",
        {size: measure(parsing(size), size) for size in sizes},
    )
    report(
        "zapping k pages of 100000 mappings and mapping them again, microseconds",
        "k",
        {k: measure(zapping(k), 1) for k in (1, 16, 256, 4096)},
    )


if __name__ == "__main__":
    main()
