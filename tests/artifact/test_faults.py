"""What an artifact meets: kills at any moment, a full disk, folders that cannot be written to."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from devmemkit.artifact.record import CRATE, HIDDEN
from devmemkit.artifact.verify import TIMES
from tests.artifact import toys

COMMANDS = {
    "reproduce": ("reproduce", "--jobs", "2", "--out"),
    "sweep": ("sweep", "1", "-p", "claim=1,2", "--jobs", "2", "--out"),
}


def files(folder: Path) -> dict[str, str]:
    """The digests of a folder's files, times in them left out."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(HIDDEN) and name != CRATE:
            content = path.read_bytes()
            if times := TIMES.get(path.suffix):
                content = times.sub(b"", content)
            found[name] = hashlib.sha256(content).hexdigest()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The two notebooks that are run and killed."""
    made = toys.Checkout(tmp_path_factory.mktemp("faults") / "killed")
    made.write("01-good", toys.good())
    made.write("02-other", toys.notebook(toys.text("# Other"), toys.code("print(2)")))
    return made


@pytest.fixture(scope="module")
def left(made):
    """What a run of each command leaves, and how long it takes."""
    found = {}
    for name, command in COMMANDS.items():
        out = made.root / name
        start = time.monotonic()
        assert made.run(*command, out).returncode == 0
        found[name] = files(out), time.monotonic() - start
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_moment_nothing_half_is_there_and_the_next_run_finishes(
    made, left, tmp_path, name, seed
):
    whole, seconds = left[name]
    out = tmp_path / "out"
    with made.start(*COMMANDS[name], out) as process:
        time.sleep(random.Random(seed).uniform(0.1, seconds))
        process.send_signal(signal.SIGKILL)
        process.wait()
    seen = files(out) if out.exists() else {}
    assert seen.items() <= whole.items()
    done = made.run(*COMMANDS[name], out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(out) == whole
    assert made.run("verify", out).returncode == 0


@pytest.mark.slow
def test_a_notebook_that_hangs_is_ended_and_named(made, tmp_path):
    cell = "import time\ntime.sleep(600)"
    path = made.write("03-hangs", toys.notebook(toys.code(cell)))
    try:
        done = made.run("reproduce", "--only", "3", "--limit", "1", "--out", tmp_path / "out")
    finally:
        path.unlink()
    assert done.returncode == 1
    expected = "\n03-hangs: failed at cell In [1], 'import time': it took more than 1 s, "
    assert expected in "\n" + done.stdout


def mounted(options: str, folder: Path, command: list[str], made) -> subprocess.CompletedProcess:
    """Run a command beside a file system of its own, in a mount namespace that ends with it."""
    folder.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o "$0" tmpfs "$1" && cd {str(made.root)!r} && shift && exec "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, options, str(folder), *command],
        env=made.env,
        capture_output=True,
        text=True,
        timeout=3600,
    )


@pytest.fixture
def mounts():
    if (
        not shutil.which("unshare")
        or subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
        ).returncode
    ):
        pytest.skip("this machine lets no process mount in a namespace of its own")


@pytest.mark.slow
@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("size", ["20k", "60k"])
def test_a_full_disk_is_said_and_nothing_half_is_taken_for_done(made, left, tmp_path, size):
    folder = tmp_path / "small"
    kept = tmp_path / "kept"
    reproduce = made.command("reproduce", "--out", folder, "--jobs", "1")
    script = '"$@"; status=$?; cp -r "$0" ' + f"{str(kept)!r}; exit $status"
    done = mounted(f"size={size}", folder, ["sh", "-c", script, str(folder), *reproduce], made)
    assert done.returncode in (1, 2)
    told = done.stdout + done.stderr
    assert "No space left on device" in told
    assert "Traceback" not in told
    whole = {name for name in files(kept) if ".partial." not in name}
    assert whole <= left["reproduce"][0].keys()
    if "index.html" in whole:  # there was room for the page that tells what failed
        assert "cannot write: No space left on device" in (kept / "index.html").read_text()
        whole.remove("index.html")
    assert {name: files(kept)[name] for name in whole}.items() <= left["reproduce"][0].items()
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)  # the same folder, on a disk with room
    assert made.run("reproduce", "--out", folder).returncode == 0
    assert files(folder) == left["reproduce"][0]


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_runs(
    made, tmp_path, command
):
    folder = tmp_path / "read only"
    done = mounted("ro", folder, made.command(*command, folder), made)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"devmemkit {command[0]}: expected a folder to write to, got {folder}: "
        "Read-only file system\n"
    )


@pytest.mark.slow
def test_paths_with_spaces_and_other_letters(tmp_path):
    made = toys.Checkout(tmp_path / "a {b} ü 中 %41 'q\"")
    made.write("01-ünï code & co", toys.good())
    done = made.run("reproduce", "--out", "o ut/ö")
    assert done.returncode == 0, done.stdout + done.stderr
    out = made.root / "o ut" / "ö"
    assert (out / "01-ünï code & co.html").exists()
    assert made.run("verify", out).returncode == 0
    swept = made.run("sweep", "1", "-p", "machine=a b/../ü,<i>", "--out", "s w")
    assert swept.returncode == 0, swept.stdout + swept.stderr
    names = {path.suffix for path in (made.root / "s w").iterdir()}
    assert {".html", ".ipynb", ".csv"} <= names
    assert made.run("verify", "s w").returncode == 0
