"""Fixtures of runs: a checkout of our own, and the command in it."""

import pytest

from devmemkit.cli import main
from tests.artifact.toys import Checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "a {checkout}")


@pytest.fixture
def refusal(checkout, monkeypatch, capsys):
    """Run a command in this process, in the checkout; the one sentence with which it refuses."""

    def run(*arguments):
        monkeypatch.chdir(checkout.root)
        status = main([*map(str, arguments)])
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        assert said.err.count("\n") == 1
        return said.err

    return run
