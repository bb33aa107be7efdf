"""The lab's command: a scenario beside the model, and its mistakes in one sentence."""

import pytest

from devmemkit import cli
from devmemkit.lab.kernel import Kernel
from devmemkit.lab.run import run


def test_the_takeover_agrees_on_a_real_kernel(
    kernel: Kernel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("takeover", kernel.version)
    said = capsys.readouterr().out
    assert said.count("PASSED") > 100
    assert "FAILED" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "coffee", "--kernel", "6.1"], "scenario: expected one of takeover; got 'coffee'"),
        (["run", "takeover", "--kernel", "1.0"], "1.0"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lab", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("devmemkit lab run: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_the_list_has_what_the_model_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", "list"]) == 0
    assert "7.3" in capsys.readouterr().out
