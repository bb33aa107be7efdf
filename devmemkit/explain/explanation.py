"""Explain an access: play it in each case of the unknown facts, and find which facts matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devmemkit.explain.access import Access
from devmemkit.explain.answer import Answer, Branch, T
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.hardware import HARDWARE
from devmemkit.explain.remedies import advise
from devmemkit.explain.shell import shows_option
from devmemkit.explain.verdict import later, verdict
from devmemkit.model.features import VERSIONS
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE, U64
from devmemkit.text import architecture
from devmemkit.text.iomem import grouped
from devmemkit.text.release import lacks_strict_devmem, limits_of
from devmemkit.text.symptom import ANY

Found = Sequence[tuple[tuple[str, ...], T]]
"""The verdict of each case, or what a later claim does; with the case's answers, in words."""


def explain(machines: Machines, access: Access) -> Answer:
    """How the access ends on every machine that fits the description, and what to do about it."""
    cases = list(machines.cases())
    found = [(words, verdict(machines.machine(case), access)) for words, case in cases]
    machine = machines.machine(cases[0][1])
    on = machines.known.foreign
    on += " than x86" if on == architecture.OTHER else ""
    _, ours = found[0]
    ends = (
        (words, later(machines.known, machines.machine(case), access))
        for (words, case), (_, one) in zip(cases, found, strict=True)
        if one.outcome == "ok"
    )
    laters = [(words, end) for words, end in ends if end is not None]
    branches = tuple(_branches(found, matters)) if (matters := _matters(found)) else ()
    return Answer(
        access,
        machine,
        (machines.known.release or machine.kernel.version) + (on and f" on {on}"),
        ours,
        # the first branch is that of the likeliest case
        (
            *(branches[0].conditions if branches else ()),
            *_assumed(machines.known, access, ours.outcome, machine.phys_bits),
        ),
        branches,
        tuple(advise(machines.known, machine, access, ours)),
        next((then for _, then in laters), None) if ours.outcome == "ok" else None,
        tuple(_branches(laters, _matters(laters))) if _matters(laters) else (),
        tuple(question.what for question in machines.questions),
        tuple(notes_on(machines.known, access)),
    )


def _matters(found: Found[T]) -> list[int]:
    """The questions of which two answers alone make cases differ."""
    asked = range(len(found[0][0]) if found else 0)
    seen: dict[tuple[int, tuple[str, ...]], tuple[object, ...]] = {}
    return sorted(
        {
            at
            for words, one in found
            for at in asked
            if seen.setdefault((at, words[:at] + words[at + 1 :]), one.key) != one.key
        }
    )


def _branches(found: Found[T], matters: Sequence[int]) -> Iterator[Branch[T]]:
    """The smallest decision tree over the questions that matter, one branch for each leaf."""
    if len({one.key for _, one in found}) == 1:
        yield Branch((), found[0][1])
        return
    open_questions = [at for at in matters if len({words[at] for words, _ in found}) > 1]
    splits = [_split(found, matters, at) for at in open_questions]
    splits = [split for split in splits if len(split) > 1]  # others change nothing here
    for answers, below in min(splits, key=lambda split: sum(len(below) for _, below in split)):
        for branch in below:
            yield Branch((joined(answers), *branch.conditions), branch.verdict)


def _split(
    found: Found[T], matters: Sequence[int], at: int
) -> list[tuple[list[str], list[Branch[T]]]]:
    """The answers to one question, and the branches below them; equal branches share an entry."""
    parts: dict[object, tuple[list[str], list[Branch[T]]]] = {}
    for answer in dict.fromkeys(words[at] for words, _ in found):
        group = [(words, one) for words, one in found if words[at] == answer]
        below = list(_branches(group, [i for i in matters if i != at]))
        key = tuple((branch.conditions, branch.verdict.key) for branch in below)
        parts.setdefault(key, ([], below))[0].append(answer)
    return list(parts.values())


def joined(answers: list[str]) -> str:
    """Several answers to one question, in words; kernels become a range.

    >>> joined(["the kernel has A", "the kernel has B"])
    'the kernel has A or B'
    """
    groups: dict[str, list[str]] = {}
    for answer in answers:
        name, kernel, version = answer.rpartition("Linux ")
        known = bool(kernel) and version in VERSIONS
        groups.setdefault(name + kernel if known else answer, []).append(version if known else "")
    first, *more = (name + _versions(versions) for name, versions in groups.items())
    said, words = first, first.split(" ")
    for other in more:
        rest = other.split(" ")
        differ = (i for i, word in enumerate(rest) if words[i : i + 1] != [word])
        same = next(differ, 0)
        said += f" or {' '.join(rest[same:])}"
    return said.replace(
        "IO_STRICT_DEVMEM=y or IO_STRICT_DEVMEM=n", "STRICT_DEVMEM=y"
    )  # all that have it


def _versions(newest_first: list[str]) -> str:
    """Kernels in words: a range for more than two without a gap."""
    versions = newest_first[::-1]
    known = [*VERSIONS]
    if len(versions) > 2 and versions == known[known.index(versions[0]) :][: len(versions)]:
        return f"{versions[0]} to {versions[-1]}"
    return " or ".join(versions)


def _assumed(known: Description, access: Access, outcome: str, bits: int) -> Iterator[str]:
    """What each case assumes: a BAR's number, and that the machine follows the model's rules."""
    bar = known.found[access.bdf].bar(access.bar) if known.assumes(access.bdf) else None
    if bar is not None:
        yield (
            f"BAR {bar.index} of {access.bdf} is {bar.start:#x}-{bar.end:#x}, for a dump does not "
            "number BARs"
        )
    if known.shown_page_shift is None:
        yield "pages have 4 KiB; arm64 kernels may have 16 or 64 KiB, too: see getconf PAGESIZE"
    inside = (access.offset if access.via == "sysfs" else access.start) % access.page_size
    rounds = access.op == "mmap" or inside % PAGE_SIZE == 0
    if access.maps and not access.traced and inside and rounds:
        yield (
            f"the program maps offset & ~(sysconf(_SC_PAGESIZE) - 1), {inside:#x} bytes below, for "
            f"pages have {access.page_size >> 10} KiB, and mmap with this offset itself is EINVAL"
        )
    if outcome == "ok" and access.maps and access.op != "mmap" and access.start >> bits:
        yield (
            f"the CPU has more than {bits} address bits: else the touch ends the process with an "
            "oops (bits of a page table entry that are reserved), which the model does not play"
        )
    if _ends_the_kernel(known, access):
        yield (
            "the kernel survives it: on arm64 an unaligned read or write of ports through "
            "resourceN was an oops on 6.1 to 7.3, which the model does not play"
        )
    if HARDWARE[known.rules].aborts and access.op in ("load", "store") and outcome == "ok":
        yield "a device answers there and the access is aligned: else it ends with SIGBUS"
    if known.rules == "other":
        yield (
            f"{known.this_architecture} has no rules of its own here: the answer uses what all "
            "architectures share (exclusive regions, revocation, PROT_EXEC, file modes, lockdown, "
            "the devices cgroup); below 1 MiB, read and write, cache types and pages beyond 4 KiB "
            "are open"
        )


def _ends_the_kernel(known: Description, access: Access) -> bool:
    """Whether an access to ports is one that arm64's kernels end at."""
    device = known.found.get(access.bdf)
    bar = device.bar(access.bar) if device and access.op in ("read", "write") else None
    ports = access.via == "sysfs" and bar is not None and not bar.memory
    return ports and known.rules == "arm64" and access.offset % max(access.length, 1) != 0


def notes_on(known: Description, access: Access) -> Iterator[str]:
    """What limits an answer, and what looks wrong in the question."""
    if known.shown_architecture is None:
        yield "nothing shows the machine's architecture: this is x86-64's answer (see --arch)"
    if access.nowhere and not access.bdf:
        yield "no address is told (--address): this is about any place in /dev/mem"
    if access.bdf == ANY:
        options = "--bdf and --bar, or --address for /dev/mem"
        yield f"no file is told ({options}): this is about some PCI device ({ANY})"
    if known.page_shift > PAGE_SHIFT:
        size = f"{1 << known.page_shift - 10} KiB"
        yield f"pages have {size} here: an offset must be a multiple of sysconf(_SC_PAGESIZE)"
    if known.release is not None:
        yield from limits_of(known.release, known.rules)
        if lacks_strict_devmem(known.release) and "CONFIG_STRICT_DEVMEM" not in (
            known.config or {}
        ):
            yield (
                "Raspberry Pi builds its 64-bit kernels from 6.6 on with STRICT_DEVMEM=n "
                "(bcm2711_defconfig, bcm2712_defconfig), so that is likely here: "
                f"{shows_option('STRICT_DEVMEM')}"
            )
    if access.via == "port" and known.ioports is None:
        yield "there is no dump of /proc/ioports: which driver has which ports is not known"
    if known.architecture == "i386" and access.via == "devmem" and not access.maps:
        yield "i386 maps 896 MiB of RAM directly, unless VMSPLIT or vmalloc= says otherwise"
    dump = known.ioports if access.via == "port" else known.iomem
    if dump is not None and (zeroed := sum(not one.end for one in dump.entries)):
        yield (
            f"{zeroed} of the dump's {len(dump.entries)} lines have no addresses: what they name "
            "is missing here"
        )
    if access.start >> 31 == U64 >> 31:
        yield (
            f"{access.start:#x} is {access.start & 0xFFFF_FFFF:#x} with its sign extended from 32 "
            "to 64 bits: hold the address in a uint64_t, and compile 32-bit programs with "
            "-D_FILE_OFFSET_BITS=64"
        )
    elif access.nowhere or dump is None:
        pass
    elif access.start > (end := max(one.end for one in dump.entries)):
        yield f"the dump ends at {end:#x}, before the address: it may have been cut"
    device = known.found.get(access.bdf)
    bars = [one for one in (device.bars if device else ()) if one.memory]
    if (
        access.via == "proc"
        and access.maps
        and not any(one.start <= access.start <= one.end for one in bars)
    ):
        starts = ", ".join(f"{one.start:#x}" for one in bars)
        yield (
            f"{access.file} wants a BAR's physical address as the offset ({starts or 'none known'})"
            ": offsets into the BAR are for resourceN of sysfs"
        )
    whole = device.bar(access.bar) if device and access.via == "sysfs" else None
    if whole is not None and whole.start <= access.offset <= whole.end:
        yield (
            f"the offset {access.offset:#x} is the BAR's physical address: resourceN wants an "
            f"offset into the BAR, here {access.offset - whole.start:#x}"
        )
    if known.iomem is not None and known.iomem.max_level is not None:
        yield "the dump was cut at its deepest level: a claim may hide below what it shows"
    for name, dump in (("iomem", known.iomem), ("ioports", known.ioports)):
        if dump is not None and dump.repairs:
            kinds = grouped(dump.repairs)
            rest = f"; {len(kinds) - 3} more kinds" if len(kinds) > 3 else ""
            yield f"the dump of {name} was repaired, {'; '.join(kinds[:3])}{rest}"
    listed = known.devices.get(access.bdf)
    if listed is not None and not listed.numbered:
        yield (
            "lspci -v prints no numbers of BARs: they were counted in order, which is wrong "
            "after one that is missing; lspci -vv prints them"
        )
