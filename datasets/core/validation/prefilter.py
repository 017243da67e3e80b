"""Which rows are examples without any fault, proved at a small part of the price.

Most rows are texts in turn, with no sign of anything. What is said here to have no
fault has none for `reading` and `review`, which look closely at all other rows.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import compress
from operator import itemgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.core.conversation import Message
from datasets.core.readers.json_text import is_too_deep
from datasets.core.readers.rows import Batch, LineBlock, SourceRow, rows_of
from datasets.core.validation.native import BLANK, DOUBTFUL, OTHER, SIGNS, judge
from datasets.core.validation.schema import MAX_MESSAGES, MAX_WHITE_SPACE
from datasets.core.validation.text_rules import (
    ESCAPE,
    FENCE,
    Rule,
    Sign,
    answer_faults,
    is_suspicious,
    signs_of,
)
from datasets.core.validation.tool_calls import call_faults
from datasets.core.validation.turn_order import SHAPES_KEPT, order_faults

NO_SIGNS: set[Sign] = set()
NESTED = {dict, list}
REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
OTHER_KEYS = 32  # of the rows of a file; one with more is looked at closely
ODD_KEY = re.compile(r'[\x00-\x1f"\\]')  # a decoder takes no such name


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, msgspec.Meta(min_length=1)]


class _Call(Message, forbid_unknown_fields=True, gc=False):
    """A message that may have calls, be the result of one, or have a text."""

    content: str | None = None


_Messages = list[_Text] | list[_Call]


Doubted = tuple[int, SourceRow, set[Sign] | None]  # place among all, row, signs


class Sifted(NamedTuple):
    """The rows of a batch, and those that must be looked at closely."""

    size: int
    doubted: list[Doubted]
    is_all: bool  # whether the rows, one a line, are all that there is in the batch
    texts: Callable[[], list[bytes]]  # of all rows


def unsifted(batch: Batch) -> Sifted:
    """All rows are to be looked at."""
    rows = rows_of(batch)
    doubted: list[Doubted] = [(place, row, None) for place, row in enumerate(rows)]
    return Sifted(len(rows), doubted, False, lambda: [row.text for row in rows])


def sift(batch: Batch) -> Sifted:
    """Of rows that are to be conversations as they are."""
    lines = judge(batch.text) if isinstance(batch, LineBlock) else None
    if isinstance(batch, LineBlock) and lines is not None:
        return _sifted(batch, lines)
    rows = rows_of(batch)
    texts = [row.text for row in rows]
    doubted: list[Doubted] = [
        (place, rows[place], signs) for place, signs in doubtful(texts).items()
    ]
    is_all = isinstance(batch, LineBlock) and _is_all(
        batch, sum(map(len, texts)), len(rows)
    )
    return Sifted(len(rows), doubted, is_all, lambda: texts)


def _sifted(batch: LineBlock, lines: NDArray[np.void]) -> Sifted:
    """Python looks only at those of which native code is not certain."""
    numbers = np.flatnonzero(lines["kind"] != BLANK)
    kept = lines[numbers]
    doubted: list[Doubted] = []
    for kind, look in ((OTHER, _proved), (DOUBTFUL, _told)):
        places = np.flatnonzero(kept["kind"] == kind)
        texts = _texts(batch.text, kept[places])
        for at, signs in look(texts, kept[places]):
            place = int(places[at])
            start = batch.offset + int(kept["start"][place])
            row = SourceRow(batch.line + int(numbers[place]), start, texts[at])
            doubted.append((place, row, signs))
    doubted.sort(key=itemgetter(0))
    return Sifted(
        size=len(kept),
        doubted=doubted,
        is_all=_is_all(batch, int(kept["size"].sum()), len(kept)),
        texts=partial(_texts, batch.text, kept),
    )


def _is_all(batch: LineBlock, size: int, rows: int) -> bool:
    """Whether rows of this size together, a line feed after each, are the batch."""
    # A blank line weighs as much as a line feed that is missing at the end.
    return size + rows == len(batch.text) and batch.text.endswith(b"\n")


def _texts(text: bytes, lines: NDArray[np.void]) -> list[bytes]:
    starts, sizes = lines["start"].tolist(), lines["size"].tolist()
    return [text[at : at + size] for at, size in zip(starts, sizes, strict=True)]


def _proved(
    texts: list[bytes], lines: NDArray[np.void]
) -> Iterable[tuple[int, set[Sign]]]:
    return doubtful(texts).items()


def _told(
    texts: list[bytes], lines: NDArray[np.void]
) -> Iterable[tuple[int, set[Sign]]]:
    return enumerate(map(_signs_of_bits, lines["signs"].tolist()))


@lru_cache(SHAPES_KEPT)
def _signs_of_bits(bits: int) -> set[Sign]:
    return {sign for place, sign in enumerate(SIGNS) if bits >> place & 1}


def doubtful(texts: Sequence[bytes]) -> dict[int, set[Sign]]:
    """Places and signs of the rows that are not certain to have no fault."""
    decode = _Decoder()
    signs = signs_of(texts)
    found = {}
    for place, text in enumerate(texts):
        messages, own = decode(text), signs.get(place, NO_SIGNS)
        if messages is None or not _is_faultless(messages, text, own):
            found[place] = own
    return found


class _Decoder:
    """Decodes rows; learns which keys beside the messages the rows of a file have.

    Known keys are decoded like all else: what is only skipped is not validated.
    """

    def __init__(self) -> None:
        self._know(frozenset())

    def __call__(self, text: bytes) -> _Messages | None:
        if len(text) >= MAX_WHITE_SPACE:
            return None
        try:
            found = self.texts(text)
        except REFUSALS:
            return self._calls(text) if b'"tool' in text else self._learn(text)
        if self.keys and _is_nested(found) and is_too_deep(text):
            return None
        messages: list[_Text] = found.messages
        return messages

    def _calls(self, text: bytes) -> _Messages | None:
        try:
            messages: list[_Call] = self.calls(text).messages
        except REFUSALS:
            return self._learn(text)
        if is_too_deep(text) or any(map(_is_odd, messages)) or call_faults(messages):
            return None
        return messages

    def _learn(self, text: bytes) -> _Messages | None:
        """Another look at a row with keys that were not known before."""
        try:
            keys = (frozenset(_keys(text)) | self.keys) - {"messages"}
        except REFUSALS:
            return None
        if keys == self.keys or len(keys) > OTHER_KEYS:
            return None
        if any(map(ODD_KEY.search, keys)):
            return None
        self._know(keys)
        return self(text)

    def _know(self, keys: frozenset[str]) -> None:
        self.keys = keys
        self.texts, self.calls = _decoder(keys, _Text), _decoder(keys, _Call)


_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@lru_cache(64)
def _decoder(keys: frozenset[str], message: type) -> Callable[[bytes], Any]:
    names = {f"key{number}": key for number, key in enumerate(sorted(keys))}
    limits = msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)
    row = msgspec.defstruct(
        "SourceRow",
        [
            ("messages", Annotated[list[message], limits]),  # type: ignore[valid-type]  # made here
            *((name, Any, None) for name in names),
        ],
        rename=names,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(row).decode


def _is_nested(row: Any) -> bool:
    """Whether there is a part whose depth the types do not limit."""
    return not NESTED.isdisjoint(map(type, msgspec.structs.astuple(row)[1:]))


def _is_odd(message: _Call) -> bool:
    """Has nothing to say, or a weight."""
    said = message.content
    return message.weight is not None or (
        (not said or said.isspace()) and not message.calls
    )


def _is_faultless(messages: _Messages, text: bytes, signs: set[Sign]) -> bool:
    answering = _answering(tuple([message.role for message in messages]))
    said = [message.content or "" for message in messages]
    if answering is None or any(map(str.isspace, said)):
        return False
    answers = list(compress(said, answering))
    for answer in answers:
        if is_suspicious(answer) and answer_faults(answer, 0):
            return False
    if ESCAPE in signs:
        if b"\\u0000" in text:
            return False
        signs = signs_of(["\n".join(said).encode()]).get(0, set())
    return not any(_means_fault(sign, said, answers) for sign in signs)


@lru_cache(SHAPES_KEPT)
def _answering(roles: tuple[str, ...]) -> tuple[bool, ...] | None:
    """For each message whether it is an answer; None when the order has a fault."""
    if order_faults(roles) or "user" not in roles:
        return None
    return tuple(role == "assistant" for role in roles)


def _means_fault(sign: Sign, said: list[str], answers: list[str]) -> bool:
    if sign == FENCE:
        return any(FENCE in answer and answer_faults(answer, 0) for answer in answers)
    if isinstance(sign, Rule):
        return any(map(sign.found_in, answers if sign.answers_only else said))
    return False
