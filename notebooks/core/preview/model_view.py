"""A conversation as a model reads it, and the part of it that is trained on.

Runs the functions of the notebook's own cell with a stand-in for the tokenizer, so that
page and notebook cannot disagree about what is trained on.
"""

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from types import CodeType
from typing import Any

from notebooks.core.building.percent import Cell
from notebooks.core.preview.chat_templates import StandIn, TemplateRefuses
from recommender.core.catalog.chat_template import ChatTemplate

SHOWN_CHARACTERS = 24_000
TAG = "mask"
NAMES = frozenset({
    "render", "text_of", "prepared", "with_object", "fitted", "find_end_of_turn",
    "answer_start", "answer_spans", "encode",
})  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """Consecutive text of one kind."""

    text: str
    is_graded: bool


@dataclass(frozen=True)
class ModelView:
    pieces: list[Piece]
    unit: str  # tokens, or characters where there is no vocabulary
    graded: int
    seen: int
    characters_left_out: int
    why_not: str = ""  # why the notebook would skip this conversation
    is_unknown: bool = False  # only the model's own template can decide
    notes: tuple[str, ...] = ()

    def tokens_over(self, limit: int) -> int:
        return max(self.seen - limit, 0) if self.unit == "tokens" else 0


def mask_code(cells: Iterable[Cell]) -> CodeType:
    """The notebook's functions that mask tokens, without the code that runs them."""
    source = next(cell.source for cell in cells if TAG in cell.tags)
    tree = ast.parse(source)
    kept = [node for node in tree.body if _is_kept(node)]
    found = {node.name for node in kept if isinstance(node, ast.FunctionDef)}
    if missing := NAMES - found:
        raise LookupError(f"the notebook has no longer: {', '.join(sorted(missing))}")
    return compile(ast.Module(kept, []), "<the notebook>", "exec")


def _is_kept(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in NAMES
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "TEMPLATE"
        for target in node.targets
    )


def model_view_of(
    row: Mapping[str, Any], code: CodeType, tokenizer: StandIn, notes: tuple[str, ...]
) -> ModelView:
    """`code` comes from `mask_code`."""
    names: dict[str, Any] = {"tokenizer": tokenizer, "THINKING": False, "json": json}
    exec(code, names)  # noqa: S102  # our own program, the same that is in every notebook
    names["END_OF_TURN"] = names["find_end_of_turn"]()
    unit = "characters" if tokenizer.encode is None else "tokens"
    try:
        messages = names["fitted"](row["messages"], row.get("tools"))
        full, spans = names["answer_spans"](messages, row.get("tools"))
        if tokenizer.encode is None:
            parts = _by_characters(full, spans)
        else:
            parts = _by_tokens(full, tokenizer, names["encode"](row)[1])
    except (TemplateRefuses, ValueError, KeyError, IndexError) as error:
        if uses_tools(row):
            return ModelView([], unit, 0, 0, 0, "", True, notes)
        return ModelView([], unit, 0, 0, 0, str(error), False, notes)
    graded = sum(count for _, is_graded, count in parts if is_graded)
    seen = sum(count for _, _, count in parts)
    pieces = _joined(parts)
    left_out = max(len(full) - SHOWN_CHARACTERS, 0)
    return ModelView(_first(pieces), unit, graded, seen, left_out, notes=notes)


Part = tuple[str, bool, int]  # text, whether it is trained on, tokens or characters


def _by_characters(full: str, spans: list[tuple[int, int]]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for start, end in spans:
        parts += [
            (full[at:start], False, start - at),
            (full[start:end], True, end - start),
        ]
        at = end
    return [*parts, (full[at:], False, len(full) - at)]


def _by_tokens(full: str, tokenizer: StandIn, labels: list[int]) -> list[Part]:
    """A token that is part of a character has no text of its own."""
    offsets = tokenizer(full)["offset_mapping"]
    starts = [start for start, _ in offsets] + [len(full)]
    return [
        (full[starts[at] : starts[at + 1]], label != -100, 1)
        for at, label in enumerate(labels)
    ]


def _joined(parts: list[Part]) -> list[Piece]:
    return [
        Piece("".join(text for text, _, _ in group), is_graded)
        for is_graded, group in groupby(parts, key=lambda part: part[1])
    ]


def _first(pieces: list[Piece]) -> list[Piece]:
    shown, left = [], SHOWN_CHARACTERS
    for piece in pieces:
        if left > 0 and piece.text:
            shown.append(Piece(piece.text[:left], piece.is_graded))
        left -= len(piece.text)
    return shown


def uses_tools(row: Mapping[str, Any]) -> bool:
    return bool(row.get("tools")) or any(
        message.get("tool_calls") or message["role"] in {"tool", "function"}
        for message in row["messages"]
    )


def notes_on(
    row: Mapping[str, Any], template: ChatTemplate, has_vocabulary: bool
) -> tuple[str, ...]:
    """What this view cannot show."""
    notes = []
    if not has_vocabulary:
        notes.append(
            "No package here carries this model's vocabulary: counted in characters, "
            "not in tokens."
        )
    if not template.checked:
        notes.append(
            "Drawn from the markers in the catalog; the model's own template was not "
            "at hand to compare with."
        )
    messages = row["messages"]
    if uses_tools(row):
        notes.append(
            "Each template writes functions, calls and results in a way of its own: "
            "calls stand here as JSON, and definitions are left out."
        )
    roles = [message["role"] for message in messages]
    if any(first == second for first, second in pairwise(roles)):
        notes.append(
            "Two messages of one role follow each other, which some templates join."
        )
    if not {"system", "developer"}.isdisjoint(roles[1:]):
        notes.append("A system prompt is not the first message; some templates refuse.")
    if any("<think>" in str(message.get("content")) for message in messages):
        notes.append(
            "This row holds thinking, which templates may leave out of earlier answers."
        )
    return tuple(notes)
