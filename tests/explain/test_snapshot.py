"""Snapshots: taken from a tree of files, written and read back; what is none is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devmemkit.explain import snapshot
from devmemkit.explain.stored import description_of
from devmemkit.host.files import SourceError
from devmemkit.text import TextError
from devmemkit.text.system_files import told_of

IOMEM = "00000000-00000fff : Reserved\n00001000-0009ffff : System RAM\n"
ROW = "0x00000000fe000000 0x00000000fe003fff 0x0000000000040200\n"
EMPTY = 3 * f"0x{0:016x} "
DEVICE = "sys/bus/pci/devices/0000:03:00.0"
ALIAS = "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine's files, as far as they describe it."""
    texts = {
        "proc/iomem": IOMEM,
        "proc/ioports": "0000-0cf7 : PCI Bus 0000:00\n",
        "proc/version": "Linux version 6.12.0-test (a@b) #1 SMP\n",
        "proc/sys/kernel/arch": "x86_64\n",
        "proc/cmdline": "quiet iomem=relaxed\n",
        "proc/cpuinfo": "address sizes\t: 39 bits physical, 48 bits virtual\n",
        "proc/self/mounts": "udev /dev devtmpfs rw,nosuid 0 0\nsysfs /sys sysfs ro,noexec 0 0\n",
        "proc/self/status": "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000020000\n",
        "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
        "boot/config-6.12.0-test": "CONFIG_DEVMEM=m\nCONFIG_STRICT_DEVMEM=y\n",
        "lib/modules/6.12.0-test/modules.alias": "alias pci:v00008086d000010D3sv* e1000e\n",
        f"{DEVICE}/resource": ROW + (EMPTY.strip() + "\n") * 12,
        f"{DEVICE}/modalias": ALIAS + "\n",
        f"{DEVICE}/class": "0x020000\n",
        "dev/mem": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_taken_is_what_is_read_back(root: Path, tmp_path: Path) -> None:
    texts = snapshot.take(root)
    snapshot.write(tmp_path / "shot", texts)
    known = snapshot.read(tmp_path / "shot")
    assert known == description_of(texts, str(tmp_path / "shot"))
    assert (known.release, known.arch, known.cmdline) == (
        "6.12.0-test", "x86_64", "quiet iomem=relaxed",
    )  # fmt: skip
    assert (known.lockdown, known.phys_bits) == ("integrity", 39)
    assert (known.root, known.capable, known.dev_mem, known.dev_port) == (True, True, True, False)
    assert known.mounts == {"/dev": frozenset(), "/sys": frozenset({"ro", "noexec"})}
    assert known.config is not None
    assert told_of(known.config)["devmem"]
    device = known.devices["0000:03:00.0"]
    assert [(bar.index, bar.start) for bar in device.bars] == [(0, 0xFE00_0000)]
    assert device.modules == ("e1000e",)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("proc/iomem", "iomem"),
        ("proc/ioports", "ioports"),
        ("proc/cmdline", "cmdline"),
        ("proc/cpuinfo", "phys_bits"),
        ("proc/self/mounts", "mounts"),
        ("boot/config-6.12.0-test", "config"),
    ],
)
def test_what_cannot_be_read_is_not_known(root: Path, name: str, missing: str) -> None:
    (root / name).unlink()
    assert getattr(description_of(snapshot.take(root), "x"), missing) is None


def test_without_securityfs_lockdown_is_not_known(root: Path) -> None:
    (root / "sys/kernel/security/lockdown").unlink()
    assert description_of(snapshot.take(root), "x").lockdown is None
    (root / "sys/kernel/security/other").write_text("")
    assert description_of(snapshot.take(root), "x").lockdown == ""


def test_addresses_that_only_root_sees_are_not_known(root: Path) -> None:
    (root / "proc/iomem").write_text("00000000-00000000 : System RAM\n")
    assert description_of(snapshot.take(root), "x").iomem is None


def test_a_folder_that_is_none_and_one_that_is_full(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a snapshot"):
        snapshot.read(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="expected a new or empty folder"):
        snapshot.write(root, {})


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("snapshot.json", "[1]", "snapshot.json:1: expected a JSON object"),
        ("snapshot.json", '{"root": "x"}', "snapshot.json:1: root: expected true or false, got "),
        ("snapshot.json", '{"color\\u001b": 1}', "snapshot.json:1: expected release, .*; got 'col"),
        ("snapshot.json", '{"phys_bits": 99999999}', "phys_bits: expected 32 to 64, got 99999999"),
        ("snapshot.json", '{"phys_bits": true}', "phys_bits: expected 32 to 64, got true"),
        ("snapshot.json", '{"lockdown": "x"}', "lockdown: expected a state, got "),
        ("snapshot.json", '{"config": {"A": 1}}', "config: expected texts by name, got "),
        ("snapshot.json", '{"mtrr_uc": [[1]]}', "mtrr_uc: expected ranges of pages, got "),
        ("snapshot.json", '{"mounts": {"/dev": ["x"]}}', "mounts: expected nodev, noexec, ro by "),
        ("snapshot.json", '{"mounts": {"/home": []}}', "mounts: expected nodev, noexec, ro by "),
        ("snapshot.json", '{"mtrr_uc": [[2, 1]]}', "mtrr_uc: expected ranges of pages, got "),
        ("pci.json", "{", "pci.json:1: expected a JSON object"),
        ("pci.json", '{"0000:03:00.0": {"resource": "x"}}', "pci.json 0000:03:00.0:1: expected th"),
        ("pci.json", '{"0000:03:00.0": {"resource": 5}}', "resource: expected a text, got 5"),
        ("pci.json", '{"0000:03:00.0": {"modules": [5]}}', "modules: expected texts, got "),
        ("pci.json", '{"0000:03:00.0": 5}', "pci.json 0000:03:00.0:1: expected a PCI address"),
        ("pci.json", '{"a\\u001b": {}}', r"pci.json a\\x1b:1: expected a PCI address"),
        ("iomem", "00001000- what\n1-2 :", "iomem:"),
    ],
)
def test_a_spoiled_file_is_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (tmp_path / "iomem").write_text(IOMEM)
    (tmp_path / name).write_text(text)
    with pytest.raises(TextError, match=sentence) as caught:
        snapshot.read(tmp_path)
    assert str(caught.value).isprintable()


WATCHED = """
import sys
opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
from devmemkit.cli import main
code = main(sys.argv[1:])
bad = [p for p in opened if p.startswith(("/dev/mem", "/dev/port", "/proc/bus/pci"))
       or "/resource" in p and p[-1].isdigit()]
assert not bad, bad
assert any(p.endswith("proc/iomem") for p in opened)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments", [("snapshot", "shot"), ("explain", "--address", "0xfee00000", "--json")]
)
def test_only_descriptions_of_this_machine_are_opened(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    command = [sys.executable, "-c", WATCHED, *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=3600, check=False
    )
    assert "Error" not in done.stderr, done.stderr
    if arguments[0] == "snapshot":
        assert done.returncode == 0
        assert json.loads((tmp_path / "shot" / "snapshot.json").read_text())["release"]


def test_a_link_that_comes_meanwhile_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "new"
    victim.write_text("kept")
    whole = Path.mkdir

    def hostile(self: Path, *args: object, **named: object) -> None:
        whole(self, *args, **named)  # type: ignore[arg-type]
        (self / "iomem").symlink_to(victim)

    monkeypatch.setattr(Path, "mkdir", hostile)
    with pytest.raises(FileExistsError):
        snapshot.write(folder, {"iomem": "x"})
    assert victim.read_text() == "kept"
