"""The BAR explorer without a browser: what its panes hold is the model's state."""

from __future__ import annotations

from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.widgets.story import CLAIMS, BarExplorer


def test_every_device_and_claim_can_be_chosen(in_step) -> None:
    explorer = BarExplorer(BarStory())
    assert explorer.moment.event.step == "zap"
    for bar in explorer.bars:
        explorer.bar.value = bar
        assert (explorer.story.device, explorer.story.bar) == explorer.bars[bar]
        for claim in CLAIMS:
            explorer.claim.value = claim
            in_step(explorer)
    assert explorer.story.claim_size == 16


def test_what_does_not_fit_a_small_bar_is_all_of_it(in_step) -> None:
    explorer = BarExplorer(BarStory())
    explorer.claim.value = "its second page"
    assert explorer.story.claim_offset == 0x1000
    assert "too small" not in explorer.status.value
    explorer.bar.value = "0000:00:05.0 BAR 0, 256 B"
    first, last = explorer.story.claim
    assert last - first == 255
    assert explorer.status.value.startswith("The BAR is too small for that")
    in_step(explorer)


def test_kernel_policy_and_file_follow_and_an_odd_claim_is_kept(in_step) -> None:
    explorer = BarExplorer(BarStory(claim_offset=0x123, claim_size=0x45))
    assert explorer.claim.value == "as asked"
    explorer.kernel.value = "5.10"
    explorer.policy.value = "NoProtection"
    explorer.via.value = "resource"
    assert (explorer.story.kernel, explorer.story.claim_offset) == ("5.10", 0x123)
    assert "Linux 5.10, NoProtection" in repr(explorer)
    explorer.step.value = 0
    in_step(explorer)
    explorer.via.value = "devmem"
    in_step(explorer)
