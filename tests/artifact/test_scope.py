"""Scopes and lists of kernels: what is read, and what is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devmemkit.artifact.scope import ORDER, Scope, by_verdict, expand, in_words


def test_a_scope_ends_before_the_kernel_that_it_names() -> None:
    assert Scope().kernels == ORDER
    assert Scope(until="5.8").kernels == ("4.4", "4.5")
    assert Scope("7.1", "7.3").kernels == ("7.1", "7.2")
    assert str(Scope("7.1", "7.3")) == "since 7.1 and before 7.3"
    with pytest.raises(ValueError, match=r"^kernel: expected one of 4\.4, .*; got '6\.13'$"):
        Scope("6.13")


@given(st.sets(st.sampled_from(ORDER)))
def test_what_is_said_of_kernels_can_be_read_again(versions: set[str]) -> None:
    said = in_words(versions)
    assert set(expand(said.split(", ") if said else [])) == versions


@pytest.mark.parametrize("name", ["6.13", "7.3 to 5.8", "5.8 to", "", " to 7.3"])
def test_what_is_no_list_of_kernels_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^kernels?: expected"):
        expand([name])


def test_kernels_with_one_verdict_stand_together() -> None:
    told = {"6.1": "holds", "6.12": "refuted", "7.3": "holds"}
    assert by_verdict(told) == "holds on 6.1, 7.3; refuted on 6.12"
    assert by_verdict(dict.fromkeys(("6.16", "6.17", "6.18"), "holds")) == "holds on 6.16 to 6.18"
