"""`devmemkit completion`: the words that may come next, for the completion of a shell."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any

BASH = """\
_devmemkit() {
    COMPREPLY=($(devmemkit completion words "${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _devmemkit devmemkit"""
SCRIPTS = {
    "bash": BASH,
    "zsh": f"autoload -U +X compinit bashcompinit && compinit && bashcompinit\n{BASH}",
    "fish": """\
function __devmemkit
    set -l typed (commandline -opc)[2..-1] (commandline -ct)
    devmemkit completion words $typed 2>/dev/null; or __fish_complete_path (commandline -ct)
end
complete -c devmemkit -f -a '(__devmemkit)'""",
}
"""By shell: its script, which asks for the words, and offers files where there are none."""


def add_parser(commands: Any) -> None:
    """Add the command to argparse's sub-parsers."""
    parser = commands.add_parser(
        "completion",
        description="Print the completion script of a shell, to be read when the shell starts:\n"
        "  ~/.bashrc                   source <(devmemkit completion bash)\n"
        "  ~/.zshrc                    source <(devmemkit completion zsh)\n"
        "  ~/.config/fish/config.fish  devmemkit completion fish | source",
        examples=("completion bash",),
    )
    add = parser.add_argument
    add("shell", metavar="|".join(SCRIPTS), help="the shell whose script is printed")
    add("typed", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Print a script; or the words that may come next, with status 1 if there are none."""
    if options.shell in SCRIPTS:
        print(SCRIPTS[options.shell])
        return 0
    if options.shell != "words":
        raise ValueError(f"shell: expected one of {', '.join(SCRIPTS)}; got {options.shell!r}")
    found = words(options.typed or [""])
    print("\n".join(found))
    return 0 if found else 1


def words(typed: list[str]) -> list[str]:
    """The words that can stand for the last one of `typed`, which may be unfinished."""
    from devmemkit.cli import parser_of

    *before, last = typed
    parser: argparse.ArgumentParser = parser_of(before)
    for word in before:
        parser = _commands(parser).get(word, parser)
    plain = [action for action in parser._actions if not action.option_strings]
    option = parser._option_string_actions.get(before[-1]) if before else None
    found: Iterable[str]
    if option is not None and option.nargs != 0:
        found = _values(option)
    elif last.startswith("-") or not plain:
        found = parser._option_string_actions
    else:
        found = [value for action in plain for value in _values(action)]
    return [word for word in found if word.startswith(last)]


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {name: inner for one in found for name, inner in one.choices.items()}


def _values(action: argparse.Action) -> Iterable[str]:
    """The values of an argument, by its choices or its metavar; none where they are unknown."""
    from devmemkit.explain import machines
    from devmemkit.lab.recordings import manifest
    from devmemkit.model import features, policy, repairs
    from devmemkit.scenarios.races import catalogue

    known = {
        "KERNEL": features.VERSIONS,
        "MACHINE": machines.names(),
        "RACE": catalogue.NAMES,
        "POLICY": policy.POLICIES,
        "REPAIR": repairs.REPAIRS | repairs.COPY_REPAIRS,
        "SCENARIO": manifest.NAMES,
    }
    either = re.findall(r"\w+(?=\|)|(?<=\|)\w+", str(action.metavar))
    return map(str, action.choices or known.get(str(action.metavar), either))
