"""The table of features: what differs between versions and architectures, a row a change.

Nothing else knows versions and architectures, but the policies (policy.py: `since`). A profile
(kernel.py) answers by these rows; a rule without a row is the same in all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from devmemkit.model.flags import PAGE_SIZE


class Row(NamedTuple):
    """From `version` on, `feature` has `value`, since `commit` ("" when not known).

    Where `version` is only the first kernel that was seen with the value, `known_until` is the last
    one that was seen without it. A row of an architecture, `arch`, applies to that one alone, and
    replaces the rows above it that apply to all (""); one with a `page_shift` applies to kernels
    with pages of that size alone.
    """

    feature: str
    version: str
    value: Any
    commit: str
    what: str
    known_until: str = ""
    arch: str = ""
    page_shift: int = 0


ARCHITECTURES = ("x86_64", "arm64", "other")
"""The architectures of FEATURES; "other" has the rows that apply to all, and none of its own."""


def _x86(feature: str, value: Any, what: str) -> Row:
    return Row(feature, "0", value, "", what, arch="x86_64")


def _arm64(feature: str, value: Any, what: str, version: str = "0", commit: str = "") -> Row:
    return Row(feature, version, value, commit, what, arch="arm64")


FEATURES: tuple[Row, ...] = (
    Row("policy", "0", "NoProtection", "", "/dev/mem refuses System RAM only"),
    Row("policy", "4.5", "ExcludeNew", "90a545e98126", "busy ranges: no new access"),
    Row("policy", "5.8", "RevokeDevmem", "3234ac664a87", "a claim zaps /dev/mem mappings"),
    Row("policy", "5.12", "RevokeAll", "636b21b50152", "PCI sysfs and procfs mappings too"),
    Row("attribute_mapping", "0", "own", "", "resourceN keeps the mapping of its own inode"),
    Row("attribute_mapping", "5.12", "at creation", "636b21b50152", "iomem inode needed early"),
    Row("attribute_mapping", "5.15", "at open", "93bb8e352a91", "the inode is looked up at open"),
    Row("iomem_inode", "0", "none", "", "nothing is revoked"),
    Row("iomem_inode", "5.8", "chr_dev_init", "3234ac664a87", "devmem_init_inode, called there"),
    Row("iomem_inode", "5.12", "iomem_init_inode", "71a1d8ed900f", "an fs_initcall of its own"),
    Row("resource_files", "0", "pci_sysfs_init", "", "a late_initcall walks all devices"),
    Row("resource_files", "7.2", "device_add", "ca617c60af9f", "they are static attributes"),
    Row("access_recheck", "0", False, "", "generic_access_phys copies from a stale pfn"),
    Row("access_recheck", "5.12", True, "96667f8a4382", "it walks again after ioremap"),
    Row("access_one_page", "0", False, "", "generic_access_phys may cross pages"),
    Row("access_one_page", "7.3", True, "", "one page a call, no online RAM"),
    Row("sysram_rule", "0", False, "", "only busy nodes are exclusive"),
    Row("sysram_rule", "5.16", True, "a9e7b8d4f663", "exclusive System RAM even when idle"),
    Row("low_ram", "0", "readable", "", "/dev/mem shows RAM below 1 MiB"),
    Row("low_ram", "4.11", "zeroes", "a4866aa81251", "it reads as zeroes, writes are dropped"),
    Row("read_bounce", "0", False, "", "read_mem copies from memory to the process at once"),
    Row("read_bounce", "4.16", True, "22ec1a2aea73", "through a page of its own, which may wait"),
    Row("low_reserved", "0", 16, "", "the kernel keeps pages of RAM; 64 KiB, measured on 5.10"),
    Row("low_reserved", "6.1", 256, "", "all of the first MiB; first seen in 6.1", "5.10"),
    Row("lockdown", "0", False, "", "there is no lockdown"),
    Row("lockdown", "5.4", True, "", "lockdown= refuses /dev/mem and PCI access"),
    Row("muxed_sleep", "0", "after unlock", "", "a wake-up can be lost"),
    Row("muxed_sleep", "6.12", "before unlock", "", "first seen in 6.12", "6.1"),
    Row("proc_exclusive", "0", False, "", "/proc/bus/pci checks no page; measured on 5.10"),
    Row("proc_exclusive", "5.12", True, "636b21b50152", "it is EINVAL, as in sysfs"),
    Row("bind_error", "0", "ENODEV", "", "bind is ENODEV whatever failed; measured on 5.10"),
    Row(
        "bind_error", "6.1", "its own", "", "its probe's errno, or EBUSY; first seen in 6.1", "5.10"
    ),
    Row("memtype_lives", "0", "until zap", "", "any zap of the VMA drops its memtype"),
    Row("memtype_lives", "6.16", "until VMA dies", "", "the record lives as long as the VMA"),
    Row("failed_copy_frees", "0", True, "", "a failed fork frees a memtype; measured on 5.10"),
    Row("failed_copy_frees", "6.1", False, "", "not any more; measured on 6.1", "5.10"),
    Row("ramoops_undo", "0", False, "", "a failed ioremap leaves its claim behind"),
    Row("ramoops_undo", "5.10", True, "", "it is given back: measured on 5.10.262, a backport"),
    Row("ramoops_undo", "5.11", False, "", "as before 5.10"),
    Row("ramoops_undo", "6.1", True, "", "measured on 6.1.192 and 6.12.118, backports"),
    Row("ramoops_undo", "6.13", False, "", "as before; measured on 6.16 to 6.19"),
    Row("ramoops_undo", "7.0", True, "", "given back: on 7.0.13 and 7.1.13 backports, then 7.2"),
    Row("devmem_mmap", "0", "populate, link", "", "mmap_mem fills pages, then the VMA is linked"),
    Row("devmem_mmap", "6.19", "link, populate", "", "mmap_mem_prepare: the order swaps"),
    Row("pat_check", "0", "without STRICT_DEVMEM", "", "memtype.c asks by itself, EINVAL"),
    Row(
        "pat_check", "6.16", "with STRICT_DEVMEM", "", "the page loop runs twice; measured", "6.12"
    ),
    Row("mremap_checks", "0", "target", "", "the source is looked at after unmapping the target"),
    Row(
        "mremap_checks", "6.1", "source, target", "", "no source: EFAULT; first seen in 6.1", "5.10"
    ),
    Row(
        "mremap_checks", "6.16", "alignment, source, target", "", "a bit earlier; measured", "6.12"
    ),
    Row("mremap_checks", "6.17", "all first", "", "then each VMA of a range moves; measured"),
    Row("mprotect_keeps", "0", "soft-dirty", "", "writable by a fault; measured on 5.10"),
    Row("mprotect_keeps", "6.1", "dirty", "", "any page that was written; measured on 6.1", "5.10"),
    Row("populate", "0", "unknown", "", "madvise(POPULATE_READ) is EINVAL; measured on 5.10"),
    Row("populate", "5.14", "each VMA", "4ca9b3859dac", "goes on behind a hole; measured on 6.1"),
    Row("populate", "6.12", "in order", "", "ends at a hole, ENOMEM; first seen in 6.12", "6.1"),
    Row("mseal", "0", False, "", "there is no mseal; measured on 5.10 and 6.1"),
    Row("mseal", "6.10", True, "8be7258aad44", "mseal seals; measured on 6.12"),
    Row("zap_lock", "0", "write", "", "unmap_mapping_range excludes other walks"),
    Row("zap_lock", "6.1", "read", "", "walks may overlap; first seen in 6.1", "5.10"),
    Row("iores_levels", "0", 5, "", "MAX_IORES_LEVEL of /proc/iomem"),
    Row("iores_levels", "7.3", 8, "", "seen in 7.3"),
    Row("non_mappable", "0", "ENODEV", "", "resourceN of an I/O BAR has no mmap on x86"),
    Row("non_mappable", "7.2", "EINVAL", "", "since its attribute is static; measured"),
    Row("low_megabyte", "0", False, "", "nothing is special below 1 MiB: lib/devmem_is_allowed.c"),
    _x86("low_megabyte", True, "no page is refused there: arch/x86/mm/init.c"),
    Row("ram_page", "0", "each byte", "", "page_is_ram: RAM fills it: lib/devmem_is_allowed.c"),
    _x86("ram_page", "any byte", "region_intersects: arch/x86/mm/init.c"),
    Row("copy_reach", "0", "mapped RAM", "", "xlate_dev_mem_ptr is __va: include/asm-generic/io.h"),
    _arm64("copy_reach", "one region of RAM", "memblock, no no-map area: arch/arm64/mm/mmap.c"),
    _x86("copy_reach", "high_memory", "read and write end there: valid_phys_addr_range"),
    Row("mmap_end", "0", "last byte", "", "must be below 2^phys_bits: arch/x86/mm/mmap.c"),
    _arm64("mmap_end", "byte behind", "must be within PHYS_MASK, or be 0: arch/arm64/mm/mmap.c"),
    Row("mmap_end", "6.12", "last byte", "", "as on x86: measured on 6.12", "6.1", arch="arm64"),
    Row("mmap_end", "7.3", "byte behind", "", "as before: measured on 7.3", "6.12", arch="arm64"),
    _x86("mmap_end", "any", "valid_mmap_phys_addr_range is 1: drivers/char/mem.c"),
    Row("mmap_end", "4.15", "last byte", "be62a3204406", "it has a limit", arch="x86_64"),
    Row("task_size", "0", (1 << 47) - PAGE_SIZE, "", "the end of a process's addresses"),
    _arm64(
        "task_size", 1 << 48, "TASK_SIZE_64 with VA_BITS=48: arch/arm64/include/asm/processor.h"
    ),
    Row("task_size", "0", 1 << 47, "", "VA_BITS_MIN of 16 KiB pages", arch="arm64", page_shift=14),
    Row("cache_types", "0", False, "", "nothing tracks them: no page conflicts with another"),
    _x86("cache_types", True, "arch/x86/mm/pat/memtype.c, with X86_PAT and without nopat"),
    Row("resource_wc", "0", "with cache types", "", "arch_can_pci_mmap_wc is pat_enabled on x86"),
    _arm64("resource_wc", "always", "arch/arm64/include/asm/pci.h", "5.10", "5fd39dc22027"),
    Row("proc_mmap", "0", True, "", "/proc/bus/pci can be mapped: HAVE_PCI_MMAP"),
    _arm64("proc_mmap", False, "EIO, and the ioctl is EINVAL: no HAVE_PCI_MMAP"),
    Row("proc_domain", "0", False, "", "/proc/bus/pci names domains other than 0"),
    _arm64("proc_domain", True, "each domain: pci_proc_domain, arch/arm64/include/asm/pci.h"),
    Row("access_needs_right", "0", False, "", "ptrace reads what the process has no right to"),
    Row(
        "access_needs_right",
        "6.12",
        True,
        "",
        "no right: EIO, in 6.12 by a backport; 6.1 ends with an oops",
        "6.1",
        arch="arm64",
    ),
    Row("access_needs_right", "6.13", False, "", "as before; read, not measured", arch="arm64"),
    _arm64("access_needs_right", True, "EIO again: measured on 7.3", "7.0", "8f098037139b"),
    Row("vma_access", "0", True, "", "ptrace reads and writes a mapping: HAVE_IOREMAP_PROT"),
    _arm64("vma_access", False, "the mapping has no ->access: EIO"),
    _arm64("vma_access", True, "generic_access_phys, as on x86", "6.0", "893dea9ccd08"),
    Row("port_calls", "0", False, "", "ioperm and iopl are ENOSYS"),
    _x86("port_calls", True, "arch/x86/kernel/ioport.c"),
)


def values_of(feature: str) -> tuple[Any, ...]:
    """The values of a feature, oldest first."""
    return tuple(dict.fromkeys(row.value for row in FEATURES if row.feature == feature))


def newest(feature: str, arch: str) -> Any:
    """The value of a feature in the newest kernel of an architecture.

    >>> newest("proc_domain", "arm64"), newest("proc_domain", "x86_64")
    (True, False)
    """
    ours = (row for row in FEATURES if row.feature == feature and row.arch in ("", arch))
    *_, last = ours
    return last.value


VERSIONS = {
    "4.4": "historic: before IO_STRICT_DEVMEM",
    "4.5": "historic: IO_STRICT_DEVMEM",
    "5.8": "historic: the first kernel that revokes",
    "5.10": "measured",
    "5.12": "historic: revokes PCI mappings too",
    "5.15": "historic: mapping resolved at open",
    "6.1": "measured",
    "6.12": "measured",
    "6.16": "measured",
    "6.17": "measured",
    "6.18": "measured",
    "6.19": "measured",
    "7.0": "measured",
    "7.1": "measured",
    "7.2": "measured",
    "7.3": "measured",
}

MEASURED_ON_ARM64 = ("6.1", "6.12", "7.3")
"""Those of VERSIONS that were measured on arm64, too."""


def evidence_of(version: str, arch: str) -> str:
    """What the rules of one of VERSIONS rest on, on an architecture."""
    measured = arch == "x86_64" or (arch == "arm64" and version in MEASURED_ON_ARM64)
    known = VERSIONS[version]
    return known if measured or known != "measured" else "measured on x86-64 alone"


@cache
def number(version: str) -> tuple[int, ...]:
    """A version as a number that can be compared: (6, 12)."""
    return tuple(int(part) for part in version.split("."))


def is_between(version: str, since: str, until: str) -> bool:
    """Whether a release is `since` ("": any) or later, and before `until` ("": none)."""
    mine = number(version)
    return (not since or number(since) <= mine) and (not until or mine < number(until))


def open_rows(version: str, arch: str = "x86_64") -> tuple[Row, ...]:
    """The rows that may or may not apply to a release: it lies in the gap before `row.version`."""
    ours = (row for row in FEATURES if row.arch in ("", arch))
    gaps = ((row.known_until, row) for row in ours if row.known_until)
    return tuple(
        row for until, row in gaps if number(until) < number(version) < number(row.version)
    )
