"""Worker processes on this machine, one a job, and how all of them are ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from devmemkit.artifact.provenance import ROOT
from devmemkit.artifact.store import Job

# With -P, for the folder that the user is in is no place to import from; this package, which may
# lie there and not be installed, is the one exception.
BOOT = """import sys
root = sys.argv.pop(1)
if root not in sys.path:
    sys.path.insert(0, root)
from devmemkit.artifact.worker import main
sys.exit(main(sys.argv[1]))
"""


class Workers:
    """The processes at work; closing their standard input ends them and their kernels.

    A cell may take `limit` seconds.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.stopping = threading.Event()
        self.processes: set[subprocess.Popen[str]] = set()

    def events(self, job: Job, staging: Path) -> Iterator[dict[str, Any]]:
        """Do one job; what its worker reports, and an error if it ends without a word."""
        if self.stopping.is_set():
            return
        task = {
            "work": job.work,
            "name": job.name,
            "notebook": str(job.notebook or ""),
            "folder": str(staging),
            "parameters": dict(job.parameters),
            "limit": self.limit,
        }
        command = [sys.executable, "-P", "-c", BOOT, str(ROOT), json.dumps(task)]
        with (
            tempfile.TemporaryFile("w+", errors="replace") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for this process; it ends the workers
            ) as process,
        ):
            self.processes.add(process)
            if self.stopping.is_set():
                self.stop()
            assert process.stdout is not None
            spoke = False
            for line in process.stdout:
                event = json.loads(line)
                spoke |= "error" in event
                yield event
            if process.wait() and not spoke and not self.stopping.is_set():
                log.seek(0)
                last = log.read().strip().rpartition("\n")[2]
                yield {"error": f"its process ended with status {process.returncode}: {last}"}

    def stop(self) -> None:
        """Ask every worker to end."""
        self.stopping.set()
        for process in list(self.processes):
            assert process.stdin is not None
            with suppress(OSError, ValueError):
                process.stdin.close()

    def kill(self) -> None:
        """End those that did not listen."""
        for process in list(self.processes):
            process.kill()
