"""The lab's commands: a scenario beside the model, and their mistakes in one sentence."""

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
    ("command", "sentence"),
    [
        ("lab run coffee --kernel 6.1", "got 'coffee'"),
        ("lab run takeover --kernel 1.0", "1.0"),
        (
            "lab run takeover --kernel 6.12 --repair recheck",
            "--repair: expected the scenario mmap-vs-claim or write-vs-claim, got takeover",
        ),
        ("lab record --repair recheck", "mmap-vs-claim or write-vs-claim, got all scenarios"),
        (
            "lab run write-vs-claim --kernel 6.12 --repair recheck",
            "--repair: expected one of pass, bounce-locked; got recheck",
        ),
        (
            "lab run mmap-vs-claim --kernel 6.12 --memory 5g",
            "memory: expected 2g for mmap-vs-claim, got 5g",
        ),
        ("lab record boot --memory 5g", "memory: expected 2g for boot, got 5g"),
        (
            "lab run takeover --kernel 6.12 --arch arm64 --memory 5g",
            "--memory: expected 2g for arm64, got 5g",
        ),
        ("lab record reproducers --arch arm64", "arch: expected x86_64 for reproducers"),
        (
            "lab record mmap-vs-claim --arch aarch64 --repair recheck",
            "--repair: expected --arch x86_64, got arm64",
        ),
        ("lab record coffee", "expected one of machine, takeover, claims"),
        ("lab record boot --kernel 1.0", "1.0"),
        ("lab run boot --kernel a --kernel b --modules c", "one --kernel IMAGE"),
        ("lab run boot --kernel /boot/vmlinuz", "expected --modules DIR with an image's path"),
        ("lab run boot --kernel ./6.12", "expected --modules DIR with an image's path"),
        ("lab record boot --kernel 6.1 --kernel /x", "expected --modules DIR"),
        ("lab record boot --modules /x", "expected --kernel IMAGE with --modules DIR"),
        ("conform --arch arm64", ": expected --live KERNEL with --arch arm64, got none\n"),
        ("conform --live 1.0", ": kernel: expected one of"),
        ("conform --live 6.12 --modules nowhere", ": nowhere: expected a folder of modules"),
        (
            "conform --live /boot/vmlinuz",
            ": /boot/vmlinuz: expected --modules DIR with an image's path",
        ),
        ("conform --modules nowhere", ": expected --live IMAGE with --modules DIR"),
        ("conform --quick --live 6.12", ": argument --live: not allowed with argument --quick"),
    ],
)
def test_mistakes_are_one_sentence(
    command: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command.split()
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    name = " ".join(words[: 2 if words[0] == "lab" else 1])
    assert said.startswith(f"devmemkit {name}: ")
    assert sentence in said.removeprefix(f"devmemkit {name}")
    assert said.count("\n") == 1


def test_a_boot_is_traced_and_held_against_the_model(
    kernel: Kernel, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("boot", [kernel])
    assert "4 outcomes compared, 0 divergences" in capsys.readouterr().out


@pytest.mark.slow  # asks apt
def test_the_list_has_what_the_model_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", "list"]) == 0
    assert "7.3" in capsys.readouterr().out
