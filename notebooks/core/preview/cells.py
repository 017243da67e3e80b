"""A notebook for display: code as text, markdown as blocks of plain spans.

Creates no HTML; the page escapes every text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import nbformat

SHOWN_LINES = 40
OPEN_LINES = 12  # shorter cells are not folded
SHOWN_CHARACTERS = 4_000
FENCE = "```"
SPAN = re.compile(
    r"(?P<code>`[^`]+`)|(?P<bold>\*\*[^*]+\*\*)|(?<!\\)(?P<text>\*[^*\s][^*]*\*)"
)
ESCAPED = re.compile(r"\\([\\`*_{}\[\]()<>#+\-.!|~$&:])")
BAR = re.compile(r"(?<!\\)\|")
ITEM = re.compile(r"\A\s*(?:[-*]|\d+\.) +(.*)")
HEADING = re.compile(r"\A(#+) +(.*)")


@dataclass(frozen=True)
class Span:
    kind: str  # text, code or bold
    text: str


@dataclass(frozen=True)
class Block:
    kind: str  # heading, text, item or code
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class ShownCell:
    number: int
    kind: str  # markdown or code
    blocks: list[Block]
    code: str
    lines_left_out: int

    @property
    def is_short(self) -> bool:
        return not self.lines_left_out and self.code.count("\n") < OPEN_LINES

    @property
    def title(self) -> str:
        """The first line, where it is a comment."""
        first = self.code.partition("\n")[0]
        return first.removeprefix("# ") if first.startswith("# ") else ""


def preview(content: bytes) -> list[ShownCell]:
    notebook = nbformat.reads(content.decode(), as_version=4)
    return [_shown(number, cell) for number, cell in enumerate(notebook.cells, 1)]


def _shown(number: int, cell: nbformat.NotebookNode) -> ShownCell:
    if cell.cell_type == "markdown":
        return ShownCell(number, "markdown", list(blocks(cell.source)), "", 0)
    lines = cell.source.splitlines()
    shown = "\n".join(lines[:SHOWN_LINES])[:SHOWN_CHARACTERS]
    left_out = max(len(lines) - shown.count("\n") - 1, 0)
    return ShownCell(number, "code", [], shown, left_out)


def blocks(source: str) -> Iterator[Block]:
    """Headings, items, fenced code, and paragraphs of joined lines."""
    paragraph: list[str] = []
    code: list[str] | None = None
    for line in source.splitlines():
        if line.strip().startswith(FENCE):
            if code is not None:
                yield Block("code", [Span("code", "\n".join(code))])
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif (block := _alone(line)) or not line.strip():
            yield from _joined(paragraph)
            paragraph = []
            if block and block.spans:
                yield block
        else:
            paragraph.append(line.strip())
    yield from _joined(paragraph)


def _alone(line: str) -> Block | None:
    if heading := HEADING.fullmatch(line):
        return Block("heading", spans(heading[2]))
    if item := ITEM.fullmatch(line):
        return Block("item", spans(item[1]))
    if line.startswith("|"):
        return _table_row(line)
    return None


def _table_row(line: str) -> Block:
    """The cells of a table row as one item; empty for its head and ruler."""
    cells = [cell.strip() for cell in BAR.split(line)]
    filled = [cell for cell in cells if cell.strip("-: ")]
    return Block("item", spans(": ".join(filled)))


def _joined(lines: list[str]) -> list[Block]:
    return [Block("text", spans(" ".join(lines)))] if lines else []


def spans(text: str) -> list[Span]:
    found, end = [], 0
    for match in SPAN.finditer(text):
        found.append(Span("text", _plain(text[end : match.start()])))
        kind = match.lastgroup or "text"
        found.append(Span(kind, _plain(match[0].strip("`*"))))
        end = match.end()
    found.append(Span("text", _plain(text[end:])))
    return [span for span in found if span.text]


def _plain(text: str) -> str:
    return ESCAPED.sub(r"\1", text)
