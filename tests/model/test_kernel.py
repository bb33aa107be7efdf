"""Kernel profiles: every version switch on both sides of its boundary, configuration, cmdline."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from devmemkit.model.features import FEATURES, VERSIONS, open_rows
from devmemkit.model.kernel import Config, KernelProfile, Release
from devmemkit.model.policy import POLICIES

ORDER = tuple(VERSIONS)
"""The versions, oldest first."""


@pytest.mark.parametrize(
    ("feature", "before", "since", "old", "new"),
    [
        ("policy", "4.4", "4.5", "NoProtection", "ExcludeNew"),  # 90a545e98126
        ("policy", "4.5", "5.8", "ExcludeNew", "RevokeDevmem"),
        ("policy", "5.10", "5.12", "RevokeDevmem", "RevokeAll"),
        ("attribute_mapping", "5.10", "5.12", "own", "at creation"),
        ("attribute_mapping", "5.12", "5.15", "at creation", "at open"),
        ("access_recheck", "5.10", "5.12", False, True),
        ("access_one_page", "7.2", "7.3", False, True),
        ("sysram_rule", "5.15", "6.1", False, True),  # v5.16
        ("lockdown", "4.5", "5.8", False, True),  # v5.4
        ("low_ram", "4.5", "5.8", "readable", "zeroes"),  # v4.11
        ("muxed_sleep", "6.1", "6.12", "after unlock", "before unlock"),
        ("memtype_lives", "6.12", "6.16", "until zap", "until VMA dies"),
        ("devmem_mmap", "6.18", "6.19", "populate, link", "link, populate"),
        ("pat_check", "6.12", "6.16", "without STRICT_DEVMEM", "with STRICT_DEVMEM"),
        ("bind_error", "5.15", "6.1", "ENODEV", "its own"),
        ("mremap_checks", "5.15", "6.1", "target", "source, target"),
        ("mremap_checks", "6.12", "6.16", "source, target", "alignment, source, target"),
        ("mremap_checks", "6.16", "6.17", "alignment, source, target", "all first"),
        ("low_reserved", "5.15", "6.1", 16, 256),
        ("populate", "5.12", "5.15", "unknown", "each VMA"),
        ("populate", "6.1", "6.12", "each VMA", "in order"),
        ("non_mappable", "7.1", "7.2", "ENODEV", "EINVAL"),
        ("zap_lock", "5.15", "6.1", "write", "read"),
        ("iores_levels", "7.2", "7.3", 5, 8),
    ],
)
def test_feature_boundary(feature: str, before: str, since: str, old: object, new: object) -> None:
    """The value in every version up to `before` that is not older, and in all from `since`."""
    assert ORDER.index(before) + 1 == ORDER.index(since)
    assert KernelProfile(before)[feature] == old
    assert KernelProfile(since)[feature] == new


def test_table_is_in_order_and_complete() -> None:
    """A feature's rows stand together, from "0" on, no version twice; an architecture's follow."""
    seen = []
    for feature, rows in groupby(FEATURES, key=lambda row: row.feature):
        asked = [
            (row.arch, row.page_shift, tuple(map(int, row.version.split(".")))) for row in rows
        ]
        assert asked[0] == ("", 0, (0,))
        assert asked == sorted(set(asked))
        seen.append(feature)
    assert len(seen) == len(set(seen))
    for version in VERSIONS:
        for feature in seen:
            assert KernelProfile(version).rows[feature].feature == feature


def test_5_10_is_younger_than_5_8() -> None:
    """Versions are compared as numbers, not as text."""
    assert KernelProfile("5.10").rows["policy"].version == "5.8"
    assert KernelProfile("6.19").rows["devmem_mmap"].version == "6.19"


def test_commits_of_the_policies() -> None:
    commits = {row.value: row.commit for row in FEATURES if row.feature == "policy"}
    assert commits == {
        "NoProtection": "",
        "ExcludeNew": "90a545e98126",
        "RevokeDevmem": "3234ac664a87",
        "RevokeAll": "636b21b50152",
    }


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_replaces_its_row_alone(version: str, policy: str) -> None:
    plain, other = KernelProfile(version), KernelProfile(version, policy_name=policy)
    assert other.policy.name == policy
    assert {r.feature: plain[r.feature] for r in FEATURES} == {
        r.feature: other[r.feature] for r in FEATURES
    }
    assert str(other) == f"Linux {version}, {policy}"


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"^kernel: expected one of 4\.4, .*7\.3; got '6\.13'$"):
        KernelProfile("6.13")
    with pytest.raises(ValueError, match=r"^policy: expected one of NoProtection, .*; got 'Deny'$"):
        KernelProfile("6.12", policy_name="Deny")
    with pytest.raises(ValueError, match=r"^cmdline: expected a text, got 5$"):
        KernelProfile("6.12", cmdline=5)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="no_such_feature"):
        KernelProfile("6.12")["no_such_feature"]


def test_io_strict_needs_strict() -> None:
    with pytest.raises(ValueError, match="STRICT_DEVMEM=y for IO_STRICT_DEVMEM=y"):
        Config(strict_devmem=False)
    assert Config(strict_devmem=False, io_strict_devmem=False).devmem


@pytest.mark.parametrize(
    ("cmdline", "strict", "checks"),
    [
        ("", True, True),
        ("", False, False),
        ("iomem=relaxed", True, False),
        ("iomem=strict", True, True),
        ("iomem=strict", False, True),
        ("iomem=relaxed,strict", True, True),
        ("iomem=strict,relaxed", True, True),  # within one word strict wins
        ("iomem=strict iomem=relaxed", True, False),
        ("quiet iomem=xxrelaxedxx", True, False),
        ("noiomem=relaxed", True, True),
        ("iomem=other", False, False),
    ],
)
def test_strict_iomem_checks(cmdline: str, strict: bool, checks: bool) -> None:
    """1 at start iff STRICT_DEVMEM; substring search, relaxed first, then strict."""
    config = Config(strict_devmem=strict, io_strict_devmem=strict)
    assert KernelProfile("6.12", config, cmdline).strict_iomem_checks == checks


@pytest.mark.parametrize(
    ("cmdline", "locked"),
    [
        ("", False),
        ("lockdown=integrity", True),
        ("quiet lockdown=confidentiality", True),
        ("lockdown=none", False),
        ("lockdown=integrity lockdown=none", True),
    ],
)
def test_lockdown(cmdline: str, locked: bool) -> None:
    """Integrity suffices; it is never lifted again."""
    assert KernelProfile("6.12", cmdline=cmdline).lockdown == locked


def test_pat() -> None:
    assert KernelProfile("6.12").pat
    assert not KernelProfile("6.12", cmdline="quiet nopat").pat
    assert not KernelProfile("6.12", Config(x86_pat=False)).pat
    assert not KernelProfile("6.12", arch="arm64").pat


@pytest.mark.parametrize(
    ("release", "policy", "lockdown"),
    [
        ("2.6", "NoProtection", False),
        ("4.18", "ExcludeNew", False),
        ("5.3", "ExcludeNew", False),
        ("5.4", "ExcludeNew", True),
        ("5.7", "ExcludeNew", True),
        ("5.11", "RevokeDevmem", True),
        ("6.8", "RevokeAll", True),
        ("8.0", "RevokeAll", True),
    ],
)
def test_a_release_follows_the_rows_of_its_own_number(
    release: str, policy: str, lockdown: bool
) -> None:
    kernel = Release(release, cmdline="lockdown=integrity")
    assert (kernel.policy.name, kernel.lockdown, str(kernel)) == (
        policy,
        lockdown,
        f"Linux {release}, {policy}",
    )
    assert replace(kernel, cmdline="").lockdown is False


@pytest.mark.parametrize("version", ["6.8.0", "", "six", "6", "6.8-rc1"])
def test_a_release_is_a_number(version: str) -> None:
    with pytest.raises(ValueError, match=r"^kernel: expected a number such as 6\.8, got "):
        Release(version)


def test_a_gap_lies_between_two_measured_kernels() -> None:
    gaps = [row for row in FEATURES if row.known_until]
    assert {row.feature for row in gaps} >= {"low_reserved", "pat_check", "muxed_sleep"}
    for row in gaps:
        assert VERSIONS[row.known_until] == "measured"
        assert VERSIONS[row.version].startswith("measured")
        major, minor = row.known_until.split(".")
        assert row in open_rows(f"{major}.{int(minor) + 1}", row.arch or "x86_64")
        assert row not in open_rows(row.known_until, row.arch or "x86_64")
        assert row not in open_rows(row.version, row.arch or "x86_64")
    assert {row.version for row in open_rows("5.15")} == {"6.1"}
    assert [row.feature for row in open_rows("6.14")] == ["pat_check", "mremap_checks"]
    assert not open_rows("7.0")
