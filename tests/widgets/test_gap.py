"""The gap explorer without a browser: what its pane holds is what was simulated."""

from __future__ import annotations

from devmemkit.scenarios.stories.exposure import simulate
from devmemkit.widgets.gap import GapExplorer


def test_every_choice_is_simulated_anew(in_step) -> None:
    explorer = GapExplorer("6.12")
    in_step(explorer)
    explorer.writers.value = 15
    explorer.delay.value = 100
    assert explorer.now[0].writers == 15
    assert explorer.now[1] == simulate(explorer.now[0], explorer.trials, explorer.seed)
    assert f"{100 * explorer.now[1].value:.1f} %" in explorer.status.value
    in_step(explorer)
    explorer.writers.value = 0
    assert explorer.now[1].hits == 0
    in_step(explorer)


def test_where_the_model_refuses_there_is_nothing_to_simulate(in_step) -> None:
    explorer = GapExplorer("7.3")
    assert explorer.ended == "written"
    explorer.defence.value = "DEVMEM=n"
    assert (explorer.ended, explorer.now[1].hits) == ("ENOENT", 0)
    assert "<b>ENOENT</b>" in explorer.status.value
    explorer.way.value = "a BAR through resource2"
    assert explorer.ended == "written"
    in_step(explorer)
