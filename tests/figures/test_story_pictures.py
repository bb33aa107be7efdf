"""The address map, the timeline and the matrix say what the model's state is."""

import pytest

from devmemkit.figures.address_map import address_map
from devmemkit.figures.marks import MIN_WIDTH, Picture
from devmemkit.figures.matrix import matrix
from devmemkit.figures.theme import MEANING, WISHES
from devmemkit.figures.timeline import timeline
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.scenarios.play import SETTLE
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.scenarios.wish import as_wished
from devmemkit.scenarios.words import page_states
from tests.figures.pictures import column


@pytest.mark.parametrize("key", ["open", "map", "store_private", "fork", "claim", "map_released"])
@pytest.mark.parametrize("version", ["4.5", "6.12"])
def test_the_map_shows_every_page_as_it_is(version: str, key: str) -> None:
    story = Takeover(kernel=version, claim_offset=0x1800, claim_size=0x5000)
    machine = story.played.after(key)
    picture = address_map(machine, story.node, story.pages)
    first, last = (byte >> PAGE_SHIFT for byte in story.claim)
    taken = range(first, last + 1) if key == "claim" else ()
    expected = [
        ("error" if pfn in taken else "ok") if state == "live" else state
        for pid in ("P", "C")
        for vma in machine.get(("vmas", pid), ())
        for pfn, state in enumerate(page_states(machine, pid, vma), vma.pgoff)
    ]
    pages = ("ok", "error", "zapped", "private")
    assert [role for role in column(picture, "rects", "role") if role in pages] == expected
    assert f"{expected.count('zapped')} zapped" in picture.alt
    assert column(picture, "outlines", "role") == ["error"] * expected.count("error")
    drawn = column(picture, "rects", "role")
    assert {role for role, _ in picture.legend} == {*drawn}
    changes = address_map(machine, story.node, story.pages, columns=7)
    assert len(changes.legend) == 6  # an explorer's legend keeps its height


def map_after(story: Takeover, key: str) -> Picture:
    return address_map(story.played.after(key), story.node, story.pages)


def test_the_map_draws_a_claim_to_the_byte() -> None:
    story = Takeover(claim_offset=0x1800, claim_size=0x1000)
    picture = address_map(story.played.after("claim"), story.node, 16)
    [claimed] = [rect for rect in picture.marks.rects if rect.role == "claimed"]
    assert (claimed.top, claimed.bottom) == (1.5, 2.5)
    assert "driver" in claimed.tip
    before = address_map(story.played.after("fork"), story.node, 16)
    assert "claimed" not in column(before, "rects", "role")


def test_the_timeline_has_a_row_an_act_and_stops_at_now() -> None:
    played = Takeover().played
    acts = [act for act in played.acts if act.operation != SETTLE]
    whole = timeline(played)
    roles = [WISHES[as_wished(played, act.key)] for act in acts]
    assert column(whole, "markers", "role") == roles
    assert set(roles) == {"ok", "error"}
    assert whole.legend == MEANING
    assert len(whole.marks.markers) == len(acts)
    assert whole.marks.outlines == []
    claim = played.moments_of("claim")
    half = timeline(played, claim[1])
    assert len(half.marks.outlines) == 1
    assert {"insert · both_ends", "waits"} <= {*column(half, "texts", "text")}
    assert "error" not in column(half, "markers", "role")


def test_mappings_of_the_same_kind_have_different_names() -> None:
    for version in ("4.4", "6.12"):
        story = Takeover(kernel=version)
        picture = address_map(story.played.moments[-1].machine, story.node, story.pages)
        names = [text.text for text in picture.marks.texts if text.turned]
        groups = [text.text for text in picture.marks.texts if text.anchor == "center"]
        assert groups == ["process P", "C"]
        assert names[:3] == ["shared", "private", "new"]
        assert len({*names[:-2]}) == len(names) - 2 >= 4  # then the child's, of both kinds
        assert names[-2:] == ["shared", "private"]


def test_the_message_tells_how_many_claimed_pages_can_still_be_reached() -> None:
    story = Takeover(claim_offset=0x1800, claim_size=0x5000)
    assert map_after(story, "fork").message == "No driver has claimed anything here."
    assert map_after(story, "claim").message == "Of 6 claimed pages, 1 can still be reached."
    for version, still in (("6.12", "none"), ("4.5", "1")):
        one = Takeover(kernel=version, claim_offset=0, claim_size=16)
        assert map_after(one, "claim").message == (
            f"Of 1 claimed page, {still} can still be reached."
        )


def test_the_message_says_where_more_is_claimed_than_is_shown() -> None:
    story = BarStory(claim_offset=0, claim_size=0)
    assert story.range.length >> PAGE_SHIFT > story.pages == 8
    picture = address_map(story.played.after("claim"), story.node, story.pages)
    assert picture.message == "Of 8 claimed pages shown, none can still be reached."


def test_the_edges_of_a_claim_are_drawn_across_the_pages() -> None:
    picture = map_after(Takeover(claim_offset=0x1800, claim_size=0x5000), "claim")
    edges = [line.y0 for line in picture.marks.lines if line.dash == "dashed"]
    assert edges == [1.5, 6.5]


def test_a_name_that_the_claim_would_cover_is_left_to_the_title() -> None:
    story = Takeover(claim_offset=0, claim_size=0x1000)
    picture = address_map(story.played.after("claim"), story.node, story.pages)
    names = [text.text for text in picture.marks.texts if text.anchor == "left"]
    assert names == ["resource tree", "driver"]
    assert picture.title == story.node.name


def test_the_timeline_cuts_nothing_but_values_and_past_steps() -> None:
    played = Takeover(policy="RevokeAfterGrace").played
    texts = column(timeline(played), "texts", "text")
    assert any(text.startswith("… · ") and text.endswith("zap") for text in texts)
    assert all(text.startswith(("…", "0x")) for text in texts if "…" in text)


def test_the_timeline_keeps_its_shape_so_that_a_pane_can_replace_its_data() -> None:
    pictures = [timeline(Takeover(policy=p).played, 5) for p in ("as released", "DenyIdle")]
    assert pictures[0].height == pictures[1].height
    assert pictures[0].y == pictures[1].y


def test_the_matrix_says_each_cell_in_its_alt_text() -> None:
    picture = matrix("t", "T", ["a\nb", "c"], {"r": [("works", "ok"), ("EPERM", "error")]})
    assert picture.alt == "T. r: a b works, c EPERM."
    assert column(picture, "rects", "role") == ["ok", "error"]
    assert column(picture, "texts", "text").count("r") == 1


def test_a_wide_matrix_scrolls_with_its_labels_at_both_ends() -> None:
    picture = matrix("t", "T", ["released"] * 9, {"r": [("SIGBUS", "error")] * 9})
    assert picture.min_width > MIN_WIDTH
    labels = [text.anchor for text in picture.marks.texts if text.text == "r"]
    assert labels == ["left", "right"]
