"""Kernel releases, and the kernels of the model whose rules they may follow."""

from __future__ import annotations

import pytest

from devmemkit.model.features import FEATURES, VERSIONS, open_rows
from devmemkit.model.kernel import KernelProfile
from devmemkit.text import TextError
from devmemkit.text.release import distribution, kernels_of, limits_of, parse_release


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("6.8.0-45-generic", (6, 8)),
        ("7.3.0-rc2+", (7, 3)),
        ("Linux version 5.10.0-30-amd64 (debian-kernel@lists.debian.org)", (5, 10)),
        ("4.4", (4, 4)),
    ],
)
def test_releases(text: str, release: tuple[int, int]) -> None:
    assert parse_release(text) == release


@pytest.mark.parametrize("text", ["", "new", "6", "\x1b[2J6.1"])
def test_no_release(text: str) -> None:
    with pytest.raises(TextError, match="expected a kernel release such as") as caught:
        parse_release(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_kernel_of_the_model_is_itself_unless_it_lies_in_a_gap(version: str) -> None:
    kernels = kernels_of(f"{version}.0-amd64")
    assert next(iter(kernels.values())) == KernelProfile(version)
    assert len(kernels) == (2 if open_rows(version) else 1)


def test_a_release_between_them_follows_its_own_number() -> None:
    [(words, kernel)] = kernels_of("5.4.0-190-generic").items()
    assert words == "Linux 5.4.0-190-generic"
    assert (kernel.version, kernel["lockdown"], kernel.policy.name) == ("5.4", True, "ExcludeNew")


def test_what_the_table_leaves_open_has_two_answers() -> None:
    old, new = kernels_of("6.14.0-1-generic").items()
    assert old[0] == "Linux 6.14.0-1-generic still behaves as Linux 6.12"
    assert new[0] == "Linux 6.14.0-1-generic behaves as Linux 6.16 already"
    differ = {row.feature for row in FEATURES if old[1][row.feature] != new[1][row.feature]}
    assert differ == {"pat_check", "mremap_checks"}
    assert all(new[1][one] == KernelProfile("6.16")[one] for one in differ)


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("4.18.0-553.el8_10.x86_64", "Red Hat Enterprise Linux 8, or a rebuild of it"),
        ("5.14.0-427.13.1.el9_4.x86_64", "Red Hat Enterprise Linux 9, or a rebuild of it"),
        ("5.14.21-150500.55.52-default", "SUSE Linux Enterprise or openSUSE Leap 15"),
        ("5.15.0-101.103.2.1.el9uek.x86_64", "Oracle's Unbreakable Enterprise Kernel"),
        ("6.1.0-18-amd64", ""),
        ("6.8.0-45-generic", ""),
    ],
)
def test_a_distribution_that_adds_features_is_named(release: str, name: str) -> None:
    assert distribution(release) == name
    said = [line for line in limits_of(release) if line.startswith("this is a kernel of ")]
    assert said == [f"this is a kernel of {name}: it may have features of later kernels"] * bool(
        name
    )
    policies = {kernel.policy.name for kernel in kernels_of(release).values()}
    assert ("RevokeAll" in policies) >= bool(name)
    assert len(policies) > 1 or not name or release > "5.12"


def test_lockdown_in_force_rules_out_kernels_without_it() -> None:
    stock = kernels_of("4.18.0-553.el8.x86_64", lockdown=True)
    assert stock
    assert all(kernel["lockdown"] for kernel in stock.values())
    assert len(stock) < len(kernels_of("4.18.0-553.el8.x86_64"))
    [patched] = kernels_of("4.15.0-20-generic", lockdown=True).values()
    assert (patched.version, patched["lockdown"]) == ("4.15", True)


@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("2.6.32", "the model's oldest kernel is 4.4"),
        ("3.10", "the model's oldest kernel is 4.4"),
        ("7.5", "the model's newest kernel is 7.3"),
        ("8.0-rc1", "the model's newest kernel is 7.3"),
        ("6.8", "Linux 6.8 was not measured"),
        ("6.12", ""),
        ("7.3.4", ""),
    ],
)
def test_a_release_that_was_not_looked_at_carries_a_caveat(release: str, says: str) -> None:
    said = " ".join(limits_of(release))
    assert said.startswith(says)
    assert bool(said) == bool(says)


def test_a_release_that_was_measured_on_x86_alone_carries_a_caveat_on_arm64() -> None:
    assert [*limits_of("6.12", "arm64")] == [*limits_of("6.16")] == []
    assert [*limits_of("6.16", "arm64")] == [
        "Linux 6.16 was not measured on arm64: the changes known up to it decide"
    ]
    assert KernelProfile("6.12", arch="arm64").evidence == "measured"
    assert KernelProfile("6.16", arch="arm64").evidence == "measured on x86-64 alone"
    assert KernelProfile("4.5", arch="arm64").evidence.startswith("historic")


@pytest.mark.parametrize("arch", ["x86_64", "arm64", "other"])
def test_an_open_row_of_one_architecture_opens_nothing_on_another(arch: str) -> None:
    early, late = kernels_of("6.8.0-45-generic", arch=arch).values()
    known = {row.feature for row in FEATURES if row.arch not in ("", arch)}
    shared = known - {row.feature for row in FEATURES if row.arch == arch}
    assert all(early[feature] == late[feature] for feature in shared)
    assert late["populate"] != early["populate"]
    assert (late["access_needs_right"], late.arch) == (arch == "arm64", arch)
