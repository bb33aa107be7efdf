"""The address map, the timeline and the matrix say what the model's state is."""

import pytest

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import MIN_WIDTH, Layer, Picture
from devmemkit.figures.matrix import matrix
from devmemkit.figures.timeline import timeline
from devmemkit.scenarios.play import SETTLE
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.scenarios.words import page_states


def layer(picture: Picture, name: str) -> Layer:
    [found] = [layer for layer in picture.layers if layer.name == name]
    return found


@pytest.mark.parametrize("key", ["open", "map", "store_private", "fork", "claim", "map_released"])
@pytest.mark.parametrize("version", ["4.5", "6.12"])
def test_the_map_shows_every_page_as_it_is(version: str, key: str) -> None:
    story = Takeover(kernel=version, claim_offset=0x1800, claim_size=0x5000)
    machine = story.played.after(key)
    picture = address_map(machine, story.node, story.pages)
    expected = [
        state
        for pid in ("P", "C")
        for vma in machine.get(("vmas", pid), ())
        for state in page_states(machine, pid, vma)
    ]
    assert list(layer(picture, "pages").columns["role"]) == expected
    assert f"{expected.count('zapped')} zapped" in picture.alt


def test_the_map_draws_a_claim_to_the_byte() -> None:
    story = Takeover(claim_offset=0x1800, claim_size=0x1000)
    quads = layer(address_map(story.played.after("claim"), story.node, 16), "resources").columns
    at = quads["role"].index("claimed")
    assert (quads["top"][at], quads["bottom"][at]) == (1.5, 2.5)
    assert "driver" in quads["tip"][at]
    before = layer(address_map(story.played.after("fork"), story.node, 16), "resources")
    assert "claimed" not in before.columns["role"]


def test_the_timeline_has_a_row_an_act_and_stops_at_now() -> None:
    played = Takeover().played
    acts = [act for act in played.acts if act.operation != SETTLE]
    whole = timeline(played)
    assert layer(whole, "acts").columns["role"].count("error") == sum(
        not played.outcomes[act.key].ok for act in acts
    )
    assert len(layer(whole, "acts")) == len(acts)
    assert len(layer(whole, "now")) == 0
    claim = played.moments_of("claim")
    half = timeline(played, claim[1])
    assert len(layer(half, "now")) == 1
    assert "insert · both_ends" in layer(half, "words").columns["text"]
    assert "waits" in layer(half, "words").columns["text"]
    assert "error" not in layer(half, "acts").columns["role"]


def test_mappings_of_the_same_kind_have_different_names() -> None:
    for version in ("4.4", "6.12"):
        story = Takeover(kernel=version)
        picture = address_map(story.played.moments[-1].machine, story.node, story.pages)
        names = layer(picture, "page-names").columns
        labels = list(zip(names["x"], names["text"], strict=True))
        columns = ["".join(text for at, text in labels if at == x) for x in sorted({*names["x"]})]
        assert columns[:3] == ["Pshared", "Pprivate", "Pnew"]
        assert len({*columns}) == len(columns) >= 6


def test_a_name_that_the_claim_would_cover_is_left_to_the_title() -> None:
    story = Takeover(claim_offset=0, claim_size=0x1000)
    picture = address_map(story.played.after("claim"), story.node, story.pages)
    assert layer(picture, "resource-names").columns["text"] == ("driver", "resource tree")
    assert picture.title == story.node.name


def test_the_timeline_cuts_nothing_but_values_and_past_steps() -> None:
    played = Takeover(policy="RevokeAfterGrace").played
    texts = layer(timeline(played), "words").columns["text"]
    assert any(text.startswith("… · ") and text.endswith("zap") for text in texts)
    assert all(text.startswith(("…", "0x")) for text in texts if "…" in text)


def test_the_timeline_keeps_its_shape_so_that_a_pane_can_replace_its_data() -> None:
    pictures = [timeline(Takeover(policy=p).played, 5) for p in ("as released", "DenyIdle")]
    assert pictures[0].height == pictures[1].height
    assert pictures[0].y == pictures[1].y


def test_the_matrix_says_each_cell_in_its_alt_text() -> None:
    picture = matrix("t", "T", ["a\nb", "c"], {"r": [("works", "ok"), ("EPERM", "error")]})
    assert picture.alt == "T. r: a b works, c EPERM."
    assert layer(picture, "cells").columns["role"] == ("ok", "error")
    assert layer(picture, "cell-words").columns["text"].count("r") == 1


def test_a_wide_matrix_scrolls_with_its_labels_at_both_ends() -> None:
    picture = matrix("t", "T", ["released"] * 9, {"r": [("SIGBUS", "error")] * 9})
    assert picture.min_width > MIN_WIDTH
    words = layer(picture, "cell-words").columns
    anchors = zip(words["text"], words["anchor"], strict=True)
    assert [anchor for text, anchor in anchors if text == "r"] == ["left", "right"]
