"""The driver takeover, by kernel and policy."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devmemkit.figures.matrix import end_cell
from devmemkit.model.features import VERSIONS
from devmemkit.model.policy import POLICIES
from devmemkit.model.resource.revoke import zapped_pages
from devmemkit.scenarios.stories.parameters import AS_RELEASED
from devmemkit.scenarios.stories.takeover import QUESTIONS, Takeover
from devmemkit.scenarios.words import format_act, page_states

REVOKING = [version for version in VERSIONS if version not in ("4.4", "4.5")]


def outcomes(**parameters: Any) -> dict[str, str]:
    played = Takeover(**parameters).played
    return {act.key: format_act(played, act.key) for act in played.acts}


@pytest.mark.parametrize("version", REVOKING)
def test_from_v58_every_way_to_the_page_is_closed(version: str) -> None:
    got = outcomes(kernel=version)
    dead = ("load_at_once", "load_after", "load_child", "load_private", "load_released")
    assert {got[key] for key in dead} == {"SIGBUS, BUS_ADRERR"}
    assert (got["write_from"], got["ptrace"]) == ("EFAULT", "EIO")
    assert (got["pread"], got["map_again"]) == ("EPERM", "EPERM")
    assert got["load_beyond"] not in ("not played", "SIGBUS, BUS_ADRERR")
    assert (got["claim"], got["map_beyond"], got["map_released"]) == ("claimed", "mapped", "mapped")


def test_before_v45_nothing_happens_and_in_v45_new_access_is_refused() -> None:
    """90a545e98126 refuses new access, established mappings stay."""
    before, after = outcomes(kernel="4.4"), outcomes(kernel="4.5")
    assert before["load_after"] == after["load_after"] == before["load"]
    assert (before["pread"], before["map_again"]) == (before["load"], "mapped")
    assert (after["pread"], after["map_again"]) == ("EPERM", "EPERM")


@pytest.mark.parametrize("version", ["4.4", "5.10", "7.3"])
def test_what_was_written_is_still_there_after_the_release(version: str) -> None:
    """Revoking frees nothing."""
    story = Takeover(kernel=version)
    assert story.played.outcomes["load_new"].value == story.values[0]


def test_si_addr_is_the_touched_address() -> None:
    played = Takeover(claim_offset=0x5000, claim_size=0x1000).played
    dead = played.outcomes["load_after"]
    assert dead.si_addr == played.outcomes["map"].value + 0x5000


def test_a_bar_above_ram_is_efault_for_pread_claimed_or_not() -> None:
    assert outcomes(region="0000:00:05.0")["pread"] == "EFAULT"


def test_proposals_differ_in_who_pays() -> None:
    refuse = outcomes(policy="RefuseClaim")
    assert (refuse["claim"], refuse["load_after"]) == ("EBUSY", refuse["load"])
    assert refuse["release"] == "not played"
    grace = outcomes(policy="RevokeAfterGrace")
    assert (grace["load_at_once"], grace["load_after"]) == (grace["load"], "SIGBUS, BUS_ADRERR")
    assert grace["claim"] == "claimed"
    deny = outcomes(policy="DenyIdle")
    assert (deny["map"], deny["claim"], deny["load"]) == ("EPERM", "claimed", "not played")


@settings(max_examples=60, deadline=None)
@given(
    offset=st.integers(0, 0xF000), size=st.integers(1, 0x6000),
    version=st.sampled_from(["5.8", "5.10", "6.1", "6.12", "7.3"]),
)  # fmt: skip
def test_exactly_the_pages_of_the_zap_formula_die(offset: int, size: int, version: str) -> None:
    story = Takeover(kernel=version, claim_offset=offset, claim_size=size)
    machine = story.played.after("claim")
    first, last = (p - (story.node.start >> 12) for p in zapped_pages(story.claim[0], size))
    for vma in machine["vmas", "P"]:
        states = page_states(machine, "P", vma)
        dead = [page for page, state in enumerate(states) if state == "zapped"]
        assert dead == [page for page in range(first, last + 1) if page < story.pages]


def test_the_story_is_the_same_on_the_same_seed_only() -> None:
    assert outcomes(seed=1) == outcomes(seed=1)
    assert outcomes(seed=1)["load"] != outcomes(seed=2)["load"]


@pytest.mark.parametrize("policy", [AS_RELEASED, *POLICIES])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_cell_of_the_table_has_an_outcome(version: str, policy: str) -> None:
    played = Takeover(kernel=version, policy=policy).played
    words = {key: end_cell(played, key) for key in QUESTIONS}
    assert {role for _, role in words.values()} <= {"ok", "error", "muted"}
    assert words["claim"] in [("works", "ok"), ("EBUSY", "muted")]
    assert {role for word, role in words.values() if word == "none"} <= {"muted"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kernel": "9.9"}, r"kernel: expected one of 4\.4, .*7\.3; got '9\.9'"),
        ({"policy": "Ask"}, "policy: expected one of NoProtection, .*; got 'Ask'"),
        ({"region": "GPU"}, "region: expected one of Persistent Memory .*; got 'GPU'"),
        ({"pages": 0}, "pages: expected 1 to 64, got 0"),
        ({"claim_size": 0}, "claim_offset, claim_size: expected .* at least one byte"),
        ({"claim_offset": 1 << 40}, "claim_offset: expected less than 0x10000, the mapped bytes"),
        ({"claim_size": 1 << 40}, "claim_offset [+] claim_size: expected at most 0x10000000"),
        ({"pages": 1}, "claim_offset: expected less than 0x1000"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        Takeover(**wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "sync", "ending"),
    [
        ("6.12", False, "mapped"),
        ("6.16", False, "ENOMEM"),
        ("7.3", False, "ENOMEM"),
        ("6.16", True, "mapped"),
        ("7.3", True, "mapped"),
    ],
)
def test_a_revoked_write_back_mapping_stops_the_drivers_ioremap(
    version: str, sync: bool, ending: str
) -> None:
    assert outcomes(kernel=version, sync=sync)["ioremap"] == ending


def test_a_region_can_be_named_by_an_address() -> None:
    assert Takeover(region="0xf8000123").node.name == "0000:00:05.0"


def test_a_machine_gives_the_story_its_architecture() -> None:
    story = Takeover(machine="qemu-6.12-arm64", region="namespace0.0", policy="RefuseClaim")
    assert str(story.profile) == "Linux 6.12 on arm64, RefuseClaim"
    assert str(story.on("7.3").profile) == "Linux 7.3 on arm64, RevokeAll"
    assert Takeover().profile.arch == "x86_64"
