"""Processes that end when we end, even by SIGKILL, which leaves nobody time to end them."""

from __future__ import annotations

import os
import sys

_EXECUTE = """\
import ctypes, os, signal, sys

parent, *command = sys.argv[1:]
PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
    sys.exit("prctl: expected a signal at the parent's death, got an error")
if os.getppid() == int(parent):  # else it ended before we asked for the signal
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
"""


def ending_with_us(program: str, *arguments: str) -> list[str]:
    """The command that runs a program (a path) and lets the kernel kill it when we are gone.

    "We" is the thread that starts it: it must live as long as the program is wanted.

    A process in between asks for the signal and becomes the program, so the process id is the
    program's. Not done by `preexec_fn`, for between fork and exec Python may wait for ever for a
    lock of another thread; nor by setpriv(1), which does not look whether we are gone already.
    """
    return [sys.executable, "-ISc", _EXECUTE, str(os.getpid()), program, *arguments]
