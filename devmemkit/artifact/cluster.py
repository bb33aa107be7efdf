"""Jobs on an existing Dask cluster: notebook and data travel to it, results come back."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devmemkit.artifact.jobs import Done, Submit, do
from devmemkit.artifact.record import Job, UsageError
from devmemkit.host.scratch import scratch

DEATHS = 3
"""Workers that may die while they do one job, which may be what kills them; then it has failed."""


def pack(root: Path) -> bytes:
    """An archive of a checkout's data and pyproject.toml, which makes a folder a checkout."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name in ("data", "pyproject.toml"):
            if (root / name).exists():
                archive.add(root / name, name)
    return held.getvalue()


def remote(job: Job, limit: int, notebook: bytes, data: bytes) -> Done:
    """On a worker of the cluster: do the job in a checkout made of what travelled with it."""
    with scratch() as root:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(root, filter="data")
        assert job.notebook is not None
        path = root / "notebooks" / job.notebook.name
        path.parent.mkdir()
        path.write_bytes(notebook)
        return do(replace(job, notebook=path), limit)


ADDRESS = re.compile(
    r"(?:(?:tcp|tls|ws|wss)://)?(?:[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%\w+)?\]):([0-9]{1,5})",
    re.ASCII,
)
WAIT = 10
"""Seconds that a scheduler gets to answer."""


def answers(address: str) -> None:
    """Print how long the wait may be and return when a scheduler answers; UsageError otherwise.

    A client would wait for ever for one that accepts and says nothing.
    """
    expected = f"--scheduler: expected a Dask scheduler at {address[:60]!r}"
    found = ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[1]) < 1 << 16:
        raise UsageError(f"{expected}, got no address such as tcp://HOST:PORT")
    print(f"waiting up to {WAIT} s for {address} to answer", flush=True)
    from distributed.core import rpc
    from distributed.security import Security

    async def ask() -> object:
        secured = Security().get_connection_args("client")
        async with rpc(address, connection_args=secured) as there:
            return (await there.identity())["type"]

    try:
        said = asyncio.run(asyncio.wait_for(ask(), WAIT))
    except TimeoutError:
        raise UsageError(f"{expected}, got no answer in {WAIT} s") from None
    except Exception as error:  # of another protocol
        said = " ".join(f"{type(error).__name__}: {error}".split())
    if said != "Scheduler":
        raise UsageError(f"{expected}, got: {str(said)[:200]}")


@contextmanager
def cluster(address: str, limit: int, root: Path) -> Iterator[Submit]:
    """Do jobs on the cluster of that scheduler; a worker's death costs a new try of its job.

    UsageError when no scheduler answers at the address.
    """
    if not find_spec("distributed"):
        raise UsageError("expected distributed to be installed; it comes with devmemkit[cluster]")
    answers(address)
    from distributed import Client

    try:
        client: Any = Client(address, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:  # gone since, or of another version
        raise UsageError(
            f"--scheduler: expected a Dask scheduler at {address!r}, got: {error}"
        ) from None
    with client:
        pool = client.get_executor(pure=False, retries=DEATHS)
        data = pack(root)  # with each job: scattered data dies with the worker that holds it

        def submit(job: Job) -> Future[Done]:
            assert job.notebook is not None
            future: Future[Done] = pool.submit(remote, job, limit, job.notebook.read_bytes(), data)
            return future

        yield submit
