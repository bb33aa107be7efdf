"""The explorer of orders without a browser: what its panes hold is the model's state."""

from __future__ import annotations

from devmemkit.widgets.orders import OrderExplorer


def test_it_opens_at_what_is_wrong_and_searches_anew_for_every_choice(in_step) -> None:
    explorer = OrderExplorer("6.12")
    assert explorer.now == explorer.step.max == 13
    assert "mmap_end" in explorer.status.value
    in_step(explorer)
    explorer.repair.value = "recheck"
    assert (explorer.result.verdict, explorer.now, explorer.step.disabled) == ("not-found", 0, True)
    assert "holds on all 111 states" in explorer.status.value
    in_step(explorer)
    explorer.repair.value = "none"
    explorer.via.value = "sysfs"
    explorer.kernel.value = "5.10"
    assert (explorer.result.verdict, explorer.step.disabled) == ("found", False)
    explorer.policy.value = "DenyIdle"
    assert explorer.result.verdict == "not-found"
    in_step(explorer)


def test_steps_go_forward_back_and_to_what_is_wrong(in_step) -> None:
    explorer = OrderExplorer("7.3")
    back, forward, bad = explorer.children[1].children[1:]
    explorer.step.value = 0
    assert not explorer.machine.get(("outcome", "U0"))
    in_step(explorer)
    forward.click()
    forward.click()
    back.click()
    assert explorer.now == 1
    in_step(explorer)
    bad.click()
    assert explorer.now == explorer.step.max
    assert explorer.machine["iomem"].children[0].children  # claimed
    in_step(explorer)
