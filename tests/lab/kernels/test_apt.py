"""What apt says about the machine's sources, and what its failures become."""

from __future__ import annotations

from pathlib import Path

import pytest

from devmemkit.lab.kernels.programs import KernelError, explain
from devmemkit.lab.kernels.sources import KEYRING, repositories, stanzas


def target(origin: str, label: str, address: str, entry: str) -> str:
    """A stanza of `apt-get indextargets`."""
    return (
        f"MetaKey: main/binary-amd64/Packages\nLabel: {label}\nOrigin: {origin}\n"
        f"Repo-URI: {address}\nRelease: some\nSourcesentry: {entry}\n"
    )


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / "company.gpg"
    path.touch()
    return path


def test_debian_is_found_among_other_sources_with_the_keyring_of_its_own(
    tmp_path: Path, keyring: Path
) -> None:
    deb822 = tmp_path / "some.sources"
    deb822.write_text(
        "Types: deb\nURIs: http://other/\nSigned-By: /other.gpg\n\n"
        f"Types: deb\n# Signed-By: /old.gpg\nURIs: http://host/debian/\nSigned-By: {keyring}\n"
    )
    lines = tmp_path / "some.list"
    lines.write_text(f"# first\ndeb [arch=amd64 signed-by={keyring}] http://host/security x main\n")
    said = "\n".join(
        [
            target("other", "Debian", "http://other/", f"{deb822}:1"),
            target("Debian", "Debian", "http://host/debian/", f"{deb822}:2"),
            target("Debian", "Debian-Security", "http://host/security/", f"{lines}:2"),
            target("Debian", "Debian", "http://second/debian/", f"{deb822}:2"),
        ]
    )
    found = repositories(said)
    assert [(one.address, one.security) for one in found] == [
        ("http://host/debian/", False),
        ("http://host/security/", True),
    ]
    assert {one.keyring for one in found} == {keyring}


def test_a_source_without_keyring_has_the_packages(tmp_path: Path) -> None:
    lines = tmp_path / "some.list"
    lines.write_text("deb http://host/debian x main # signed-by=/tmp/wrong.gpg\n")
    said = target("Debian", "Debian", "http://host/debian/", f"{lines}:1")
    if KEYRING.exists():
        assert repositories(said)[0].keyring == KEYRING
    else:
        with pytest.raises(KernelError, match="install the package debian-archive-keyring"):
            repositories(said)


@pytest.mark.parametrize("said", ["", target("Ubuntu", "Ubuntu", "http://host/", "x:1")])
def test_no_debian_among_the_sources(said: str) -> None:
    with pytest.raises(
        KernelError, match=r"^apt: expected a Debian repository .* or pass --kernel"
    ):
        repositories(said)


def test_stanzas_are_fields_without_what_continues_them() -> None:
    text = "Package: a\nDescription: one\n two\n .\nSize: 3\n\n\nPackage: b\n"
    assert stanzas(text) == [
        {"Package": "a", "Description": "one", "Size": "3"},
        {"Package": "b"},
    ]


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
    error = str(explain("x", said, "some.gpg"))
    assert error.startswith("x: ")
    assert sentence in error
    assert "\n" not in error
