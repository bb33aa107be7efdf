"""The race in a browser: opened as a file, played by keyboard, restored from a link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import PATIENCE

from devmemkit.site import build, graphs

WIDE, PHONE = {"width": 1180, "height": 900}, {"width": 360, "height": 800}
KEYS = {"U": "ArrowLeft", "C": "ArrowRight", "t": "ArrowDown"}


@pytest.fixture(scope="module")
def site(made_once) -> str:
    """The address of the start page, as a file."""
    out: Path = made_once("race", lambda out: build.build(out, "0123456789"))
    return (out / "index.html").as_uri()


@pytest.fixture
def opened(browser, site):
    """Opens the page at a hash; at the end no message of the browser may be left."""
    contexts, messages = [], []

    def at(hash_: str = "", viewport=WIDE, **options):
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(site + hash_)
        return page

    yield at
    for context in contexts:
        context.close()
    assert [one for one in messages if "race" in one.lower() or "Error" in one] == []


def level(number: int) -> dict:
    found = graphs.data()
    return found["graphs"][found["levels"][number - 1]["graph"]]


def press(page, schedule: str) -> None:
    for letter, count in re.findall(r"([UCt])(\d+)", schedule):
        for _ in range(int(count)):
            page.keyboard.press(KEYS[letter])


def said(page) -> str:
    return page.locator("#race").get_by_role("status").inner_text()


def state(page) -> tuple[str, str]:
    square = page.locator("#race .page")
    return square.get_attribute("data-page"), square.get_attribute("data-region")


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_level_is_won_by_keyboard_alone(opened, viewport) -> None:
    page = opened("#race?level=4", viewport)
    focused = "document.activeElement.className"
    for _ in range(60):  # as a visitor would: to the first of the two steps by Tab
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "step process":
            break
    assert page.evaluate(focused) == "step process"
    press(page, level(4)["schedule"])
    assert state(page) == ("surviving", "claimed")
    assert said(page).startswith("Broken in 12 steps. The process still reaches the page")
    assert page.evaluate("location.hash") == "#race?level=4&steps=U6C4U2"
    assert page.locator("#race .rows > li:not(.coming)").count() == 12
    page.keyboard.press("ArrowUp")
    assert state(page) == ("filled", "claimed")
    assert said(page).startswith("Undone: the process's do_mmap")
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


@pytest.mark.parametrize("number", range(1, len(graphs.LEVELS) + 1))
def test_the_explorers_schedule_is_played_and_missing_ones_are_said_to_be(opened, number) -> None:
    page = opened(f"#race?level={number}", reduced_motion="reduce")
    page.locator("#race").get_by_role("button", name="Let the explorer find it").click()
    found = level(number)
    if found["schedule"]:
        assert page.evaluate("location.hash").endswith(f"&steps={found['schedule']}")
        goal = graphs.LEVELS[number - 1].goal
        assert said(page).startswith("Broken" if goal == "reach" else "The driver is kept out")
        page.keyboard.press("i")
        assert "The explorer disagrees" in said(page)
    else:
        assert f"searched all {found['searched']} states" in said(page)
        page.keyboard.press("i")
        assert said(page).startswith("You are right.")


def test_the_first_board_leaves_the_address_alone(opened) -> None:
    page = opened("#read")
    current = page.locator("#race nav button[aria-current=true]")
    assert current.inner_text().split() == ["1", "Break", "4.5"]
    assert page.evaluate("location.hash") == "#read"
    page.locator("#race .step.driver").click()
    assert page.evaluate("location.hash") == "#race?level=1&steps=C1"
    page.locator("#race").get_by_role("button", name="It cannot be done").click()
    assert said(page) == "The explorer disagrees: it knows a schedule of 9 steps."
    page.locator("#race").get_by_role("button", name="Break 7.3").click()
    assert page.evaluate("location.hash") == "#race?level=4&steps="
    assert state(page) == ("unmapped", "idle")


def test_the_next_level_is_offered_when_one_is_done(opened) -> None:
    page = opened("#race?level=1&steps=U8")
    following = page.locator("#race").get_by_role("button", name="Next level")
    assert following.count() == 0
    page.locator("#race .step.driver").click()
    following.click()
    assert page.evaluate("location.hash") == "#race?level=2&steps="
    assert page.evaluate("document.activeElement.className") == "step process"
    done = page.locator("#race nav button").first
    assert done.inner_text().split() == ["✓", "done:", "Break", "4.5"]
    last = opened(f"#race?level={len(graphs.LEVELS)}")
    last.get_by_role("button", name="It cannot be done").click()
    assert last.get_by_role("button", name="Next level").count() == 0


def test_a_circle_of_the_driver_alone_is_not_fair(opened) -> None:
    page = opened("#race?level=9&steps=U6C4")
    before = page.locator("#race .count").inner_text()
    page.locator("#race .step.driver").focus()
    press(page, "C4")
    assert page.locator("#race .count").inner_text().startswith("You have been in 14 of")
    press(page, "C4")  # the same four states once more: a circle, but the process takes no step
    assert page.locator("#race .count").inner_text().startswith("You have been in 14 of")
    assert before.startswith("You have been in 11 of")
    assert said(page).startswith("The driver gets EBUSY")


def test_the_schedule_plays_itself_step_by_step(opened) -> None:
    page = opened("#race?level=1")
    page.locator("#race").get_by_role("button", name="Let the explorer find it").click()
    assert state(page) == ("unmapped", "idle")
    page.locator("#race .page[data-page=surviving]").wait_for()
    assert page.evaluate("location.hash") == "#race?level=1&steps=U8C1"


def test_a_link_restores_choices_and_schedule(opened) -> None:
    where = "#race?via=devmem&kernel=6.12&policy=RevokeAfterGrace&repair=&steps=U8C3"
    page = opened(where)
    assert state(page) == ("live", "claiming")
    assert page.locator("#race").get_by_label("Policy").input_value() == "RevokeAfterGrace"
    assert page.locator("#race .step.driver").get_attribute("aria-disabled") == "true"
    page.locator("#race .step.driver").focus()
    page.keyboard.press("ArrowRight")
    assert said(page) == "The driver waits until the process unmaps, or the grace is over."
    page.keyboard.press("ArrowDown")
    assert page.evaluate("location.hash") == where + "t1"
    page.evaluate("location.hash = '#race?level=3&steps=U6C4'")
    page.locator("#race .page[data-page=filled]").wait_for()
    assert page.locator("#race").get_by_label("Kernel").input_value() == "6.12"


def test_a_hostile_link_plays_what_can_be_played(opened) -> None:
    page = opened("#race?via=<b>&kernel=9&policy=x&repair=__proto__&steps=U6<script>C99Z5U999")
    assert page.locator("#race").get_by_label("Kernel").input_value() == "6.12"
    assert page.locator("#race").get_by_label("Policy").input_value() == "as released"
    assert page.locator("#race .rows > li:not(.coming)").count() == 6 + 5  # then the driver is done


def test_a_switch_keeps_the_schedule_as_far_as_it_goes(opened) -> None:
    page = opened("#race?level=3&steps=U6C4U2")
    page.locator("#race").get_by_label("Repair of the mmap").select_option("recheck")
    assert state(page) == ("filled", "claimed")
    assert "steps=U6C4U2" in page.evaluate("location.hash")
    page.locator("#race").get_by_label("Policy").select_option("RefuseClaim")
    assert page.locator("#race").get_by_label("Repair of the mmap").input_value() == ""
    assert page.locator("#race").get_by_label("Policy").input_value() == "RefuseClaim"


def test_the_page_without_javascript_shows_the_shortest_schedule(opened) -> None:
    page = opened(java_script_enabled=False)
    rows = page.locator("#race .rows > li")
    assert rows.count() == len(re.findall("[UC]", "U" * 6 + "C" * 4 + "U" * 2))
    assert "no claim can find the mapping yet" in rows.nth(5).inner_text()
    assert (
        page.locator("#race")
        .get_by_text("still reaches the page that the driver has claimed")
        .count()
        == 1
    )
    assert page.locator("#race button").count() == 0


def test_every_control_has_a_name_and_what_happened_is_announced(opened) -> None:
    page = opened("#race?level=5&steps=U1C1")
    tree = page.locator("#race").aria_snapshot()
    assert not re.search(r"- (button|combobox)\s*(:|$)", tree, re.MULTILINE)
    assert page.locator("#race").get_by_role("status").get_attribute("aria-live") == "polite"
    assert (
        page.locator("#race").get_by_role("button", name=re.compile("process, next step")).count()
        == 1
    )
    steps = (
        page.locator("#race")
        .get_by_role("list", name="The schedule so far")
        .get_by_role("listitem")
    )
    assert [step.inner_text().split() for step in steps.all()] == [
        ["process:", "do_mmap", "unmapped"],
        ["driver:", "__request_region", "unmapped"],
    ]
