"""A real browser before a real server: Debian's chromium, driven by playwright."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.jobs import make_support

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ACCOUNT = ("me", "correct-horse-battery")


@dataclass(frozen=True)
class Look:
    script: bool = True
    width: int = 1440
    scheme: str = "light"

    def __str__(self) -> str:
        return f"{'script' if self.script else 'plain'}-{self.width}-{self.scheme}"


@dataclass
class Visitor:
    """A browser window that minds what no page may do."""

    page: Page
    address: str
    look: Look
    refused: int = 0  # the status that the last page was meant to have
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))

    def _heard(self, message) -> None:
        # Chromium reports every page with an error status, also where it is meant.
        expected = self.refused and f"status of {self.refused}" in message.text
        if message.type in {"error", "warning"} and not expected:
            self.faults.append(message.text)

    def _asked(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"asked {request.url}")

    def open(self, path: str, status: int = 200) -> None:
        self.refused = 0 if status == 200 else status
        answer = self.page.goto(self.address + path)
        assert answer.status == status

    def check(self) -> None:
        """The page is accessible, fits the window, and did nothing forbidden."""
        self.page.wait_for_load_state()
        assert self.faults == []
        assert self.page.locator("h1").count() == 1
        if self.look.script:
            assert violations(self.page) == []
            wide = "document.documentElement.scrollWidth - window.innerWidth"
            assert self.page.evaluate(wide) <= 0


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [(each["id"], node["html"]) for each in found for node in each["nodes"]]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: install chromium, or set CHROMIUM.")
    with sync_playwright() as driver:
        # Its sandbox refuses root, who runs tests in most containers.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, server):
    """Opens windows; what they were not allowed to do fails the test."""
    visitors = []

    def opened(look: Look = Look()) -> Visitor:
        context = chromium.new_context(
            viewport={"width": look.width, "height": 900},
            color_scheme=look.scheme,
            java_script_enabled=look.script,
        )
        visitor = Visitor(context.new_page(), f"http://localhost:{server[0]}", look)
        visitors.append(visitor)
        return visitor

    yield opened
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.faults == []


@pytest.fixture(scope="session")
def account(server) -> tuple[str, str]:
    """Name and password of somebody who may sign in."""
    make_support(server, *ACCOUNT)
    return ACCOUNT
