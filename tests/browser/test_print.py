"""What a printer makes of a page: a report without what only a screen can do."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

OF_THE_SCREEN = ["nav", "form", "button", ".button", "select", "input"]


def test_on_paper_a_report_is_text_without_controls(visit):
    visitor = visit()
    page = visitor.page
    visitor.open("/app/")
    page.get_by_role("button", name="Support chat").click()
    page.get_by_role("heading", name="Quality score").wait_for()
    folded = page.locator("figure table")
    for name in OF_THE_SCREEN:
        expect(page.locator(f"{name}:visible").first).to_be_visible()
    expect(folded).to_be_hidden()

    page.emulate_media(media="print")

    for name in OF_THE_SCREEN:
        expect(page.locator(f"{name}:visible")).to_have_count(0)
    for heading in ("Quality score", "What needs attention", "Tokens per row", "Roles"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(folded).to_be_visible()
