"""The command line: what needs only the standard library, and `devmemkit iomem`."""

import errno
import json
import os
import re
import subprocess
import sys

import pytest

import devmemkit
from devmemkit import cli
from devmemkit.host.files import SourceError, read

ROOT = os.path.dirname(os.path.dirname(devmemkit.__file__))
DUMP = (
    b"00000000-0009fbff : System RAM\n"
    b"  00001000-00001fff : \xffodd\x1b]2;\r\n"
    b"0009fc00-0009ffff : r\n"
)


def run(*arguments, stdin=b""):
    return subprocess.run(
        [sys.executable, "-m", "devmemkit", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": ROOT},
        timeout=3600,
    )


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "iomem.txt"
    path.write_bytes(DUMP)
    return path


def test_help_imports_only_the_standard_library():
    script = (
        "import sys; before = set(sys.modules); from devmemkit import cli; cli.main(['--help']);"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'devmemkit'}), file=sys.stderr)"
    )
    env = os.environ | {"PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "devmemkit: the following arguments are required: COMMAND\n"),
        (["iomem"], "devmemkit iomem: the following arguments are required: FILE\n"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, sentence, capsys):
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == sentence


def test_iomem_prints_the_tree_and_the_repairs_without_control_characters(dump):
    done = run("iomem", dump)
    lines = done.stdout.decode().splitlines()
    assert lines[:4] == [
        "00000000-0009fbff : System RAM",
        "  00001000-00001fff : \\xffodd\\x1b]2;",
        "0009fc00-0009ffff : r",
        "repaired:",
    ]
    assert all(re.match(r"  (?:line \d+|[\d,]+ lines from \d+): ", line) for line in lines[4:])
    assert b"\x1b" not in done.stdout


def test_iomem_tells_repairs_in_groups_or_each(capsys, tmp_path):
    path = tmp_path / "d"
    rows = "".join(f"> {n:04x}0000-{n:04x}ffff : System RAM\n" for n in range(1, 2001))
    path.write_text(f"Hi,\n{rows}")
    assert cli.main(["iomem", str(path)]) == 0
    assert capsys.readouterr().out.partition("repaired:\n")[2] == (
        "  line 1: before the first entry: skipped\n  2,000 lines from 2: mail quoting removed\n"
    )
    assert cli.main(["iomem", str(path), "--repairs"]) == 0
    told = capsys.readouterr().out.partition("repaired:\n")[2].splitlines()
    assert told[0] == "  line 1: before the first entry: skipped"
    assert told[1:] == [f"  line {n}: mail quoting removed" for n in range(2, 2002)]


@pytest.mark.parametrize("option", [(), ("--json",), ("--repairs",)])
def test_iomem_ends_with_1_after_a_masked_dump(capsys, tmp_path, option):
    path = tmp_path / "d"
    path.write_text("00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n" * 9)
    assert cli.main(["iomem", str(path), *option]) == 1
    assert capsys.readouterr().out.count("all addresses are zero, as readers without rights") == 1


def test_iomem_says_when_nothing_was_repaired(capsys, tmp_path):
    path = tmp_path / "d"
    path.write_text("00000000-0009fbff : System RAM\n")
    assert cli.main(["iomem", str(path)]) == 0
    out = capsys.readouterr().out
    assert out == "00000000-0009fbff : System RAM\nnothing was repaired\n"


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_iomem_json_has_exactly_the_documented_keys(dump, source):
    done = (
        run("iomem", dump, "--json")
        if source == "file"
        else run("iomem", "-", "--json", stdin=DUMP)
    )
    assert done.stdout.isascii()
    data = json.loads(done.stdout)
    assert data["entries"] == [
        {"start": 0, "end": 0x9FBFF, "name": "System RAM", "depth": 0},
        {"start": 0x1000, "end": 0x1FFF, "name": "\udcffodd\x1b]2;", "depth": 1},
        {"start": 0x9FC00, "end": 0x9FFFF, "name": "r", "depth": 0},
    ]
    assert set(data) == {"entries", "repairs"}
    assert data["repairs"]
    assert all(set(repair) == {"line", "what"} for repair in data["repairs"])
    assert all(type(repair["line"]) is int for repair in data["repairs"])


def refused(done, sentence):
    assert done.returncode == 2
    assert done.stdout == b""
    message = done.stderr.decode()
    assert message.startswith(f"devmemkit iomem: {sentence}")
    assert message.count("\n") == 1


def test_iomem_refuses_what_is_no_dump(tmp_path):
    text = tmp_path / "hello\x1b.txt"
    text.write_text("hello\n")
    refused(run("iomem", text), f"{tmp_path}/hello\\x1b.txt:1: expected a line like ")
    refused(run("iomem", "-", stdin=b""), "standard input:")
    refused(run("iomem", tmp_path), f"{tmp_path}: expected a file, got a folder")
    refused(run("iomem", tmp_path / "no"), f"{tmp_path}/no: expected a dump, got: No such file")


def test_iomem_says_when_it_may_not_read(dump, monkeypatch):
    def refuse(*_):  # root may read every file, so the refusal is made here
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(SourceError, match=f"^{dump}: expected a dump, got: Permission denied$"):
        read(str(dump))


@pytest.mark.parametrize("path", ["/dev/mem", "/dev/null", "/dev/../dev/zero", "link"])
def test_iomem_opens_no_device(path, tmp_path):
    if path == "link":
        path = tmp_path / "link"
        path.symlink_to("/dev/zero")
    refused(run("iomem", path), f"{path}: expected a text file or a pipe, got a device, left unop")


def test_iomem_reads_no_device_that_was_opened_for_it():
    with open("/dev/zero", "rb") as device:
        done = subprocess.run(
            [sys.executable, "-m", "devmemkit", "iomem", "-"],
            stdin=device,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": ROOT},
        )
    refused(done, "standard input: expected a text file or a pipe, got a device")


@pytest.mark.parametrize("name", ["resource0", "resource5_wc"])
def test_iomem_opens_no_memory_of_a_pci_device(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(DUMP)
    refused(run("iomem", path), f"{path}: expected text, got the memory of a PCI device")
    link = tmp_path / "link"
    link.symlink_to(path)
    refused(run("iomem", link), f"{link}: expected text, got the memory of a PCI device")


def test_iomem_reads_a_pipe_by_name(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = subprocess.Popen(["sh", "-c", 'printf "00001000-0009ffff : a\\n" > "$1"', "sh", fifo])
    done = run("iomem", fifo)
    assert writer.wait() == 0
    assert done.stdout.startswith(b"00001000-0009ffff : a\n")


def test_iomem_refuses_more_than_a_dump_can_be(tmp_path):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate((64 << 20) + 1)
    refused(run("iomem", path), f"{path}: expected a dump of at most 64 MiB, got more")
    path.write_bytes(b"\n" * ((1 << 21) + 1))
    refused(run("iomem", path), f"{path}: expected a dump of at most 2097152 lines, got more")


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_iomem_draws_the_address_space(dump, tmp_path, source):
    svg = tmp_path / "space.svg"
    done = (
        run("iomem", dump, "--svg", str(svg))
        if source == "file"
        else run("iomem", "-", "--svg", str(svg), stdin=DUMP)
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert svg.read_text(encoding="utf-8").startswith("<svg ")
    nowhere = tmp_path / "nowhere" / "space.svg"
    done = run("iomem", dump, "--svg", str(nowhere))
    assert (done.returncode, done.stdout) == (1, b"")
    sentence = f"devmemkit iomem: cannot write {nowhere}: No such file or directory\n"
    assert done.stderr.decode() == sentence


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = run("snapshot", tmp_path / "file" / "shot")
    assert (done.returncode, done.stdout) == (1, b"")
    sentence = f"devmemkit snapshot: cannot write {tmp_path}/file/shot: Not a directory\n"
    assert done.stderr.decode() == sentence
