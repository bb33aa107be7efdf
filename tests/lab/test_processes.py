"""Worker processes: whatever ends their caller ends them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from devmemkit.lab.processes import cores, processes
from tests.lab.family import alive, family

BUSY = """
import sys, time
from devmemkit.lab.processes import processes
try:
    with processes(2, bool) as pool:
        coming = [pool.submit(time.sleep, float(sys.argv[1])) for _ in range(9999)]
        print("up", flush=True)
        coming[-1].result()
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_a_pool_does_what_it_is_given() -> None:
    with processes(2, bool) as pool:
        assert list(pool.map(abs, [-1, 2, -3])) == [1, 2, 3]
    assert cores() >= 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_at_work_end_with_their_caller(how: signal.Signals) -> None:
    # an interrupt lets them finish what they are at
    command = [sys.executable, "-c", BUSY, "0.1" if how is signal.SIGINT else "600"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "up\n"
        children = family(process.pid)
        assert len(children) >= 2
        process.send_signal(how)
        assert process.wait() == (130 if how is signal.SIGINT else -how)
        assert "Traceback" not in process.stderr.read()
    while any(map(alive, children)):
        time.sleep(0.01)
