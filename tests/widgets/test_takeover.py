"""The takeover explorer without a browser: what its panes hold is the model's state."""

from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.widgets.story import TakeoverExplorer


def test_it_opens_at_the_claim_and_follows_every_control(in_step) -> None:
    explorer = TakeoverExplorer(Takeover())
    assert explorer.moment.event.step == "zap"
    in_step(explorer)
    explorer.step.value = 0
    assert "open_port" in explorer.status.value
    in_step(explorer)
    explorer.kernel.value = "4.5"
    assert explorer.story.profile.version == "4.5"
    in_step(explorer)
    explorer.policy.value = "RefuseClaim"
    explorer.step.value = explorer.step.max
    in_step(explorer)
    explorer.claim.value = (0x1800, 0x2800)
    assert explorer.story.claim_offset == 0x1800
    assert explorer.story.claim_size == 0x1000
    in_step(explorer)


def test_the_buttons_go_one_step_and_stop_at_the_ends() -> None:
    explorer = TakeoverExplorer(Takeover())
    row = explorer.children[1]
    back, forward = row.children[1:]
    explorer.step.value = 1
    back.click()
    back.click()
    assert explorer.now == 0
    forward.click()
    assert explorer.now == 1
    explorer.step.value = explorer.step.max
    forward.click()
    assert explorer.now == explorer.step.max


def test_a_shorter_story_keeps_the_slider_inside_it(in_step) -> None:
    explorer = TakeoverExplorer(Takeover())
    explorer.step.value = explorer.step.max
    explorer.policy.value = "DenyIdle"
    assert explorer.now <= explorer.step.max == len(explorer.story.played.moments) - 1
    in_step(explorer)


def test_an_empty_claim_takes_half_a_page(in_step) -> None:
    explorer = TakeoverExplorer(Takeover())
    explorer.claim.value = (0x1000, 0x1000)
    assert (explorer.story.claim_offset, explorer.story.claim_size) == (0x1000, 0x800)
    explorer.claim.value = (0x10000, 0x10000)
    assert (explorer.story.claim_offset, explorer.story.claim_size) == (0xF800, 0x800)
    in_step(explorer)


def test_another_kernel_keeps_an_odd_claim() -> None:
    explorer = TakeoverExplorer(Takeover(claim_offset=0x1801, claim_size=0x20))
    explorer.kernel.value = "5.10"
    assert (explorer.story.claim_offset, explorer.story.claim_size) == (0x1801, 0x20)
