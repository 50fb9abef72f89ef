"""The console as somebody at a screen uses it: a real browser, signed in through the issuer's page.

Everything is found as a person finds it, by its role and its words.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.e2e.house import House
from tests.observability.tools import program

PATIENCE_MS = 30_000
ENGLISH = Path(__file__).parents[2] / "console" / "web" / "src" / "i18n" / "en.json"
REASONS: dict[str, str] = json.loads(ENGLISH.read_text())["reason"]
"""How the pages call each reason code."""


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def faults_of(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:200]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Debian's Chromium. As root it has no sandbox of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = _launch(driver)
        try:
            yield browser
        finally:
            browser.close()


def _launch(driver: Playwright) -> Browser:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return driver.chromium.launch(executable_path=program("chromium"), args=arguments)


class Desk:
    """One person's screen."""

    def __init__(self, house: House, page: Page, sub: str) -> None:
        self.house, self.page, self.sub = house, page, sub
        page.set_default_timeout(PATIENCE_MS)

    def signs_in(self) -> None:
        """At the development issuer's page, as one of its demo persons."""
        self.page.goto(self.house.url("console"))
        door = re.compile("sign in|登录", re.IGNORECASE)
        self.page.get_by_role("main").get_by_role("link", name=door).click()
        self.page.locator(f"a[href*='be={self.sub}']").click()
        expect(self.page).to_have_url(re.compile("/app/"))

    def opens(self, path: str) -> Desk:
        self.page.goto(self.house.url("console") + path)
        return self

    def finds(self, key: str) -> Desk:
        """Ctrl+K, paste, Enter."""
        self.opens("/app/")
        self.page.get_by_role("heading", level=1).wait_for()
        self.page.keyboard.press("Control+k")
        box = self.page.get_by_role("dialog").get_by_role("textbox")
        box.fill(key)
        box.press("Enter")
        expect(self.page).to_have_url(re.compile("/app/j/"))
        return self

    def says(self, code: str, words: str) -> None:
        """The journey on the screen says why and whom it waits for, now or soon, and without being
        loaded again."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(words)
        expect(
            self.page.get_by_role("main").get_by_text(REASONS[code], exact=True).first
        ).to_be_visible()

    def shows(self, words: str) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(words)

    def lists(self, words: str) -> None:
        expect(self.page.get_by_role("row").filter(has_text=words).first).to_be_visible()

    def skips(self, service: str, reason: str) -> None:
        """The message at the head of a parked key is given up, with a reason."""
        card = self.page.locator(".notice.bad").filter(has_text=re.compile(service, re.IGNORECASE))
        card.get_by_role("button", name="Skip").first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill(reason)
        dialog.get_by_role("button", name="Skip").click()
        expect(dialog).to_be_hidden()


def photograph(desk: Desk, name: str) -> None:
    """For whoever wants to see what the tests saw: LTC_TEST_SCREENS names a folder."""
    folder = os.environ.get("LTC_TEST_SCREENS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        desk.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
