"""A grid, parameters and a scheduler's address that nobody should ask for: a sentence each."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devmemkit.artifact import cluster, grid
from devmemkit.artifact.parameters import LONGEST
from devmemkit.artifact.record import UsageError
from devmemkit.host.files import SourceError

KNOWN = {"kernel": "str", "claim": "int", "scale": "float"}


def cells(given: list[str], file: Path | None = None, most: int = 1000) -> list[dict[str, object]]:
    return grid.cells(given, file, KNOWN, "01-toy.ipynb", most)


FILES = {
    "binary": bytes(range(256)),
    "not UTF-8": b'kernel = ["\xff"]',
    "NUL": b"\0" * 1000,
    "lists": b"claim = " + b"[" * 10_000,
    "tables": b"claim = " + b"{a=" * 10_000,
    "dots": b".".join([b"a"] * 100_000) + b" = 1",
    "quoted dots": b".".join([b'"!"'] * 50_000) + b" = 1",
    "decimal": b"claim = [" + b"9" * 10_000 + b"]",
    "hexadecimal": b"claim = [0x" + b"f" * 10_000 + b"]",
    "hexadecimal in a list with others": b"claim = [0x" + b"f" * 10_000 + b", {}]",
    "many bits": b"claim = [0x" + b"f" * 3000 + b"]",
    "large": b"#" * (grid.LARGEST + 1),
    "no list": b"claim = 5",
    "empty list": b"claim = []",
    "list of lists": b"kernel = [[1], [2]]",
    "dates": b"kernel = [2026-01-01]",
    "infinite": b"scale = [inf]",
    "long text": b'kernel = ["' + b"x" * 10_000 + b'"]',
    "long name": b"x" * 100_000 + b" = [1]",
    "escapes": b'"\\u001b[2J" = 1',
    "nothing": b"",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_is_no_grid(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "grid.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected|no parameter") as caught:
        cells([], path)
    assert isinstance(caught.value, UsageError | SourceError)
    assert len(str(caught.value)) < 600


NO_FILES = {
    "device": "a file, got a device, left unopened",
    "FIFO": "a file, got a pipe, left unopened",
    "folder": "a file, got a folder",
    "link": "TOML with .*, got: Too many levels of symbolic links",
    "sparse": "TOML with .* of at most 256 KiB, got more",
    "proc": "a file outside of /proc and /sys, got a file of the kernel, left unopened",
    "none": "TOML with .*, got: No such file or directory",
}


@pytest.mark.parametrize(("kind", "said"), NO_FILES.items())
def test_what_is_no_file(tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / "grid.toml"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        path.touch()
        os.truncate(path, 200 << 30)
    elif kind != "none":
        targets = {"device": "/dev/zero", "proc": "/proc/self/maps", "link": path.name}
        path.symlink_to(targets[kind])
    with pytest.raises(ValueError, match=rf"grid\.toml: expected {said}$"):
        cells([], path)


def test_a_link_to_a_grid_is_one(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('kernel = ["6.12"]\nscale = [1, 2.5]')
    (tmp_path / "link").symlink_to("grid.toml")
    assert [cell["scale"] for cell in cells([], tmp_path / "link")] == [1.0, 2.5]


def test_cells_are_every_combination_in_the_order_that_was_asked_for() -> None:
    found = cells(["kernel=6.1,5.10", "claim=0x10,32"])
    assert [(cell["kernel"], cell["claim"]) for cell in found] == [
        *(("6.1", 16), ("6.1", 32), ("5.10", 16), ("5.10", 32))
    ]


def test_cells_are_counted_before_they_are_built(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    numbers = list(range(1300))
    path.write_text(f"claim = {numbers}\nscale = {numbers}\nkernel = {[str(n) for n in numbers]}")
    with pytest.raises(UsageError) as caught:
        cells([], path)
    assert str(caught.value) == (
        f"expected at most 1000 cells, got {1300**3}; --cells N allows N of them"
    )
    with pytest.raises(UsageError, match="at most 3 cells, got 4; "):
        cells(["claim=1,2", "scale=1,2"], most=3)
    assert len(cells(["claim=1,2", "scale=1,2"], most=4)) == 4


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["claim=" + "9" * 10_000], f"expected at most {LONGEST} characters of UTF-8 for claim"),
        (["claim=0x" + "f" * 4000], f"at most {LONGEST} characters of UTF-8 for claim, got '0x"),
        (["claim="], "expected an integer (such as 4096 or 0x1000) for claim, got ''"),
        (["scale=1e999"], "expected a finite number for scale, got '1e999'"),
        (["scale=" + "x" * 1000], "expected a finite number for scale, got 'xxx"),
        (["kernel=" + "x" * 10_000], f"expected at most {LONGEST} characters of UTF-8 for kernel"),
        (["kernel=\udcff"], f"expected at most {LONGEST} characters of UTF-8 for kernel"),
        (["claim=1", "claim=2"], "01-toy.ipynb: the parameter 'claim' is given twice"),
        (["=1"], "no parameter ''"),
        (["x" * 10_000 + "=1"], "no parameter 'xxx"),
        (["x" * 10_000], "expected NAME=VALUE, got 'xxx"),
        (["claim=" + ",".join(["1"] * 2000)], "expected at most 1000 cells, got 2000; "),
    ],
)
def test_parameters_beyond_all_measure(given: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        cells(given)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "address",
    [
        *("", " ", "tcp://", ":::", "http://x", "http://x:1", "a b", "a b:1", "tcp://a\0b:1"),
        *("tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://host:1/x", "x:y"),
        *("tcp://" + "x" * 100_000 + ":1", "\x1b[2J:1", "tcp://[::1", "inproc://1", "ü:1"),
        "host:1\n",
    ],
)
def test_an_address_that_is_none_is_refused_at_once(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        cluster.answers(address)
    assert str(caught.value).startswith("--scheduler: expected a Dask scheduler at '")
    assert str(caught.value).endswith(", got no address such as tcp://HOST:PORT")
    assert len(str(caught.value)) < 400
    assert capsys.readouterr().out == ""


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """The address of one that accepts, and answers each with what is in the list, then waits."""
    says: list[bytes] = []
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    held.append(listening.accept()[0])
                    held[-1].sendall(b"".join(says))
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}", says
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for one in held:
        one.close()


def children() -> list[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [pid for task in tasks for pid in task.read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("says", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 4096])
def test_one_that_is_no_scheduler_is_said_to_be_none(
    says: bytes | None,
    server: tuple[str, list[bytes]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closed, silent, or of another protocol: a sentence in time, and nobody is left."""
    monkeypatch.setattr(cluster, "WAIT", 1)
    before = set(threading.enumerate()), children()
    address = "tcp://127.0.0.1:1" if says is None else server[0]
    server[1].append(says or b"")
    with pytest.raises(UsageError) as caught:
        cluster.cluster(address, 1, Path()).__enter__()
    assert str(caught.value).startswith(
        f"--scheduler: expected a Dask scheduler at {address!r}, got"
    )
    assert "\n" not in str(caught.value)
    assert (set(threading.enumerate()), children()) == before
    stdout, stderr = capfd.readouterr()
    assert (stdout, stderr) == (f"waiting up to 1 s for {address} to answer\n", "")
