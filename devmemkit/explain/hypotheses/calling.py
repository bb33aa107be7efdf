"""Hypotheses about the calls: their arguments, cache types, what followed the mmap."""

from __future__ import annotations

from devmemkit.explain.access import Access
from devmemkit.explain.calls import call, calls_of, touch
from devmemkit.explain.cases import with_bar, with_kernel
from devmemkit.explain.hypothesis import Asked, Hypothesis, Some
from devmemkit.explain.shell import shows_option
from devmemkit.model import flags as fl
from devmemkit.model.flags import U64
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.play import Act, Ref


def _other_cache_type(asked: Asked) -> Some:
    """Process Q maps the pages first, with another cache type."""
    access = asked.access
    sync = access.via == "devmem" and not access.sync
    length, shift = max(access.length, 1), access.page_shift
    other = Access("devmem", "mmap", access.start, length, sync=sync, page_shift=shift)
    opens, maps = (
        Act(f"other {one.key}", "Q", one.operation, {**one.arguments, "pid": "Q"})
        for one in calls_of(other)
    )
    maps.arguments["fd"] = Ref(opens.key)
    return opens, maps, *asked.calls


def _in_mode(asked: Asked) -> bool:
    """Whether the mode in which the file was opened can be another."""
    return asked.access.via != "proc" and asked.access.op != "load"


def _too_long(asked: Asked) -> Some:
    device = asked.known.found.get(asked.access.bdf)
    bar = device and device.bar(asked.access.bar)
    return asked.mmap_with(length=bar.length + asked.access.page_size) if bar else ()


CALLING = (
    Hypothesis(
        "other cache type",
        "another mapping of the pages has another cache type (O_SYNC or not, _wc or not)",
        "/sys/kernel/debug/x86/pat_memtype_list has the range; dmesg on a conflict",
        _other_cache_type,
        lambda asked: asked.machine.with_(new_task("Q")),
        lambda asked: asked.access.maps,
        function="reserve_pfn_range",
        do="open the file as the other mapping's process did, with or without O_SYNC",
    ),
    Hypothesis(
        "other cache type than O_SYNC",
        "the file was opened with O_SYNC, and another mapping of the pages was not",
        "strace: O_SYNC; /sys/kernel/debug/x86/pat_memtype_list has the range",
        lambda asked: _other_cache_type(asked.but(sync=True)),
        lambda asked: asked.machine.with_(new_task("Q")),
        lambda asked: (
            asked.access.via == "devmem"
            and asked.access.maps
            and not (asked.access.sync or asked.access.traced)
        ),
        do="open the file without O_SYNC",
    ),
    Hypothesis(
        "fork",
        "fork failed: the process has a private mapping of /dev/mem and wrote to its first page",
        "strace: MAP_PRIVATE, and fork or clone = -1 ENOMEM; map it shared, or fork before",
        lambda asked: asked.but(op="store", private=True).mapped(
            touch("touch", "store"), call("fork", "fork", child="C")
        ),
        when=lambda asked: asked.access.op in ("mmap", "store"),
        do="map it with MAP_SHARED, or fork before the mmap",
    ),
    Hypothesis(
        "fork's cache type",
        "fork failed: the process has the pages mapped with one cache type, and {driver} has them "
        "with another; mmap takes the other's type, only fork demands the very same",
        "strace: fork or clone = -1 ENOMEM; /sys/kernel/debug/x86/pat_memtype_list has the range; "
        "map it with the other's type, or fork before",
        when=lambda asked: asked.access.maps and asked.machine.kernel.pat,
        gives="ENOMEM",
        function="track_pfn_copy (up to 6.15)",
        call="fork",
        do="fork before the mmap, or map the pages with the other's cache type",
    ),
    Hypothesis(
        "RAM's cache type",
        "nothing failed: the pages are RAM, which has one cache type for all of its mappings, and "
        "the mapping got that one in place of the one that it asked for",
        "the line of dmesg: req is the type that was asked for, got the one that the mapping has",
        when=lambda asked: asked.access.maps and asked.machine.kernel.pat,
        gives="ok",
        function="reserve_pfn_range",
    ),
    Hypothesis(
        "opened read-only",
        "the file was opened for reading only, and a shared mapping wants to write",
        "strace: O_RDONLY with PROT_WRITE",
        lambda asked: asked.but(mode="r").calls,
        when=_in_mode,
        do="open the file O_RDWR, or map it PROT_READ",
    ),
    Hypothesis(
        "opened write-only",
        "the file was opened for writing only",
        "strace: O_WRONLY",
        lambda asked: asked.but(mode="w").calls,
        when=_in_mode,
        do="open the file O_RDWR: reads and mappings need a file that can be read",
    ),
    Hypothesis(
        "read-only store",
        "a store to a mapping without PROT_WRITE",
        "strace: the prot of mmap; si_code is SEGV_ACCERR",
        lambda asked: asked.but(op="load", prot="r").mapped(touch("touch", "store")),
        when=lambda asked: asked.access.maps,
        do="map it with PROT_WRITE",
    ),
    Hypothesis(
        "map failed",
        "mmap was refused, and the program touched what it had returned, MAP_FAILED, without a "
        "test",
        "gdb: the pointer is 0xffffffffffffffff (0xffffffff in a 32-bit program), or a little "
        "more; strace: mmap = -1",
        lambda asked: (asked.calls[0], call("touch", "load", address=U64, size=1)),
        when=lambda asked: asked.access.maps,
        function="(the CPU)",
        do="compare what mmap returns with MAP_FAILED, and print errno",
    ),
    Hypothesis(
        "beyond the end",
        "the touch is past the mapping's end",
        "compare si_addr with /proc/PID/maps; si_code is SEGV_MAPERR",
        lambda asked: asked.mapped(asked.touch(asked.size)),
        do="map as many bytes as the program touches",
    ),
    Hypothesis(
        "unmapped",
        "the mapping was gone already",
        "strace: munmap; si_code is SEGV_MAPERR",
        lambda asked: asked.mapped(
            call("gone", "munmap", address=Ref("mmap"), length=asked.size), asked.touch()
        ),
        do="keep the mapping as long as the program touches it",
    ),
    Hypothesis(
        "unaligned",
        "the offset is not a multiple of the page size, {pages}",
        "strace: the last argument of mmap; getconf PAGESIZE",
        lambda asked: asked.mmap_with(offset=asked.unaligned or 1),
        lambda asked: with_kernel(asked.machine, page_shift=asked.page_shift),
        do="map offset & ~(sysconf(_SC_PAGESIZE) - 1), and add the rest to the address that mmap "
        "returns",
    ),
    Hypothesis(
        "sign extended",
        "the offset came as a negative number: bit 31 of the address is set, and a signed type of "
        "32 bits was extended to 64 (int, or off_t of a 32-bit program)",
        "strace: the last argument of mmap begins with 0xffffffff",
        lambda asked: asked.mmap_with(offset=asked.access.start | 0xFFFF_FFFF << 32),
        when=lambda asked: asked.access.via == "devmem" and asked.access.start >> 31 == 1,
        do="hold the address in a uint64_t, and compile 32-bit programs with "
        "-D_FILE_OFFSET_BITS=64",
    ),
    Hypothesis(
        "empty",
        "the length is 0",
        "strace: the second argument of mmap",
        lambda asked: asked.mmap_with(length=0),
        do="give mmap a length above 0",
    ),
    Hypothesis(
        "too large",
        "the length is larger than the addresses that the process has left, or than its limits "
        "(RLIMIT_AS, vm.max_map_count) allow; an old libbcm2835 computes such a length on a "
        "Raspberry Pi 4",
        "strace: the second argument of mmap; ulimit -v; sysctl vm.max_map_count; wc -l of "
        "/proc/PID/maps",
        lambda asked: asked.mmap_with(length=1 << 62),
        do="print the length before the mmap, and update a library that computes it",
    ),
    Hypothesis(
        "too long",
        "the mapping reaches beyond the end of the BAR",
        "compare with the size of the resourceN file; offsets into it begin at 0",
        _too_long,
        do="map no more bytes than the BAR has after the offset",
    ),
    Hypothesis(
        "no wc",
        "the file is resourceN_wc, which only a prefetchable BAR has, and only with PAT",
        "ls the device's folder; lspci -v: prefetchable; dmesg: x86/PAT",
        lambda asked: asked.but(wc=True).calls,
        lambda asked: with_kernel(asked.machine, cmdline="nopat"),
        # a trace or a message shows the file
        lambda asked: asked.access.via == "sysfs" and (asked.access.wc or not asked.access.traced),
        do="use resourceN in place of resourceN_wc",
    ),
    Hypothesis(
        "ports",
        "the BAR is one of I/O ports, which x86 and arm64 cannot map",
        "the device's resource file, or lspci -v: I/O ports at ...",
        machine=lambda asked: with_bar(asked.machine, asked.access, fl.IORESOURCE_IO),
        when=lambda asked: asked.no_bar and asked.access.op == "mmap",
        do="read and write resourceN by pread and pwrite, 1, 2 or 4 bytes at a time",
    ),
    Hypothesis(
        "no port calls",
        "the kernel was built without ioperm and iopl (X86_IOPL_IOPERM=n, which 5.5 brought)",
        shows_option("CONFIG_X86_IOPL_IOPERM"),
        when=lambda asked: not asked.opens and asked.machine.kernel["port_calls"],
        gives="ENOSYS",
        function="ksys_ioperm, sys_iopl",
    ),
    Hypothesis(
        "not asked",
        "PCIIOC_MMAP_IS_MEM was not called on the file",
        "strace: the ioctl",
        lambda asked: [one for one in asked.calls if one.key != "ask"],
        when=lambda asked: asked.access.via == "proc",
        do="call ioctl(fd, PCIIOC_MMAP_IS_MEM, 0) before the mmap, or use resourceN in sysfs",
    ),
    Hypothesis(
        "copied",
        "a system call was given a buffer inside a mapping that was revoked",
        "strace: a write(2) whose buffer is the mapping, and EFAULT",
        lambda asked: asked.mapped(
            asked.claim, call("copy", "copy_from_user", address=Ref("mmap"))
        ),
        do="copy to a buffer of the program first, and map again after a revocation",
    ),
    Hypothesis(
        "traced",
        "a debugger looked at a page that was revoked",
        "ptrace or /proc/PID/mem",
        lambda asked: asked.mapped(asked.claim, call("copy", "ptrace_peek", address=Ref("mmap"))),
    ),
)
