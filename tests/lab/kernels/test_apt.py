"""What apt says about the machine's sources, and what its failures become."""

from __future__ import annotations

import pytest

from devmemkit.lab.kernels.apt import repositories, stanzas
from devmemkit.lab.kernels.programs import KernelError, explain


def test_debian_is_found_among_other_sources() -> None:
    said = (
        "other|Debian|http://other/\n"
        "Debian|Debian|http://host/debian/\n"
        "Debian|Debian-Security|http://host/security/\n"
        "Debian|Debian|http://second/debian/\n"
    )
    assert repositories(said) == {
        "Debian": "http://host/debian/",
        "Debian-Security": "http://host/security/",
    }


@pytest.mark.parametrize(
    "said", ["", "Ubuntu|Ubuntu|http://host/\n", "Debian|Debian-Security|http://host/\n"]
)
def test_no_debian_among_the_sources(said: str) -> None:
    with pytest.raises(
        KernelError, match=r"^apt: expected a Debian repository .* or pass --kernel"
    ):
        repositories(said)


def test_stanzas_are_fields_without_what_continues_them() -> None:
    text = "Package: a\nDescription: one\n two\n .\nSize: 3\n\n\nPackage: b\n"
    assert stanzas(text) == [{"Package": "a", "Description": "one", "Size": "3"}, {"Package": "b"}]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("E: Failed to fetch http://h/x  Could not resolve 'h'\n", "connect to the network"),
        ("E: Failed to fetch x  Unable to connect to h:http:\n", "connect to the network"),
        ("W: GPG error: x InRelease: NO_PUBKEY 6E\nE: x is not signed.\n", "update the package"),
        ("E: Sub-process /usr/bin/sqv returned an error code (1)\n", "update the package"),
        ("E: You don't have enough free space in /x.\n", "the disk is full; make room"),
        ("dpkg-deb: error: cannot copy: No space left on device\n", "the disk is full; make room"),
        ("W: noise\nE: Something new.\nE: More.\n", "x: Something new."),
        ("", "x: failed without a word"),
    ],
)
def test_a_failure_is_one_sentence_that_says_what_to_do(said: str, sentence: str) -> None:
    error = str(explain("x", said))
    assert error.startswith("x: ")
    assert sentence in error
    assert "\n" not in error
