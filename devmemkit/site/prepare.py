"""Answers of the page's Python, computed while the site is built: shown before Python is there.

They are made by the very package that the pages get, alone in an interpreter without site-packages,
so that they are what the page would say.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from devmemkit.host.scratch import scratch
from devmemkit.scenarios.machines import data_dir
from devmemkit.site.live.catalogue import EXPLORERS

CODE = (
    "import json, sys\n"
    "from devmemkit.site.live.dispatch import handle\n"
    "print(json.dumps([json.loads(handle(json.dumps(one))) for one in json.load(sys.stdin)]))"
)

EXAMPLE = "qemu-6.12"
"""The recorded machine of the example."""


def example() -> str:
    """The text that the start page asks about first: a call that failed on a recorded machine."""
    dump = (data_dir() / "machines" / EXAMPLE / "bound" / "iomem").read_text("utf-8")
    return (
        "$ uname -r\n6.12.0\n"
        "$ sudo strace -e trace=openat,mmap ./peek 0xfebc0000\n"
        'openat(AT_FDCWD, "/dev/mem", O_RDWR|O_SYNC) = 3\n'
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0xfebc0000) = -1 EPERM "
        "(Operation not permitted)\n"
        f"$ sudo cat /proc/iomem\n{dump}"
    )


class Still(NamedTuple):
    """A picture of an explorer: its file, its SVG, its words."""

    file: str
    svg: str
    alt: str


def messages() -> list[dict[str, Any]]:
    """What is asked: the example, then each explorer."""
    return [{"do": "ask", "paste": example()}] + [
        {"do": "explorer", "name": name} for name in EXPLORERS
    ]


def stills(name: str, answer: Mapping[str, Any]) -> list[Still]:
    """The pictures of an explorer, from its tree of widgets."""
    panes = [one["state"] for one in _below(answer["tree"]) if one["kind"] == "Pane"]
    return [
        Still(f"explorers/{name}-{at}.svg", pane["svg"], pane["alt"])
        for at, pane in enumerate(panes, 1)
    ]


def _below(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for child in tree.get("children", ()):
        yield from _below(child)


def answers(package: bytes, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answers of a package (runtime.package) to messages; RuntimeError if it fails."""
    with scratch() as folder:
        zipfile.ZipFile(io.BytesIO(package)).extractall(folder)
        done = subprocess.run(
            [sys.executable, "-S", "-B", "-c", CODE],
            input=json.dumps(messages),
            capture_output=True,
            text=True,
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        )
    if done.returncode:
        raise RuntimeError(f"the package of the pages: expected answers, got {done.stderr[-500:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
