"""What a user names is judged before it is opened: in every command and for every file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from devmemkit.cli import main
from devmemkit.explain import snapshot
from devmemkit.host import files as source
from devmemkit.host.files import SourceError, read, write

IOMEM = "00001000-0009ffff : System RAM\n"
MEMBERS = ("iomem", "ioports", "snapshot.json", "pci.json")

forbidden: set[str] = set()
"""Files that nothing may open now, other than to look at their kind: a hook cannot be removed."""


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and forbidden:
        path, _, flags = arguments
        if isinstance(path, str) and not (
            isinstance(flags, int) and flags & getattr(os, "O_PATH", 0)
        ):
            real = os.path.realpath(path)
            if real in forbidden:
                opened.append(real)
                raise AssertionError(f"opened {real}")


opened: list[str] = []
sys.addaudithook(refuse)


def run(target: Path | str, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    """Run a command, and fail if it opens the target."""
    said, told = io.StringIO(), io.StringIO()
    opened.clear()
    forbidden.add(os.path.realpath(target))
    try:
        with redirect_stdout(said), redirect_stderr(told):
            code = main([*map(str, arguments)])
    finally:
        forbidden.clear()
    assert opened == []
    return subprocess.CompletedProcess(arguments, code, said.getvalue(), told.getvalue())


def test_a_file_that_is_opened_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "iomem").write_text(IOMEM)
    with pytest.raises(AssertionError, match="opened"):
        run(tmp_path / "iomem", "iomem", tmp_path / "iomem")


def hostile(folder: Path, kind: str) -> tuple[Path, str]:
    """A file that must not be opened, and what is said of it."""
    target = folder / "target" / "resource0"
    target.parent.mkdir()
    if kind == "zero":
        return Path("/dev/zero"), "got a device, left unopened"
    if kind == "pipe":
        os.mkfifo(target)
        return target, "expected a file, got a pipe, left unopened"
    if kind == "kernel":
        return Path("/proc/self/environ"), "got another file of the kernel, left unopened"
    target.write_text(IOMEM)
    return target, "got the memory of a PCI device, left unopened"


@pytest.mark.parametrize("kind", ["zero", "pipe", "kernel", "memory"])
@pytest.mark.parametrize("member", MEMBERS)
def test_no_member_of_a_snapshot_leads_to_a_device(tmp_path: Path, member: str, kind: str) -> None:
    target, said = hostile(tmp_path, kind)
    shot = tmp_path / "shot"
    shot.mkdir()
    (shot / "iomem").write_text(IOMEM)
    (shot / member).unlink(missing_ok=True)
    (shot / member).symlink_to(target)
    done = run(target, "explain", "--machine", shot, "--address", "0x1000")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"devmemkit explain: {shot}/{member}: expected ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["iomem", "ioports", "lspci", "resource", "config", "machine"])
def test_no_option_opens_a_device(tmp_path: Path, option: str) -> None:
    target, said = hostile(tmp_path, "memory")
    where = ("--bdf", "0000:00:03.0", "--bar", "0")
    done = run(target, "explain", f"--{option}", target, *where)
    assert done.returncode == 2, done.stderr
    assert f"{target}: expected" in done.stderr
    assert said in done.stderr


def test_what_snapshot_takes_is_no_device_and_no_pipe(tmp_path: Path) -> None:
    for name in ("proc/iomem", "proc/version", "proc/config.gz", "proc/self/status"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(tmp_path / name)
    device = tmp_path / "sys/bus/pci/devices/0000:00:03.0"
    device.mkdir(parents=True)
    (device / "resource").symlink_to("/dev/zero")
    texts = snapshot.take(tmp_path)  # a pipe would be waited for
    assert "iomem" not in texts
    assert '"resource": ""' in texts["pci.json"]


@pytest.mark.parametrize(("member", "most"), snapshot.MEMBERS.items())
def test_every_member_is_bounded(tmp_path: Path, member: str, most: int) -> None:
    with open(tmp_path / member, "wb") as file:
        file.truncate(most + 1)
    with pytest.raises(SourceError, match=f"{member}: expected a text of at most .* MiB, got more"):
        snapshot.read(tmp_path)


def test_a_member_that_may_not_be_read_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "iomem").write_text(IOMEM)
    (tmp_path / "pci.json").symlink_to(tmp_path / "gone")
    with pytest.raises(SourceError, match=r"pci\.json: expected a text, got: No such file"):
        snapshot.read(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="O_PATH is Linux's")
def test_what_is_judged_is_what_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere between the look and the opening changes nothing."""
    text, memory = tmp_path / "text", tmp_path / "resource0"
    text.write_text("text")
    memory.write_text("memory")
    judge = source._refuse

    def swap(*arguments: object) -> None:
        judge(*arguments)  # type: ignore[arg-type]
        text.unlink()
        text.symlink_to(memory)

    monkeypatch.setattr(source, "_refuse", swap)
    assert read(text) == b"text"


def test_a_pipe_is_read_where_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.write(writer, IOMEM.encode())
    os.close(writer)
    asked = ("--address", "0x1000", "--kernel", "6.12")
    assert main(["explain", "--iomem", f"/dev/fd/{reader}", *asked]) == 0
    os.close(reader)
    assert "System RAM" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["zero", "pipe", "memory"])
def test_a_kernel_image_is_no_device(tmp_path: Path, kind: str) -> None:
    target, said = hostile(tmp_path, kind)
    (tmp_path / "bzImage").symlink_to(target)
    modules = tmp_path / "modules"
    modules.mkdir()
    image = ("--kernel", tmp_path / "bzImage", "--modules", modules)
    for command in (("lab", "run", "takeover"), ("lab", "record", "boot")):
        done = run(target, *command, *image)
        assert done.returncode == 2
        assert done.stderr.startswith(f"devmemkit {command[0]} {command[1]}: {tmp_path}/bzImage: ")
        assert said in done.stderr


@pytest.mark.parametrize("kind", ["zero", "pipe", "kernel", "memory"])
def test_nothing_is_drawn_into_a_device(tmp_path: Path, kind: str) -> None:
    target, said = hostile(tmp_path, kind)
    drawn, dump = tmp_path / "drawn", tmp_path / "iomem"
    drawn.symlink_to(target)
    dump.write_text(IOMEM)
    before = target.read_bytes() if kind == "memory" else b""
    for command in (("iomem", dump, "--svg"), ("explore", "early-claim", "--graph")):
        done = run(target, *command, drawn)
        assert done.returncode == 2
        assert said.replace("another", "a") in done.stderr
    assert before == (target.read_bytes() if kind == "memory" else b"")


def test_what_is_drawn_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "drawn"
    for text in ("something long", "short"):
        write(path, text)
        assert path.read_text() == text
