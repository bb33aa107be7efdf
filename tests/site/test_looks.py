"""How the start page looks before Python is there: on a phone, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

LIGHTNESS = """colour => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
        .map(one => one / 255)
        .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}"""
"""The relative luminance of a colour, as WCAG defines it."""
LOOK = """one => {
    const { color, backgroundColor, borderTopStyle, opacity } = getComputedStyle(one);
    return { color, backgroundColor, borderTopStyle, opacity };
}"""
COMPUTED = {
    "overview": "each combination of “kernel” and “policy”",
    "takeover": "each value of “step”, “kernel”, “policy”, one control at a time",
    "orders": "each combination of “repair” and “through”",
    "machine": "each value of “resource”, “it gave”, one control at a time; each combination "
    "of “through” and “operation”",
}


def stepping(page: Page, address: str) -> None:
    """Open all explorers of a page that never gets a Python."""
    page.add_init_script("delete window.Worker")
    page.goto(address)
    for summary in page.locator("#explorers summary").all():
        summary.click()
    page.wait_for_function("() => document.querySelectorAll('.explorer.stepping').length === 7")


def too_wide(page: Page, selector: str) -> Any:
    """What of a kind must be scrolled sideways, by the beginning of its text or picture."""
    return page.eval_on_selector_all(
        selector,
        """all => all.filter(one => one.scrollWidth > one.clientWidth)
            .map(one => one.innerText || one.querySelector("img").alt.slice(0, 60))""",
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_of_an_explorer_scrolls_sideways(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    stepping(page, address)
    assert page.locator("#explorers .devmemkit-answer td").count() > 5
    assert too_wide(page, "#explorers .words, #explorers .words div") == []
    assert page.locator("#explorers .picture").count() == 12
    assert too_wide(page, ".picture, #ask-map") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_control_that_needs_python_looks_so(page: Page, address: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    stepping(page, address)

    def look(place: str) -> dict[str, Any]:
        found = page.locator(f"#explorer-machine {place}").first
        told: dict[str, Any] = found.evaluate(LOOK)
        return told

    on = look("select:enabled")
    for kind in ("input[type=text]", "select", "textarea"):
        off = look(f"{kind}:disabled")
        assert all(off[name] != on[name] for name in ("color", "backgroundColor", "borderTopStyle"))
        assert off["opacity"] == on["opacity"]
    low, high = sorted(
        page.evaluate(f"({LIGHTNESS})({off[name]!r})") for name in ("color", "backgroundColor")
    )
    assert (high + 0.05) / (low + 0.05) >= 4.5
    titles = page.locator("#explorer-machine :disabled:not(option)").evaluate_all(
        "all => all.map(one => one.title)"
    )
    assert set(titles) == {"needs Python in the page"}


def test_a_dark_page_is_printed_in_dark_ink(page: Page, address: str) -> None:
    page.add_init_script("delete window.Worker")
    page.emulate_media(color_scheme="dark", media="print")
    page.goto(address)
    for place in ("body", "#race .board", "#ask-answer", "#ask-map"):
        colour = page.locator(place).evaluate("one => getComputedStyle(one).color")
        assert page.evaluate(f"({LIGHTNESS})({colour!r})") < 0.05


@pytest.mark.parametrize("longer", [0, 300_000])
def test_what_is_pasted_takes_the_example_s_place(page: Page, address: str, longer: int) -> None:
    page.add_init_script("delete window.Worker")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address)
    pasted = "uname -r\n" + longer * "x"
    page.evaluate("text => navigator.clipboard.writeText(text)", pasted)
    page.click("#ask-paste")
    for times in (1, 2):
        page.keyboard.press("Control+v")
        assert page.input_value("#ask-paste") == ("" if longer else times * pasted)


def test_each_explorer_says_what_was_computed(page: Page, address: str) -> None:
    stepping(page, address)
    for name, said in COMPUTED.items():
        assert said in page.inner_text(f"#explorer-{name} .hint")
