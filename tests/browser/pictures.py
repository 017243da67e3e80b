"""Takes the pictures in the documents: `make pictures`.

Sheets show every page in both themes and at both widths; single pictures show the top
of some. Chromium itself scales the pages and writes WebP, so nothing else is needed.
"""

import base64
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, Look, Visitor
from tests.browser.scenes import Scene, scenes_on
from tests.browser.stage import Stage, set_stage
from tests.conftest import started

LOOKS = [Look(width=w, scheme=s) for w in (1440, 360) for s in ("light", "dark")]
TALLEST = {1440: 1_500, 360: 1_150}  # pixels of a page that a sheet shows
SCALE = {1440: 0.6, 360: 1}  # of a page on a sheet
COLUMNS = {1440: 3, 360: 6}
QUALITY = 42
WIDE, NARROW = (1000, 620), (360, 620)


@dataclass(frozen=True)
class Single:
    """What the documents show alone: the top of a page."""

    scene: str
    scheme: str
    size: tuple[int, int]
    scale: float = 1


SINGLES = {
    "start": Single("start", "light", WIDE),
    "data": Single("data", "light", WIDE),
    "data-narrow": Single("data", "dark", NARROW),
    "rows": Single("rows", "dark", WIDE),
    "row": Single("row", "light", WIDE),
    "repair": Single("repair", "light", WIDE),
    "model": Single("model", "light", WIDE),
    "training": Single("training", "dark", WIDE),
    "notebook": Single("notebook", "light", WIDE),
    "notebook-narrow": Single("notebook", "light", NARROW),
    "job": Single("a running job", "light", (1120, 1060), scale=0.85),
}


@dataclass(frozen=True)
class Tile:
    scene: Scene
    picture: Path


def main(folder: Path) -> None:
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with (
        tempfile.TemporaryDirectory() as scratch,
        started(Path(scratch) / "var") as server,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        stage, places = set_stage(server, browser)
        scenes = scenes_on(places)
        take_singles(stage, scenes, folder)
        for look in LOOKS:
            tiles = take_tiles(stage, scenes, look, Path(scratch))
            for group, some in groupby(tiles, key=lambda tile: tile.scene.group):
                name = f"all-{group}-{look.width}-{look.scheme}.webp"
                lay_out(stage, look, list(some), folder / name)
        browser.close()


def take_singles(stage: Stage, scenes: Iterable[Scene], folder: Path) -> None:
    named = {scene.name: scene for scene in scenes}
    for name, single in SINGLES.items():
        scene, (width, height) = named[single.scene], single.size
        look = Look(width=width, scheme=single.scheme)
        scale = single.scale
        with stage.visitor(scene.who, look, device_scale_factor=scale) as visitor:
            visitor.page.set_viewport_size({"width": width, "height": height})
            show(stage, scene, visitor)
            visitor.page.screenshot(path=folder / f"{name}.png")


def show(stage: Stage, scene: Scene, visitor: Visitor) -> None:
    """Leads there; a page that does not fit, or complains, is no picture to show."""
    stage.notebook.report("beat", 66)  # or it would count as stalled
    scene.show(visitor)
    wide = "document.documentElement.scrollWidth - window.innerWidth"
    assert visitor.page.evaluate(wide) <= 0, f"{scene.name} is too wide"
    assert visitor.faults == [], scene.name


def take_tiles(
    stage: Stage, scenes: Iterable[Scene], look: Look, folder: Path
) -> list[Tile]:
    tiles = []
    for at, scene in enumerate(sorted(scenes, key=lambda scene: scene.group)):
        picture = folder / f"{at}-{look}.png"
        scale = SCALE[look.width]
        with stage.visitor(scene.who, look, device_scale_factor=scale) as visitor:
            show(stage, scene, visitor)
            y = visitor.page.evaluate("window.scrollY")
            tall = visitor.page.evaluate("document.documentElement.scrollHeight") - y
            clip = {
                "x": 0, "y": y, "width": look.width,
                "height": min(tall, TALLEST[look.width]),
            }  # fmt: skip
            visitor.page.screenshot(path=picture, full_page=True, clip=clip)
        tiles.append(Tile(scene, picture))
    return tiles


def lay_out(stage: Stage, look: Look, tiles: list[Tile], to: Path) -> None:
    """One picture of all tiles, each below its name."""
    width = int(look.width * SCALE[look.width])
    columns = min(COLUMNS[look.width], len(tiles))
    page = stage.browser.new_page(
        viewport={"width": columns * (width + 24) + 24, "height": 600}
    )
    page.set_content(sheet_of(tiles, width, columns))
    page.wait_for_load_state()
    write_webp(page, to)
    page.close()


def sheet_of(tiles: list[Tile], width: int, columns: int) -> str:
    figures = "".join(
        f"<figure><figcaption>{escape(tile.scene.name)}</figcaption>"
        f'<img width="{width}" src="data:image/png;base64,{encoded(tile.picture)}">'
        "</figure>"
        for tile in tiles
    )
    style = (
        "body { margin: 24px; background: #7d858c; font: 20px sans-serif; }"
        f"body {{ columns: {columns}; column-gap: 24px; }}"
        "figure { margin: 0 0 24px; break-inside: avoid; } img { display: block; }"
        "figcaption { padding: 4px 0; }"
    )
    return f"<!doctype html><style>{style}</style>{figures}"


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write_webp(page: Page, to: Path) -> None:
    """Through the protocol: playwright's own screenshots know no WebP."""
    size = (
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    width, height = page.evaluate(size)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot",
        {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True,
         "clip": clip},
    )  # fmt: skip
    to.write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
