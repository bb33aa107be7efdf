"""Random sequences on a real kernel: a right model agrees, a wrong one is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devmemkit.lab.fuzz import conform as module
from devmemkit.lab.fuzz import live
from devmemkit.lab.fuzz.conform import conform, report
from devmemkit.lab.fuzz.generate import Sequence, sequence, sequences
from devmemkit.lab.guest.perform import Performed
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.recheck import judge_run
from devmemkit.lab.recordings.recording import Recording
from devmemkit.model.kernel import KernelProfile
from tests.lab.recordings.small import PLACE


def quiet(_: str) -> None:
    pass


def test_the_model_agrees_with_the_kernel(kernel: Kernel) -> None:
    said: list[str] = []
    played: list[Sequence] = []
    ends: list[Any] = []

    def keep(made: Sequence, performed: Performed) -> None:
        played.append(made)
        ends.append(runs.encode_ends(made.acts, performed))

    first = (sequence(2, 0),)  # another seed's, as if it had been recorded
    result = conform(kernel, 1, 400, said.append, recorded=first, keep=keep)
    summary = json.loads(json.dumps(result.to_dict()))
    assert summary["divergences"] == [], report(summary)
    assert summary["complete"]
    assert summary["ops"] >= 400
    assert summary["ops"] == summary["verdicts"]["PASSED"]
    assert summary["ops"] == sum(sum(some.values()) for some in summary["pairs"].values())
    assert summary["rare"]["remove"]["ok"] == 0  # not in so few, but the model can
    assert "what else the model can produce" in said
    assert "0 divergences" in report(summary)
    assert tuple(played) == (*first, *(sequence(1, n) for n in range(1, result.sequences)))
    data = runs.pack_operations(played, 1)
    packed = runs.pack_ends(kernel.version, "2g", runs.digest(data), ends)
    about = {**PLACE, "kernel": {"version": kernel.version}}
    beside = {"operations.xz": data}
    kept = Recording("conform", about, {"conform": {**summary, **packed}}, beside)
    again = judge_run(kept, quiet)
    assert (again.compared, again.differences) == (result.ops, ())


def feed(
    monkeypatch: pytest.MonkeyPatch, choose: Callable[[Iterator[Sequence]], Iterator[Sequence]]
) -> None:
    """Let only chosen sequences come."""

    def chosen(seed: int, recorded: tuple[Sequence, ...], lab: str) -> Iterator[Sequence]:
        return choose(sequences(seed, recorded, lab))

    monkeypatch.setattr(module, "sequences", chosen)


def test_a_wrong_model_is_found_out_in_few_acts(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, lambda coming: (one for one in coming if one.kind == "claim"))
    wrong = KernelProfile(kernel.version, policy_name="NoProtection")
    monkeypatch.setattr(live, "KernelProfile", lambda version: wrong)
    summary = conform(kernel, 2, 1, quiet).to_dict()
    (one,) = summary["divergences"]
    assert one["reproduced"]
    assert len(one["acts"]) <= 6
    assert any(" request_mem_region " in act for act in one["acts"])
    assert one["rule"].startswith(one["operation"])
    assert one["model"] != one["kernel"]
    assert one["acts"][0] in report(summary)


def test_an_interrupt_keeps_what_was_found(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_and_stop(coming: Iterator[Sequence]) -> Iterator[Sequence]:
        yield next(one for one in coming if one.kind == "plain")
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
