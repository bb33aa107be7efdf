"""Random sequences on a real kernel: a right model agrees, a wrong one is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devmemkit.lab.fuzz import conform as module
from devmemkit.lab.fuzz.conform import conform, report
from devmemkit.lab.fuzz.player import Expected, expected
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.model.kernel import KernelProfile


def quiet(_: str) -> None:
    pass


def test_the_model_agrees_with_the_kernel(kernel: Kernel) -> None:
    said: list[str] = []
    result = conform(kernel, 1, 400, said.append)
    summary = json.loads(json.dumps(result.to_dict()))
    assert summary["divergences"] == [], report(summary)
    assert summary["complete"]
    assert summary["ops"] >= 400
    assert summary["ops"] == summary["verdicts"]["PASSED"]
    assert summary["ops"] == sum(sum(some.values()) for some in summary["pairs"].values())
    assert summary["rates"]["bind"]["acts"] > 0
    assert summary["rare"]["remove"]["ok"] == 0  # not in so few, but the model can
    assert "what else the model can produce" in said
    assert "0 divergences" in report(summary)


def feed(
    monkeypatch: pytest.MonkeyPatch, choose: Callable[[Iterator[Expected]], Iterator[Expected]]
) -> None:
    """Let only chosen sequences come."""

    @contextmanager
    def chosen(profile: KernelProfile, seed: int) -> Iterator[Iterator[Expected]]:
        with expected(profile, seed) as coming:
            yield choose(coming)

    monkeypatch.setattr(module, "expected", chosen)


def test_a_wrong_model_is_found_out_in_few_acts(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, lambda coming: (one for one in coming if one.sequence.kind == "claim"))
    wrong = KernelProfile(kernel.version, policy_name="NoProtection")
    summary = conform(kernel, 2, 1, quiet, wrong).to_dict()
    (one,) = summary["divergences"]
    assert one["reproduced"]
    assert len(one["acts"]) <= 6
    assert any(" request_mem_region " in act for act in one["acts"])
    assert one["rule"].startswith(one["operation"])
    assert one["model"] != one["kernel"]
    assert one["acts"][0] in report(summary)


def test_an_interrupt_keeps_what_was_found(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_and_stop(coming: Iterator[Expected]) -> Iterator[Expected]:
        yield next(one for one in coming if one.sequence.kind == "plain")
        raise KeyboardInterrupt

    feed(monkeypatch, one_and_stop)
    summary = conform(kernel, 1, 10_000, quiet).to_dict()
    assert not summary["complete"]
    assert summary["ended"] == "interrupted"
    assert summary["sequences"] == 1
    assert f"{summary['ops']} operations of 10000 (interrupted)" in report(summary)


@pytest.mark.parametrize(
    ("seed", "ops", "sentence"),
    [(1, 0, "ops: expected at least 1, got 0"), (-1, 5, "seed: expected a number from 0, got -1")],
)
def test_bad_numbers_are_one_sentence(kernel: Kernel, seed: int, ops: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        conform(kernel, seed, ops, quiet)
