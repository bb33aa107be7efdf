"""No text from elsewhere reaches the terminal raw, whichever command prints it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import devmemkit
from devmemkit.cli import main
from devmemkit.cli.screen import Screened, screened, status

ROOT = Path(devmemkit.__file__).parents[1]
EVIL = "\x1b[2J\x1b]0;x\x07\x9b31m\r\u202e"
ASKED = ("--machine", "qemu-6.12", "--address", "0xfebc0000")


def run(*arguments: str | bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "devmemkit", *arguments],
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        timeout=3600,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (EVIL,),
        ("iomem", EVIL),
        ("iomem", "a", EVIL),
        ("iomem", "/nowhere", f"--{EVIL}"),
        ("explain", *ASKED, "--got", EVIL),
        ("explain", *ASKED, "--kernel", EVIL),
        ("explain", *ASKED, "--op", EVIL),
        ("explain", *ASKED, "--via", EVIL),
        ("explain", *ASKED, "--lockdown", EVIL),
        ("explain", *ASKED, "--length", EVIL),
        ("explain", "--machine", EVIL, "--address", "0"),
        ("explain", "--machine", "qemu-6.12", "--bdf", EVIL),
        ("explain", "--config", EVIL, "--address", "0"),
        ("explore", EVIL),
        ("explore", "mmap-vs-claim", "--kernel", EVIL),
        ("explore", "mmap-vs-claim", "--policy", EVIL),
        ("explore", "mmap-vs-claim", "--repair", EVIL),
        ("explore", "mmap-vs-claim", "--via", EVIL),
        ("explore", "policies", "--via", EVIL),
        ("explore", "mmap-vs-claim", "--graph", f"/nowhere/{EVIL}"),
        ("lab", EVIL),
        ("lab", "run", EVIL, "--kernel", "6.12"),
        ("lab", "record", EVIL),
        ("conform", "--live", EVIL),
        ("conform", "--live", f"/nowhere/{EVIL}", "--modules", EVIL),
        ("findings", EVIL),
        ("findings", "--kernel", EVIL),
        ("reproduce", "--only", EVIL),
        ("verify", f"/nowhere/{EVIL}"),
    ],
)
def test_arguments_are_never_echoed_raw(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) != 0
    out, err = capsys.readouterr()
    assert (out + err).replace("\n", "").isprintable()
    assert err


@pytest.mark.parametrize("got", [b"\xff\x1b", b"EPERM\nEIO", b"\x1b[2J"])
def test_a_symptom_is_refused_in_one_line(got: bytes) -> None:
    done = run("explain", *ASKED, "--got", got)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(b"devmemkit explain: --got: expected one of EPERM, ")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.decode().rstrip("\n").isprintable()


def test_what_a_description_says_is_printed_spelled_out(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_text(json.dumps({"release": f"6.12.0{EVIL}\0"}))
    text = b"00:02.0 Thing: A\n\tRegion 0: Memory at fe000000 (32-bit) [size=16K]\n"
    (tmp_path / "lspci").write_bytes(text + b"\tKernel driver in use: \x1b[2J\xff\x00\n")
    described = ("--machine", str(tmp_path), "--lspci", str(tmp_path / "lspci"))
    for more in ((), ("--got", "EINVAL")):
        done = run("explain", *described, "--bdf", "00:02.0", "--bar", "0", *more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().replace("\n", "").isprintable()


def test_what_the_encoding_has_not_is_spelled_out() -> None:
    done = run("explain", *ASKED, "--kernel", "6.12-é", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"6.12-\\xe9" in done.stdout


def test_a_stream_is_screened_whatever_prints() -> None:
    stream = io.StringIO()
    shown = Screened(stream)
    print("a\tb\x1b[2J", "c\r\0d\udcff", file=shown)  # type: ignore[call-overload]
    shown.writelines(["\x9b1\n", "é\n"])
    assert stream.getvalue() == "a\tb\\x1b[2J c\\x0d\\x00d\\xff\n\\x9b1\né\n"
    assert not shown.isatty()


def test_what_was_closed_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with screened():
        print("nobody sees it")
    assert sys.stdout is None


def test_what_draws_still_draws() -> None:
    """Progress is drawn with escapes of its own."""
    stream = io.StringIO()
    Screened(stream).unscreened.write("\r\x1b[K")
    assert stream.getvalue() == "\r\x1b[K"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_takes_long_until_something_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    with screened(), status.shown(every=0.001):
        status.doing = "reading \x1b[2J"
        while "reading" not in terminal.getvalue():
            pass
        print("found", file=sys.stderr)
    assert terminal.getvalue().startswith("\r\x1b[K... ")
    assert "\r\x1b[K... reading \\x1b[2J, 0 s" in terminal.getvalue()
    assert "\r\x1b[Kfound\n" in terminal.getvalue()
    assert terminal.getvalue().endswith(("\r\x1b[K", "\r\x1b[Kfound\n"))
    assert not status.drawn


def test_elsewhere_than_on_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = threading.active_count()
    with screened(), status.shown(every=0):
        assert threading.active_count() == before
    assert stream.getvalue() == ""
