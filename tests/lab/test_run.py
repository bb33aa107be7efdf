"""The lab's command: a scenario beside the model, and its mistakes in one sentence."""

import pytest

from devmemkit import cli
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings.record import run


def test_the_takeover_agrees_on_a_real_kernel(
    kernel: Kernel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("takeover", [kernel])
    said = capsys.readouterr().out
    assert said.count("PASSED") > 100
    assert "FAILED" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "coffee", "--kernel", "6.1"], "got 'coffee'"),
        (["run", "takeover", "--kernel", "1.0"], "1.0"),
        (
            ["run", "takeover", "--kernel", "6.12", "--repair", "recheck"],
            "--repair: expected the scenario mmap-vs-claim or write-vs-claim, got takeover",
        ),
        (["record", "--repair", "recheck"], "mmap-vs-claim or write-vs-claim, got all scenarios"),
        (
            ["run", "write-vs-claim", "--kernel", "6.12", "--repair", "recheck"],
            "--repair: expected one of pass, bounce-locked; got recheck",
        ),
        (
            ["run", "mmap-vs-claim", "--kernel", "6.12", "--memory", "5g"],
            "memory: expected 2g for mmap-vs-claim, got 5g",
        ),
        (["record", "boot", "--memory", "5g"], "memory: expected 2g for boot, got 5g"),
        (
            ["run", "takeover", "--kernel", "6.12", "--arch", "arm64", "--memory", "5g"],
            "--memory: expected 2g for arm64, got 5g",
        ),
        (["record", "reproducers", "--arch", "arm64"], "arch: expected x86_64 for reproducers"),
        (
            [*("record", "mmap-vs-claim", "--arch", "aarch64"), "--repair", "recheck"],
            "--repair: expected --arch x86_64, got arm64",
        ),
        (["record", "coffee"], "expected one of machine, takeover, claims"),
        (["record", "boot", "--kernel", "1.0"], "1.0"),
        (["run", "boot", "--kernel", "a", "--kernel", "b", "--modules", "c"], "one --kernel IMAGE"),
        (
            ["run", "boot", "--kernel", "/boot/vmlinuz"],
            "expected --modules DIR with an image's path",
        ),
        (["run", "boot", "--kernel", "./6.12"], "expected --modules DIR with an image's path"),
        (["record", "boot", "--kernel", "6.1", "--kernel", "/x"], "expected --modules DIR"),
        (["record", "boot", "--modules", "/x"], "expected --kernel IMAGE with --modules DIR"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lab", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"devmemkit lab {arguments[0]}: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_an_architecture_is_that_of_a_guest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["conform", "--arch", "arm64"]) == 2
    said = capsys.readouterr().err
    assert said == "devmemkit conform: expected --live KERNEL with --arch arm64, got none\n"


def test_a_boot_is_traced_and_held_against_the_model(
    kernel: Kernel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("boot", [kernel])
    assert "4 outcomes compared, 0 divergences" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--live", "1.0"], "kernel: expected one of"),
        (["--live", "6.12", "--modules", "nowhere"], "nowhere: expected a folder of modules"),
        (["--live", "/boot/vmlinuz"], "/boot/vmlinuz: expected --modules DIR with an image's path"),
        (["--modules", "nowhere"], "expected --live IMAGE with --modules DIR"),
    ],
)
def test_conform_says_what_is_wrong(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["conform", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"devmemkit conform: {sentence}")
    assert said.count("\n") == 1


@pytest.mark.slow  # asks apt
def test_the_list_has_what_the_model_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", "list"]) == 0
    assert "7.3" in capsys.readouterr().out
