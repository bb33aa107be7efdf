"""How the command ends when it is told to: what it holds is given up, one line, 128 + the signal.

Ctrl-C (SIGINT, so 130), SIGTERM (143) and SIGHUP (129) do the same: KeyboardInterrupt inside
`main`, so that guests, workers and temporary folders go; the line and the end at once outside of
it, where there is nothing to give up: while modules are imported, and while the interpreter ends.
A second Ctrl-C does not wait for the clean-up.

Importing this module arranges it, in the program `devmemkit` alone: the signals of another program
that uses the package, or of a process that it starts, are not ours.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

name = "devmemkit"
"""Who speaks: with the command, once that is known."""

inside = False
"""Whether `main` runs, which catches KeyboardInterrupt."""

_got = 0
_said = False


def status() -> int:
    """The exit status of an interrupted command."""
    return 128 + (_got or signal.SIGINT)


def say(line: str) -> None:
    """One line on standard error, if it can be written there."""
    global _said
    _said = True
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _told(number: int, _: FrameType | None) -> None:
    global _got
    again, _got = _got, _got or number
    if inside and not again:
        raise KeyboardInterrupt
    if not inside or number == signal.SIGINT:  # a terminal that closes may send SIGHUP twice
        if not _said:
            with suppress(OSError):  # not by print, which may be what was interrupted
                os.write(2, f"{name}: interrupted\n".encode())
        os._exit(status())


def _swallowed(what: sys.UnraisableHookArgs) -> None:
    """Interrupt again, soon: this time it came in a destructor, whose exceptions are lost."""
    if what.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
    else:
        sys.__unraisablehook__(what)


def _again(*_: object) -> None:
    if inside:
        raise KeyboardInterrupt


def _too_late() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _is_program() -> bool:
    by = sys.argv[0] if sys.argv else ""
    child = "--multiprocessing-fork" in sys.orig_argv  # it is told its parent's argv
    return by.endswith(("devmemkit", "devmemkit/__main__.py")) and not child


if _is_program():
    atexit.register(_too_late)  # the first to register is the last to be called
    sys.unraisablehook = _swallowed
    signal.signal(signal.SIGALRM, _again)
    # One that was closed for us is None to Python, and its number the next file's.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (open to the end)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 (open to the end)
    for one in SIGNALS:
        if signal.getsignal(one) is not signal.SIG_IGN:  # as under nohup
            signal.signal(one, _told)
