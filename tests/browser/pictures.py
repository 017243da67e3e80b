"""Takes the pictures in the documents from a running server.

.venv/bin/python tests/browser/pictures.py http://localhost:8000 docs/images
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDE, NARROW = (1000, 620), (360, 620)


def main(server: str, folder: Path) -> None:
    with sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        for name, (path, scheme, size) in pages(browser, server).items():
            window = browser.new_page(
                color_scheme=scheme,
                viewport={"width": size[0], "height": size[1]},
            )
            window.goto(path)
            window.screenshot(path=folder / f"{name}.png")
            window.close()
        browser.close()


def pages(browser: Browser, server: str) -> dict[str, tuple[str, str, tuple[int, int]]]:
    """Address, theme and size of each picture, of samples that are uploaded for it."""
    window = browser.new_page()
    window.goto(f"{server}/app/")
    window.get_by_role("button", name="Tool calls").click()
    tools = window.url
    window.goto(f"{server}/app/")
    window.get_by_role("button", name="Support chat").click()
    data = window.url
    window.goto(f"{data}training/?model=qwen3-1.7b")
    window.get_by_role("button", name="Make the notebook").click()
    return {
        "start": (f"{server}/app/", "light", WIDE),
        "data": (data, "light", WIDE),
        "data-narrow": (data, "dark", NARROW),
        "rows": (f"{tools}?row=2#row-2", "dark", WIDE),
        "row": (f"{tools}rows/2/?model=qwen3-1.7b", "light", WIDE),
        "repair": (
            f"{data}repair/?do=drop_exact_duplicates&do=fold_system",
            "light",
            WIDE,
        ),
        "model": (f"{data}model/", "light", WIDE),
        "training": (f"{data}training/?model=qwen3-1.7b&lora_rank=32", "dark", WIDE),
        "notebook": (window.url, "light", WIDE),
        "notebook-narrow": (window.url, "light", NARROW),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
