"""How a command ends before its time: told to by a signal, or left alone by its reader."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import devmemkit
from devmemkit import cli
from devmemkit.cli import ending

ROOT = Path(devmemkit.__file__).parents[1]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
DUMP = b"00001000-0009ffff : System RAM\n"

# Python imports this before anything else. It counts the calls from the first line of cli.py on,
# and sends the signal at the one that is asked for: no test here depends on time.
AT_A_CALL = """\
import atexit, os, signal, sys

AT, NUMBER, TOLD = {at}, {number}, {told!r}
calls = -1

def tell(what):
    with open(TOLD, "w") as file:
        file.write(str(what))

def count(frame, event, _):
    global calls
    if calls < 0:
        if frame.f_code.co_filename.endswith("devmemkit/cli/__init__.py"):
            calls = 0
        return
    calls += 1
    if calls == AT:
        sys.setprofile(None)
        tell("sent")
        signal.raise_signal(NUMBER)

if "--multiprocessing-fork" not in sys.orig_argv:
    atexit.register(lambda: calls == AT or tell(calls))
    sys.setprofile(count)
"""


def as_script(folder: Path) -> list[str]:
    """The console script, as an installer writes it."""
    path = folder / "devmemkit"
    path.write_text(
        "import sys\nfrom devmemkit.cli import main\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    )
    return [sys.executable, str(path)]


def as_module(_: Path) -> list[str]:
    return [sys.executable, "-m", "devmemkit"]


ACCESS = ("--address", "0xfebc0000", "--op", "mmap")
COMMANDS = {
    "explain": ("explain", "--machine", "qemu-6.12", *ACCESS),
    "conform": ("conform", "--quick"),
    "findings": ("findings",),
    "explore": ("explore", "mmap-vs-claim"),
    "iomem": ("iomem", "-"),
    "verify": ("verify", "RUN"),
    "reproduce": ("reproduce", "--only", "01", "--out", "NEW"),
}


QUIET = {
    "help": ("--help",),
    "explain --help": ("explain", "--help"),
    "version": ("--version",),
    "cite": ("cite",),
    "lab list": ("lab", "list"),
    **{name: command for name, command in COMMANDS.items() if name != "conform"},
}
"""Commands that print, without the one that compares for a minute before it does."""


@pytest.fixture(scope="module")
def run_of_01(tmp_path_factory):
    """A finished run of a notebook."""
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-m", "devmemkit", *COMMANDS["reproduce"][:-1], str(folder)]
    subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, check=True)
    return folder


@pytest.fixture
def command(request, tmp_path):
    """The arguments of a command by name, its folders filled in."""

    def find(name):
        folders = {"NEW": lambda: tmp_path / "new"}
        folders["RUN"] = lambda: request.getfixturevalue("run_of_01")
        return [str(folders[one]()) if one in folders else one for one in (QUIET | COMMANDS)[name]]

    return find


@pytest.fixture
def told_at(tmp_path):
    """Run a command that gets a signal at a call, counted from the first line of cli.py."""
    told = tmp_path / "told"

    def run(arguments, at, number=signal.SIGINT, how=as_script):
        hook = AT_A_CALL.format(at=at, number=int(number), told=str(told))
        (tmp_path / "sitecustomize.py").write_text(hook)
        return subprocess.run(
            [*how(tmp_path), *arguments],
            input=DUMP,
            capture_output=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
            # where SIGINT is ignored, as under nohup, the command would inherit that
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            timeout=3600,
        )

    run.told = told.read_text  # "sent", or how many calls it made, to which none was sent
    return run


def is_one_line(done, number=signal.SIGINT):
    said = done.stderr.decode()
    # reproduce says where to find what was done so far
    assert said.count("\n") == 1, said
    assert "interrupted" in said
    assert done.returncode == 128 + number, said


def run_as_command(folder: Path, text: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script of this text under the name by which the program knows itself."""
    script = folder / "devmemkit"
    script.write_text(text)
    return subprocess.run([sys.executable, script], capture_output=True, env=ENV, timeout=3600)


EARLY = (1, 2, 3, 5, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Calls at which a signal comes; explain --help takes more than 10,000."""


@pytest.mark.parametrize("how", [as_script, as_module])
@pytest.mark.parametrize("at", EARLY)
def test_an_interrupt_is_one_line_from_the_first_line_of_the_command_on(told_at, at, how):
    is_one_line(told_at(["explain", "--help"], at, how=how))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupt_of_a_command_is_one_line(told_at, name, command):
    arguments = command(name)
    draw = random.Random(name)
    moments = [int(2 ** draw.uniform(12, 18)) for _ in range(4)]
    ended = 0
    for at in sorted(moments):
        done = told_at(arguments, at)
        if told_at.told() != "sent":  # it had ended before
            break
        is_one_line(done)
        ended += 1
    assert ended


MAKES_A_CLASS = """
import signal, sys
from devmemkit import cli
from devmemkit.cli import iomem

class Field:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGINT)

def run(options):
    type("Made", (), {"field": Field()})

iomem.run = run
if __name__ == "__main__":
    sys.exit(cli.main(["iomem", "x"]))
"""


def test_an_interrupt_while_a_class_is_made_is_one_line(tmp_path):
    is_one_line(run_as_command(tmp_path, MAKES_A_CLASS))


@pytest.mark.slow
def test_an_interrupt_while_the_interpreter_ends_is_one_line_or_comes_too_late(told_at):
    arguments = COMMANDS["iomem"]
    whole = told_at(arguments, -1)
    assert (whole.returncode, whole.stderr) == (0, b"")
    total = int(told_at.told())
    for back in (1, 2, 3, 5, 8, 12, 20, 40):
        done = told_at(arguments, total - back)
        if done.returncode:
            is_one_line(done)
        else:
            assert (done.stdout, done.stderr) == (whole.stdout, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("at", [5000, 20_000, 100_000])  # before, it ends us without a word
def test_other_signals_end_it_alike(told_at, at, number):
    is_one_line(told_at(["conform"], at, number), number)


def test_an_interrupt_that_a_destructor_swallows_comes_again(tmp_path):
    done = run_as_command(
        tmp_path,
        "import signal, sys\n"
        "from devmemkit import cli\n"
        "from devmemkit.cli import findings\n"
        "class Noisy:\n"
        "    def __del__(self):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "def run(_):\n"
        "    Noisy()\n"
        "    signal.pause()\n"
        "findings.run = run\n"
        "sys.exit(cli.main(['findings']))\n",
    )
    is_one_line(done)


def test_a_second_interrupt_ends_the_clean_up(tmp_path):
    done = run_as_command(
        tmp_path,
        "import signal, sys\n"
        "from devmemkit import cli\n"
        "from devmemkit.cli import findings\n"
        "def run(_):\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    finally:\n"
        "        signal.raise_signal(signal.SIGHUP)\n"  # a terminal that closes sends two
        "        print('cleaning', flush=True)\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "        print('never')\n"
        "findings.run = run\n"
        "sys.exit(cli.main(['findings']))\n",
    )
    is_one_line(done)
    assert done.stdout == b"cleaning\n"


def test_a_signal_that_was_ignored_stays_ignored(tmp_path):
    script = f"trap '' HUP INT; exec {' '.join(as_script(tmp_path))} iomem -"
    hook = AT_A_CALL.format(at=1000, number=int(signal.SIGHUP), told=str(tmp_path / "told"))
    (tmp_path / "sitecustomize.py").write_text(hook)
    env = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(["sh", "-c", script], input=DUMP, capture_output=True, env=env)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_signals_of_a_program_that_calls_the_command_line_are_its_own(capsys, monkeypatch):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is not ending._told

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("devmemkit.cli.findings.run", interrupted)
    assert cli.main(["findings"]) == 130
    assert capsys.readouterr().err == "devmemkit findings: interrupted\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "unbuffered"), [*((name, "") for name in QUIET), ("help", "1"), ("findings", "1")]
)
def test_a_command_whose_reader_is_gone_ends_quietly(name, unbuffered, command, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*as_script(tmp_path), *command(name)],
        input=DUMP,
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=ENV | {"PYTHONUNBUFFERED": unbuffered},
        timeout=3600,
    )
    os.close(writer)
    if not name.startswith("findings"):  # which say on stderr what they weigh
        assert done.stderr == b""
    assert b"Traceback" not in done.stderr
    assert b"Broken pipe" not in done.stderr
    assert done.returncode == 141


@pytest.mark.parametrize("arguments", [["--help"], ["findings"], ["cite"]])
def test_output_that_cannot_be_written_is_said(arguments, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*as_script(tmp_path), *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=ENV,
            cwd=ROOT,
        )
    name = "devmemkit" if arguments == ["--help"] else f"devmemkit {arguments[0]}"
    said = f"{name}: cannot write: No space left on device\n"
    assert (done.returncode, done.stderr.decode()) == (1, said)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(closed, tmp_path):
    script = f"exec {' '.join(as_script(tmp_path))} iomem - {closed}"
    done = subprocess.run(["sh", "-c", script], input=DUMP, capture_output=True, env=ENV)
    assert (done.returncode, done.stderr) == (0, b"")
