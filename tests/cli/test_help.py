"""The help of every command: whole words, 80 columns, every option explained, real examples."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from devmemkit import cli
from devmemkit.cli.parser import Parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


WHOLE = cli.parser_of()
ALL = {parser.prog: parser for parser in parsers(WHOLE)}


def test_every_command_is_there() -> None:
    assert {f"devmemkit {name}" for name in cli.COMMANDS} < ALL.keys()
    assert {"devmemkit lab list", "devmemkit lab run", "devmemkit lab record"} < ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_help_fits_80_columns_in_whole_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    narrow = ALL[name].format_help()
    assert max(map(len, narrow.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "1000")
    assert narrow.split() == ALL[name].format_help().split()


@pytest.mark.parametrize("name", ALL)
def test_every_argument_is_explained(name: str) -> None:
    for action in ALL[name]._actions:
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, action


@pytest.mark.parametrize("name", [f"devmemkit {name}" for name in cli.COMMANDS])
def test_every_command_has_a_description_and_examples_that_parse(name: str) -> None:
    parser = ALL[name]
    assert isinstance(parser, Parser)
    assert parser.description
    assert parser.examples
    for example in parser.examples:
        options = WHOLE.parse_args(shlex.split(example))
        assert name == f"devmemkit {options.command}" or name == "devmemkit snapshot"


def test_the_first_page_has_every_command_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    for group, commands in cli.GROUPS.items():
        shown = said.partition(f"\n{group}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in shown] == list(commands)
    for status in ("0", "1", "2", "128 + N"):
        assert f"\n  {status:10}  {cli.STATUSES[status]}\n" in said.partition("exit status:")[2]


def test_a_line_is_filled_but_an_indented_one_stays() -> None:
    parser = Parser(description=f"{'read-only ' * 20}\n  as   it is")
    lines = parser.format_help().splitlines()
    assert "  as   it is" in lines
    assert not any(line.endswith("read-") for line in lines)


@pytest.mark.parametrize("command", ["cite", "lab", "iomem", "completion", "conform"])
def test_help_of_a_command_imports_no_other_command(command: str) -> None:
    import subprocess
    import sys

    script = (
        f"import sys; from devmemkit import cli; cli.main(['{command}', '--help']);"
        "print(sorted(m for m in sys.modules if m.startswith('devmemkit.explore')),"
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr == b"[]\n"
