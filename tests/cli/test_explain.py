"""The command: files from another machine, JSON by its schema, one sentence for what cannot be."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

import devmemkit.explain
from devmemkit.cli import main
from devmemkit.explain.answer import as_html
from devmemkit.explain.symptom import causes, causes_html
from devmemkit.scenarios.machines import data_dir
from tests.explain.known import answer, ask, known

SCHEMA = json.loads((Path(devmemkit.explain.__file__).parent / "schema.json").read_text("utf-8"))
BOUND = data_dir() / "machines" / "qemu-6.12" / "bound"
MACHINE = ("--machine", str(BOUND))
CERTAIN = ("--kernel", "6.12", "--lockdown", "none", "--cmdline", "quiet")
EVIL = "\x1b[2J<script>alert(1)</script>"


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        (*MACHINE, *CERTAIN, "--address", "0xfebc0000"),
        (*MACHINE, "--address", "0xf8000000", "--length", "64K", "--sync"),
        (*MACHINE, "--bdf", "00:03.0", "--bar", "0", "--op", "load"),
        (*MACHINE, *CERTAIN, "--address", "0x2000", "--op", "read"),
        (*MACHINE, "--address", "0x80", "--via", "port", "--op", "read"),
        ("--iomem", str(BOUND / "iomem"), "--address", "0xfed00000", "--exec", "--private"),
    ],
)
def test_json_is_by_its_schema(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    found = json.loads(explained(capsys, *arguments, "--json"))
    jsonschema.validate(found, SCHEMA)
    assert found["checks"][found["decided"]]["result"] != "not reached"
    text = explained(capsys, *arguments)
    assert found["access"] in text
    assert all(advice["do"] in text for advice in found["advice"])


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_files_of_another_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    resource = json.loads((BOUND / "pci.json").read_text())["0000:00:03.0"]["resource"]
    (tmp_path / "resource.txt").write_text(resource)
    (tmp_path / "config").write_text("CONFIG_DEVMEM=y\n# CONFIG_STRICT_DEVMEM is not set\n")
    files = ("--iomem", str(BOUND / "iomem"), "--ioports", str(BOUND / "ioports"))
    files += ("--resource", str(tmp_path / "resource.txt"), "--config", str(tmp_path / "config"))
    where = ("--bdf", "0000:00:03.0", "--bar", "0", "--via", "devmem")
    found = json.loads(explained(capsys, *files, *where, *CERTAIN, "--json"))
    assert found["outcome"] == "ok"  # nothing is strict there


def test_resource_files_with_their_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "r"
    devices = json.loads((BOUND / "pci.json").read_text())
    rows = {bdf: device["resource"] for bdf, device in devices.items()}
    path.write_text("".join(f"==> {bdf}/resource <==\n{text}\n" for bdf, text in rows.items()))
    given = ("--iomem", str(BOUND / "iomem"), "--resource", str(path))
    for access in (("--bdf", "00:03.0", "--bar", "0"), ("--address", "0xfebc0000")):
        assert "0000:00:03.0" in explained(capsys, *given, *access, *CERTAIN)
    path.write_text(rows["0000:00:03.0"])
    assert main(["explain", "--resource", str(path), "--address", "0"]) == 2
    assert "r:1: expected --bdf, or the files' names in the text, got none" in (
        capsys.readouterr().err
    )
    path.write_text(f"0000:00:04.0\n{rows['0000:00:03.0']}")
    assert main(["explain", "--resource", str(path), "--bdf", "00:03.0", "--bar", "0"]) == 2
    assert "expected a resource file of 0000:00:03.0, got those of 0000:00:04.0" in (
        capsys.readouterr().err
    )


def test_a_symptom(capsys: pytest.CaptureFixture[str]) -> None:
    asked = (*MACHINE, *CERTAIN, "--address", "0xfebc0000", "--got", "EPERM")
    assert "1. page 0xfebc0 is not allowed" in explained(capsys, *asked)
    listed = json.loads(explained(capsys, *asked, "--json"))
    assert not listed["causes"][0]["as_described"]  # its configuration is not
    asked = ("--machine", "qemu-6.12", "--address", "0xfebc0000", "--got", "EPERM")
    assert json.loads(explained(capsys, *asked, "--json"))["causes"][0]["as_described"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((*MACHINE,), "expected --address or --bdf and --bar, got neither"),
        ((*MACHINE, "--address", "0", "--got", "EWHAT"), "--got: expected one of EPERM"),
        (("--got", "it does not work"), "--got: expected one of EPERM"),
        (("--machine", "nowhere", "--address", "0"), "nowhere: expected a machine (qemu-5.10, "),
        (
            ("--strace", "mmap(NULL, 4, PROT_READ, MAP_SHARED, 3, 0) = 0", "--address", "0"),
            "--strace: expected no other option of the access, got --address",
        ),
        (("--iomem", "nowhere", "--address", "0"), "nowhere: expected a dump, got: No such file"),
        (("--iomem", "/dev/mem", "--address", "0"), "/dev/mem: expected"),
        ((*MACHINE, "--kernel", "x", "--address", "0"), "--kernel:1: expected a kernel release"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"devmemkit explain: {sentence}")
    assert err.count("\n") == 1


class Tags(HTMLParser):
    """The tags that a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


def test_names_from_a_dump_cannot_steer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (BOUND / "iomem").read_text().replace("e1000", EVIL)
    (tmp_path / "iomem").write_text(text)
    asked = ("--iomem", str(tmp_path / "iomem"), "--address", "0xfebc0000", *CERTAIN)
    for more in ((), ("--got", "EPERM"), ("--json",)):
        said = explained(capsys, *asked, *more)
        assert said.replace("\n", "").isprintable()
    from devmemkit.explain.description import dump_of

    described = known(iomem=dump_of(text.encode(), EVIL))
    pages = [as_html(answer(described, address=0xFEBC_0000))]
    pages.append(causes_html(EVIL, "EPERM", causes(*ask(described, address=0xFEBC_0000), "EPERM")))
    for page in pages:
        assert "&lt;script&gt;" in page
        assert "\x1b" not in page
        tags = Tags()
        tags.feed(page)
        assert "script" not in tags.seen
    assert answer(described, address=0xFEBC_0000)._repr_html_() == pages[0]


def test_what_a_sentence_was_read_as_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    asked = (*MACHINE, *CERTAIN, "--address", "0xfebc0000", "--got")
    said = explained(capsys, *asked, "mmap: Operation not permitted")
    assert "note: 'mmap: Operation not permitted' was read as EPERM\n" in said
    assert "note: 'mmap: Bad address' was" in explained(capsys, *asked, "mmap:\n  Bad address")
    assert "was read as" not in explained(capsys, *asked, "EPERM")
    told = json.loads(
        explained(capsys, *asked, "x " * 99 + "Bad address", "--op", "read", "--json")
    )
    assert told["notes"] == [f"'{'x ' * 50}' was read as EFAULT"]


@pytest.mark.slow
def test_what_nobody_told_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    said = explained(capsys, "--arch", "x86_64", "--got", "mmap: Operation not permitted")
    assert "note: no address is told (--address): this is about any place in /dev/mem\n" in said
    said = explained(capsys, "--arch", "x86_64", "--got", "mmap: Invalid argument")
    assert "note: no file is told (--bdf and --bar, or --address for /dev/mem)" in said
    trace = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3{}, 0xfe000000) = -1 EPERM"
    for shown, noted in (("", True), ("</dev/mem>", False)):
        said = explained(capsys, "--arch", "x86_64", "--strace", trace.format(shown))
        assert ("note: the lines do not show the descriptor's file" in said) == noted


ABOUT = "note: this is about this machine"
NOT_ABOUT = "note: this machine cannot give that, so the answer uses no fact of this machine"


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("--got", "ENOENT", "--address", "0xfebc0000"), ABOUT),
        (("--got", "EPERM", "--address", "0xfebc0000"), NOT_ABOUT),  # open does not succeed
        (("--got", "open /dev/mem: Permission denied"), NOT_ABOUT),
        (("--got", "nvme 0000:77:00.0: can't reserve [mem 0xfebc0000-0xfebc0fff]"), NOT_ABOUT),
        (("--got", "/sys/bus/pci/devices/0000:77:00.0/resource0: mmap: EINVAL"), NOT_ABOUT),
        (("--got", "EINVAL", "--bdf", "77:00.0", "--bar", "2"), NOT_ABOUT),
        (("--got", "ENODEV", "--bdf", "00:03.0", "--bar", "4"), NOT_ABOUT),  # it has BAR 0
        (("--address", "0xfebc0000"), ABOUT),
    ],
)
def test_a_question_that_names_no_machine_says_whose_answer_it_is(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    note: str,
) -> None:
    monkeypatch.setattr("devmemkit.explain.stored.description_of", lambda *_: known(dev_mem=False))
    found = explained(capsys, *arguments)
    assert [one for one in (ABOUT, NOT_ABOUT) if one in found] == [note]
    assert "e1000" not in found or note == ABOUT


@pytest.mark.parametrize(("kernel", "outcome"), [("6.12", "ENOENT"), ("6.1", "EPERM")])
def test_another_kernel_is_not_the_one_that_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kernel: str, outcome: str
) -> None:
    mine = known(dev_mem=False, release="6.12")
    monkeypatch.setattr("devmemkit.explain.stored.description_of", lambda *_: mine)
    asked = ("--kernel", kernel, "--address", "0xfebc0000", "--json")
    found = json.loads(explained(capsys, *asked))
    assert (found["outcome"], found["owner"]["name"]) == (outcome, "e1000")
    assert bool(found["assumed"]) == (kernel != "6.12")
    symptom = explained(capsys, "--kernel", kernel, "--got", "EPERM", "--address", "0xfebc0000")
    assert not any(word in symptom for word in ("e1000", ABOUT))  # what it met is not known here
    other = ("--arch", "arm64", "--got", "can't reserve [mem 0xfebc0000-0xfebc0fff]")
    said = explained(capsys, *other)
    assert not any(word in said for word in ("e1000", ABOUT, NOT_ABOUT))


@pytest.mark.parametrize("text", [b"", b"hello\n", b"\x00\xff\x7f\n\x80"])
def test_a_paste_in_which_nothing_is_known_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    """The sentence is about the file, not about the address that was asked of it."""
    file = tmp_path / "paste"
    file.write_bytes(text)
    assert main(["explain", "--paste", str(file), "--address", "0xfe000000"]) == 2
    assert capsys.readouterr().err == (
        f"devmemkit explain: {file}:1: expected a dump, a configuration, a command, a call or a "
        "message; got nothing of these\n"
    )
