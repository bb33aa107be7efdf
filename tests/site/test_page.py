"""The start page in Chromium: before Python, with it, hostile and huge pastes, narrow screens."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

EVIL = "<img src=x onerror=alert(1)></script><b>\"'&"
CALL = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</dev/mem>, 0xfe010000) = -1 EPERM"
ANSWERED = "() => document.getElementById('ask-status').textContent === 'Answered.'"


def live(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("() => document.getElementById('python').textContent.includes('live')")


def asked(page: Page, paste: str) -> str:
    """The answer for a paste."""
    page.evaluate("document.getElementById('ask-status').textContent = ''")
    page.fill("#ask-paste", paste)
    page.wait_for_function(ANSWERED)
    return page.inner_text("#ask-answer")


def test_the_example_is_answered_before_python(page: Page, address: str) -> None:
    page.add_init_script("delete window.Worker")  # so that there never is a Python
    page.goto(address)
    page.wait_for_function("() => document.getElementById('python').textContent.includes('not st')")
    assert "e1000 has it" in page.inner_text("#ask-answer")
    assert page.locator("#ask-answer .decides").inner_text().startswith("EPERM")
    assert page.locator("#ask-map button").count() > 20


def test_without_javascript_texts_and_pictures_are_there(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert "e1000 has it" in page.inner_text("#ask-answer")
        assert page.locator("#ask-map img").evaluate("image => image.naturalWidth") > 0
        assert not page.locator("#ask-form").is_visible()
        page.locator("#explorer-orders summary").click()
        assert page.locator("#explorer-orders img").first.is_visible()


def test_a_paste_a_click_and_the_keyboard(page: Page, address: str) -> None:
    live(page, address)
    dump = "fe000000-fe00ffff : 0000:00:03.0\nfe010000-fe01ffff : 0000:00:04.0\n"
    claimed = f"{dump}  fe010000-fe01ffff : nvme\nLinux box 6.12.0 #1 x86_64 GNU/Linux\n{CALL}\n"
    assert "nvme has it" in asked(page, claimed)
    parts = page.locator("#ask-parts li").all_inner_texts()
    assert [part.partition(": ")[2] for part in parts] == [
        *("/proc/iomem", "the kernel's release", "strace")
    ]
    first = page.locator("#ask-map button").first
    page.evaluate("document.getElementById('ask-status').textContent = ''")
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function(ANSWERED)
    assert "mmap of 0x1000 bytes at 0xfe000000" in page.inner_text("#ask-answer h3")
    assert page.input_value("[name=address]") == "0xfe000000"
    focused = page.locator("#ask-map button:focus")  # the map was drawn anew
    assert focused.get_attribute("aria-current") == "true"
    heading = page.locator("#ask-answer h3").bounding_box()
    assert heading
    assert 0 <= heading["y"] < 740  # on a phone the map is far below it


def test_names_of_a_paste_are_never_markup(page: Page, address: str) -> None:
    live(page, address)
    dump = f"fe000000-fe00ffff : {EVIL}\nfe010000-fe01ffff : {EVIL}\n  fe010000-fe010fff : {EVIL}\n"
    said = asked(page, f"{dump}{EVIL}\n{CALL}\n")
    assert EVIL in said
    assert page.locator("#ask img[src=x], #ask b, #ask script:not([id])").count() == 0
    page.locator("#explorer-machine summary").click()
    page.wait_for_selector("#explorer-machine .live input[type=file]")
    page.set_input_files(
        "#explorer-machine input[type=file]",
        {"name": f"{EVIL} evil.txt", "mimeType": "text/plain", "buffer": dump.encode()},
    )
    page.wait_for_function(
        "() => document.querySelector('#explorer-machine').innerText"
        ".includes('evil.txt: /proc/iomem was read')"
    )
    assert page.locator("#explorers img[src=x]").count() == 0


def test_a_huge_paste_keeps_the_page_alive_and_can_be_cancelled(page: Page, address: str) -> None:
    live(page, address)
    page.evaluate(
        """() => {
            const status = document.getElementById("ask-status");
            window.said = [];
            new MutationObserver(() => window.said.push(status.textContent))
                .observe(status, { childList: true });
            const lines = Array.from({ length: 350000 }, (_, at) =>
                `${(at * 4096).toString(16).padStart(8, "0")}-` +
                `${(at * 4096 + 4095).toString(16).padStart(8, "0")} : r${at}`);
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", lines.join("\\n"));
            const event = new ClipboardEvent("paste", { clipboardData, cancelable: true });
            document.getElementById("ask-paste").dispatchEvent(event);
        }"""
    )
    assert "million letters that are not shown" in page.inner_text("#ask-large")
    assert len(page.input_value("#ask-paste")) < 10_000
    page.wait_for_function(
        "() => window.said.some((one) => one.startsWith('reading 350,') && one.endsWith('lines …'))"
    )
    page.click("#ask-cancel")
    page.wait_for_function(
        "() => document.getElementById('ask-status').textContent === 'cancelled'"
    )
    page.click("#ask-clear")
    assert "EPERM" in asked(page, CALL)  # by a Python that started anew


def test_every_explorer_lives_on_a_phone_s_width(page: Page, address: str) -> None:
    live(page, address)
    for summary in page.locator("#explorers summary").all():
        summary.click()
    page.wait_for_function("() => document.querySelectorAll('.explorer.live').length === 7")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    orders = page.locator("#explorer-orders")
    before = orders.locator("img").first.get_attribute("src")
    orders.locator("select").first.select_option("4.4")
    page.wait_for_function(
        "() => document.querySelector('#explorer-orders [role=status]')"
        ".textContent.includes('Linux 4.4')"
    )
    assert orders.locator("img").first.get_attribute("src") != before


def shown(page: Page, place: str) -> str:
    """The summary of the explorer in a place."""
    return page.inner_text(f"{place} [role=status]")


def test_an_explorer_steps_before_python(page: Page, address: str) -> None:
    page.add_init_script("delete window.Worker")  # so that there never is a Python
    page.goto(address)
    place = "#explorer-takeover"
    page.locator(f"{place} summary").click()
    page.wait_for_selector(f"{place} .stepping")
    assert shown(page, place).endswith("step 29 of 63")
    page.locator(f"{place} button[aria-label='one step forward']").focus()
    page.keyboard.press("Enter")
    assert shown(page, place).endswith("step 30 of 63")
    assert page.locator(f"{place} select").first.is_disabled()  # no step of another kernel
    page.get_by_role("button", name="As it opened").click()
    page.locator(f"{place} select").first.select_option("4.4")
    assert shown(page, place).startswith("Linux 4.4, NoProtection")
    assert "need Python in the page; it did not start" in page.inner_text(f"{place} .hint")


def test_a_notebook_s_explorer_lives_in_place(page: Page, address: str) -> None:
    page.goto(f"{address}notebooks/01-driver-takeover.html")
    place = ".jp-OutputArea-output:has(.explorer)"
    assert page.workers == []  # nothing starts before the explorer is seen
    page.locator(".explorer").scroll_into_view_if_needed()
    page.wait_for_selector(".explorer.stepping")
    page.locator(f"{place} button[aria-label='one step forward']").click()
    page.wait_for_selector(".explorer.live")
    assert shown(page, place).endswith("step 30 of 63")  # Python goes on where the visitor was
    assert page.inner_text(f"{place} .hint") == ""
    page.locator(f"{place} select").first.select_option("4.4")
    page.wait_for_function(
        "() => document.querySelector('[role=status]').textContent.startsWith('Linux 4.4')"
    )
    assert shown(page, place).endswith("step 27 of 67")  # which no state has beforehand
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_worker_can_connect_to_nothing(page: Page, address: str) -> None:
    live(page, address)
    [worker] = page.workers
    reached = worker.evaluate(
        """address => { try {
            const request = new XMLHttpRequest();
            request.open("GET", address + "style.css", false);
            request.send();
            return request.status;
        } catch (error) { return error.name; } }""",
        address,
    )
    assert reached == "NetworkError"


def test_opened_as_a_file_it_says_how_to_serve_it(page: Page, site: Path) -> None:
    page.goto((site / "notebooks" / "05-policies.html").as_uri())
    page.locator(".explorer").scroll_into_view_if_needed()
    page.wait_for_selector(".explorer.stepping")
    place = ".jp-OutputArea-output:has(.explorer)"
    before = shown(page, place)
    page.locator(f"{place} button[aria-label='one step back']").click()
    assert shown(page, place) == before.replace("step 13", "step 12")
    assert "http.server" in page.inner_text(f"{place} .hint")
    page.goto((site / "index.html").as_uri())
    page.locator("#explorer-orders summary").click()
    page.wait_for_selector("#explorer-orders .stepping")
    assert shown(page, "#explorer-orders") == before
    assert "e1000 has it" in page.inner_text("#ask-answer")
    page.wait_for_function(
        "() => document.getElementById('python').textContent.includes('http.server')"
    )
    page.fill("#ask-paste", CALL)
    page.wait_for_function(
        "() => document.getElementById('ask-status').textContent.includes('web server')"
    )
