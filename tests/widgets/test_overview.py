"""The overview explorer without a browser: every kernel and policy is drawn as it is."""

from __future__ import annotations

from devmemkit.model.features import VERSIONS
from devmemkit.widgets.overview import OverviewExplorer


def test_it_follows_kernel_and_policy(in_step) -> None:
    explorer = OverviewExplorer("6.12")
    for version in VERSIONS:
        explorer.kernel.value = version
        assert explorer.profile.version == version
        in_step(explorer)
    explorer.policy.value = "RefuseClaim"
    assert "RefuseClaim" in explorer.status.value
    in_step(explorer)
    assert repr(explorer) == "OverviewExplorer(Linux 7.3, RefuseClaim, 10 connections)"
