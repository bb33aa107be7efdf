"""What the model's claim touches is what data/claim-path.toml says that a claim calls."""

from __future__ import annotations

import tomllib

import pytest

from devmemkit.explore.policy_matrix import kinds_of_a_claim
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.policy import POLICIES, RevokeAll
from devmemkit.model.resource.revoke import STEPS
from devmemkit.scenarios.claim_path import edges, reached
from devmemkit.scenarios.machines import data_dir

KEYS = {"caller", "symbol", "kind", "file", "since", "until", "models"}
ALONE = ["resource_lock", "muxed_resource_wait", "slab"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_claim_touches_nothing_that_no_edge_stands_for(version: str) -> None:
    for policy in (None, *POLICIES):
        kernel = KernelProfile(version, policy_name=policy)
        for via in ("devmem", "sysfs"):
            touched, _ = kinds_of_a_claim(kernel, via)
            assert reached(kernel, touched)  # ValueError for what no edge stands for


def test_what_no_edge_stands_for_is_told() -> None:
    with pytest.raises(ValueError, match=r"expected an edge of Linux 6\.18, RevokeAll for memtype"):
        reached(KernelProfile("6.18"), {"iomem", "memtype"})


def test_a_policy_without_the_test_of_revoke_iomem_needs_no_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """IO_STRICT_DEVMEM and the inode are asked for by `both_ends` alone."""

    class Always(RevokeAll):
        after_insert = ("zap_begin", "zap")

    monkeypatch.setitem(POLICIES.known, "Always", Always())
    for name, calls in (("Always", True), ("RevokeAll", False)):
        kernel = KernelProfile("7.3", Config(io_strict_devmem=False), policy_name=name)
        assert kernel.revokes == calls
        assert ("i_mmap_rwsem" in reached(kernel, kinds_of_a_claim(kernel, "devmem")[0])) == calls


def test_a_claim_was_self_contained_until_it_revoked() -> None:
    for version in ("4.4", "4.5"):
        assert [edge.symbol for edge in edges(KernelProfile(version))] == ALONE
    for version, count in (("5.8", 10), ("6.12", 10), ("6.16", 8), ("7.3", 8)):
        symbols = [edge.symbol for edge in edges(KernelProfile(version))]
        assert symbols[:4] == [*ALONE, "devmem_inode" if version == "5.8" else "iomem_inode"]
        assert len(symbols) == count


def test_the_file_is_whole() -> None:
    told = tomllib.loads((data_dir() / "claim-path.toml").read_text())
    for edge in told["edge"]:
        assert edge.keys() - {"why"} == KEYS
        assert edge["kind"] in ("lock", "subsystem", "initcall")
        assert bool(edge["models"]) != bool(edge.get("why")), "without a model, a reason"
    assert {one["step"] for one in told["proposal"]} <= STEPS.keys()


def test_every_model_of_an_edge_is_touched_by_some_claim() -> None:
    touched = set[str]()
    for version in ("5.10", "6.12", "7.3"):
        for policy in POLICIES:
            touched |= kinds_of_a_claim(KernelProfile(version, policy_name=policy), "devmem")[0]
    told = tomllib.loads((data_dir() / "claim-path.toml").read_text())
    models = {kind for edge in told["edge"] + told["proposal"] for kind in edge["models"]}
    assert models - touched == {"muxed_wait", "sleeping"}, "these are for claims with MUXED alone"
