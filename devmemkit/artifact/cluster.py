"""Jobs on a Dask cluster that exists: notebook and data travel with them, results come back."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devmemkit.artifact.record import makes
from devmemkit.artifact.store import Job, UsageError
from devmemkit.host.scratch import scratch

DEATHS = 3
"""Workers that may die under one job before it is given up: it may be what kills them."""


def pack(root: Path) -> bytes:
    """The data of a checkout, and what makes a folder one, in one archive."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name in ("data", "pyproject.toml"):
            if (root / name).exists():
                archive.add(root / name, name)
    return held.getvalue()


def remote(job: dict[str, Any], notebook: bytes, data: bytes) -> dict[str, Any]:
    """On a worker of the cluster: do the job in a folder of its own; its events and its files."""
    from devmemkit.artifact.store import Job
    from devmemkit.artifact.workers import Workers

    limit = job.pop("limit")
    with scratch() as folder:
        root, staging = folder / "checkout", folder / "results"
        (root / "notebooks").mkdir(parents=True)
        staging.mkdir()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(root, filter="data")
        path = root / "notebooks" / job.pop("notebook")
        path.write_bytes(notebook)
        events = list(Workers(limit).events(Job(notebook=path, **job), staging))
        files = {
            p.relative_to(staging).as_posix(): p.read_bytes()
            for p in staging.rglob("*")
            if p.is_file()
        }
    return {"events": events, "files": files}


ADDRESS = re.compile(
    r"(?:(?:tcp|tls|ws|wss)://)?(?:[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%\w+)?\]):([0-9]{1,5})",
    re.ASCII,
)
WAIT = 10
"""Seconds that a scheduler gets to answer."""

# A process of its own, for a client that gets no answer waits for ever, with threads of its own.
ASK = """import asyncio, signal, sys
signal.alarm(int(sys.argv[2]))
from distributed.core import rpc
from distributed.security import Security
async def ask():
    secured = Security().get_connection_args("client")
    async with rpc(sys.argv[1], connection_args=secured) as there:
        return (await there.identity())["type"]
print(asyncio.run(ask()))
"""


def answers(address: str) -> None:
    """Say how long it is waited, and return when a scheduler answers; UsageError otherwise."""
    expected = f"--scheduler: expected a Dask scheduler at {address[:60]!r}"
    found = ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[1]) < 1 << 16:
        raise UsageError(f"{expected}, got no address such as tcp://HOST:PORT")
    print(f"waiting up to {WAIT} s for {address} to answer", flush=True)
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", ASK, address, str(WAIT)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            errors="replace",
            timeout=WAIT,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{expected}, got no answer in {WAIT} s") from None
    if asked.stdout.strip() != "Scheduler":
        if asked.returncode == -signal.SIGALRM:
            raise UsageError(f"{expected}, got no answer in {WAIT} s")
        said = asked.stdout.strip() or asked.stderr.strip().rpartition("\n")[2]
        raise UsageError(f"{expected}, got: {said[:200]}")


class Cluster:
    """The cluster behind a scheduler's address; UsageError when nobody answers there."""

    def __init__(self, address: str, limit: int, root: Path) -> None:
        if not find_spec("distributed"):
            raise UsageError(
                "expected distributed to be installed; it comes with devmemkit[cluster]"
            )
        answers(address)
        from distributed import Client

        try:
            self.client: Any = Client(address, timeout=WAIT, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:  # gone since, or of another version
            raise UsageError(
                f"--scheduler: expected a Dask scheduler at {address!r}, got: {error}"
            ) from None
        self.limit = limit
        self.data = pack(root)  # with each job: scattered data dies with the worker that holds it

    def events(self, job: Job, staging: Path) -> Iterator[dict[str, Any]]:
        """Do the job on some worker; one that dies in the middle costs a new try elsewhere."""
        assert job.notebook is not None
        task = {
            "name": job.name,
            "work": job.work,
            "notebook": job.notebook.name,
            "parameters": dict(job.parameters),
            "limit": self.limit,
        }
        try:
            future = self.client.submit(
                remote, task, job.notebook.read_bytes(), self.data, pure=False, retries=DEATHS
            )
            done = future.result()
        except Exception as error:  # whatever became of the cluster: the other jobs go on
            yield {"error": f"on the cluster: {type(error).__name__}: {error}"}
            return
        for name, content in done["files"].items():
            if not makes(job.name, name):
                yield {"error": f"on the cluster: expected files of {job.name}, got {name!r}"}
                return
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield from done["events"]

    def stop(self) -> None:
        """Give up what is not done: the client's futures go, and with them their tasks."""
        self.client.close()

    def kill(self) -> None:
        """Nothing is left to end: the workers are not ours."""
