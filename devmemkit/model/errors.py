"""How a kernel operation can end: a value, an errno, a signal, a kernel bug, or a wait."""

from dataclasses import dataclass, field
from typing import Any, Self


class KernelError(Exception):
    """A system call or kernel function failed with an errno.

    `name` is the errno's name ("EBUSY"), `why` one sentence for a person, `conflict` the resource
    in the way as /proc/iomem prints it, `page` the page frame refused.
    """

    def __init__(
        self, name: str, why: str = "", conflict: str | None = None, page: int | None = None
    ) -> None:
        self.name = name
        self.why = why
        self.conflict = conflict
        self.page = page
        super().__init__(f"{name}: {why}" if why else name)


class KernelBug(Exception):
    """The kernel follows a null or a freed pointer; the model ends the operation there."""


class Trap(Exception):
    """An instruction of a user process ended in a signal instead of a value."""

    def __init__(self, signal: str, code: str, address: int) -> None:
        self.signal = signal
        self.code = code
        self.address = address
        super().__init__(f"{signal}/{code} at {address:#x}")


class Blocked(Exception):
    """A step cannot run yet; `on` names the lock, queue or event it waits for.

    `until` is the tick of the clock at which the wait times out, the same at each earlier tick;
    None when it has no timeout.
    """

    def __init__(self, on: str, until: int | None = None) -> None:
        self.on = on
        self.until = until
        super().__init__(on)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller of an operation gets: `value`, an errno, a signal, or a kernel `bug`.

    `why`, `conflict` (the resource in the way) and `page` (the frame that was refused)
    explain the outcome to a person; two outcomes that differ in them alone are equal.
    """

    value: Any = 0
    errno: str | None = None
    signal: str | None = None
    si_code: str | None = None
    si_addr: int | None = None
    bug: str | None = None
    why: str = field(default="", compare=False)
    conflict: str | None = field(default=None, compare=False)
    page: int | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        return self.errno is None and self.signal is None and self.bug is None

    @classmethod
    def of(cls, error: KernelError | KernelBug | Trap) -> Self:
        if isinstance(error, Trap):
            return cls(None, None, error.signal, error.code, error.address)
        if isinstance(error, KernelBug):
            return cls(None, bug=str(error))
        return cls(None, error.name, why=error.why, conflict=error.conflict, page=error.page)

    def __str__(self) -> str:
        if self.signal:
            return f"{self.signal} ({self.si_code}) at {self.si_addr:#x}"
        if self.errno or self.bug:
            return self.errno or f"kernel bug: {self.bug}"
        return f"{self.value:#x}" if isinstance(self.value, int) else str(self.value)
