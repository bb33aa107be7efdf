"""Jobs on a Dask cluster that exists: notebook and data travel with them, results come back."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devmemkit.artifact.store import Job, UsageError

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
    with tempfile.TemporaryDirectory(prefix="devmemkit-") as folder:
        root, staging = Path(folder) / "checkout", Path(folder) / "results"
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


class Cluster:
    """The cluster behind a scheduler's address; UsageError when nobody answers there."""

    def __init__(self, address: str, limit: int, root: Path) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(
                "expected distributed to be installed; it comes with devmemkit[cluster]"
            ) from None
        try:
            self.client: Any = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
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
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield from done["events"]

    def stop(self) -> None:
        """Give up what is not done: the client's futures go, and with them their tasks."""
        self.client.close()

    def kill(self) -> None:
        """Nothing is left to end: the workers are not ours."""
