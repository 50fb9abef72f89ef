"""The console as somebody at a screen uses it: a real browser, signed in through the issuer's page.

Everything is found as a person finds it, by its role and its words.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from ltc.settings import PROJECT
from testkit.deadline import DEADLINE_S
from testkit.installation.base import Installation
from testkit.tools import program

PATIENCE_MS = DEADLINE_S * 1000
LANGUAGES = PROJECT / "console" / "web" / "src" / "i18n"
WORDS: dict[str, dict[str, Any]] = {
    locale: json.loads((LANGUAGES / file).read_text())
    for locale, file in (("en-GB", "en.json"), ("zh-CN", "zh-CN.json"))
}
"""What the pages call things, in the language of each locale."""
REASONS: dict[str, str] = WORDS["en-GB"]["reason"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def launched_browser() -> Iterator[Browser]:
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


UNTIL_DRAWN = """
() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(null))))
"""
UNTIL_NOTHING_MOVES = """
() => Promise.all(document.getAnimations()
  .filter((moving) => moving.effect.getTiming().iterations !== Infinity)
  .map((moving) => moving.finished.catch(() => null))).then(() => null)
"""


class BrowserWindow:
    """One person's screen, and what went wrong on it."""

    def __init__(
        self, installation: Installation, page: Page, sub: str, locale: str = "en-GB"
    ) -> None:
        self.installation, self.page, self.sub, self.locale = installation, page, sub, locale
        self.wrong: list[str] = []
        self._unanswered: set[Request] = set()
        page.set_default_timeout(PATIENCE_MS)

    def signs_in(self) -> None:
        """At the development issuer's page, as one of its demo persons."""
        self.page.goto(self.installation.url("console"))
        door = re.compile("sign in|登录", re.IGNORECASE)
        self.page.get_by_role("main").get_by_role("link", name=door).click()
        self.page.locator(f"a[href*='be={self.sub}']").click()
        expect(self.page).to_have_url(re.compile("/app/"))
        self.page.on("console", self._logged)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("requestfinished", self._answered)
        self.page.on("requestfailed", self._answered)

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(message.text)

    def _asked(self, asked: Request) -> None:
        """Nothing is fetched from elsewhere."""
        if urlsplit(asked.url).hostname not in ("127.0.0.1", "") and "data:" not in asked.url[:5]:
            self.wrong.append(f"asked {asked.url}")
        if not urlsplit(asked.url).path.endswith("/live"):
            self._unanswered.add(asked)

    def _answered(self, asked: Request) -> None:
        self._unanswered.discard(asked)

    def settles(self) -> None:
        """What the page has asked for has come and is on the screen, and nothing moves."""
        deadline = time.monotonic() + DEADLINE_S
        while self._unanswered:
            assert time.monotonic() < deadline, [asked.url for asked in self._unanswered]
            self.page.wait_for_timeout(10)  # in which Playwright hands on what has happened
        self.page.evaluate(UNTIL_DRAWN)
        self.page.evaluate(UNTIL_NOTHING_MOVES)

    def faults(self, within: str = "html") -> list[str]:
        """What axe finds by WCAG 2.2 AA, once the screen has settled, in the elements that a
        selector names."""
        self.settles()
        options = {"runOnly": {"type": "tag", "values": RULES}}
        found = Axe().run(self.page, context={"include": [[within]]}, options=options)
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:200]}"
            for fault in found.response["violations"]
            for node in fault["nodes"]
        ]

    def photographed(self, name: str) -> None:
        """For whoever wants to see what the tests saw: LTC_TEST_SCREENS names a folder."""
        folder = os.environ.get("LTC_TEST_SCREENS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def called(self, key: str) -> re.Pattern[str]:
        """What something is called in this screen's language, whatever stands in its holes."""
        words: Any = WORDS[self.locale]
        for part in key.split("."):
            words = words[part]
        return re.compile(re.sub(r"\\{\\{\w+\\}\\}", ".*", f"^{re.escape(words)}$"))

    def opens(self, path: str) -> BrowserWindow:
        self._unanswered.clear()
        self.page.goto(self.installation.url("console") + path)
        return self

    def finds(self, key: str) -> BrowserWindow:
        """Ctrl+K, paste, Enter."""
        self.opens("/app/")
        self.page.get_by_role("heading", level=1).wait_for()
        self.page.keyboard.press("Control+k")
        box = self.page.get_by_role("dialog").get_by_role("textbox")
        box.fill(key)
        box.press("Enter")
        expect(self.page).to_have_url(re.compile("/app/j/"))
        return self

    def hears_nothing(self) -> None:
        """Something on the way lets no stream through."""
        self.page.route("**/live", lambda asked: asked.abort())

    def asks(self, url: re.Pattern[str]) -> None:
        """The page asks for something, from now on, by itself."""
        with self.page.expect_request(url):
            pass

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

    def parked(self, service: str) -> Locator:
        """What a service could not take in of the journey on the screen."""
        return self.page.locator(".notice.bad").filter(has_text=re.compile(service, re.IGNORECASE))

    def acts(self, act: str, reason: str, *, on: Locator) -> None:
        """A button of that, and why, in the dialog that it opens."""
        on.get_by_role("button", name=act, exact=True).click()
        self.gives(reason, act)

    def chooses(self, act: str | re.Pattern[str]) -> Locator:
        """Something of the menu of acts on the journey: the dialog that it opens."""
        self.page.get_by_role("button", name="Act", exact=True).click()
        self.page.get_by_role("menuitem", name=act).click()
        return self.page.get_by_role("dialog")

    def gives(self, reason: str, submit: str) -> None:
        """Why, in the open dialog, and off it goes: the dialog closes when it was taken."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Why").fill(reason)
        dialog.get_by_role("button", name=submit, exact=True).click()
        expect(dialog).to_be_hidden()

    def audited(self, reason: str, outcome: str | None = None) -> None:
        """The act stands on the timeline, under whoever did it, with what became of it."""
        trail = self.page.get_by_role("region", name="What people did")
        entry = trail.locator(".mantine-Timeline-item").filter(has_text=reason).last
        expect(entry).to_contain_text(outcome or reason)
