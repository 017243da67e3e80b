"""A block of the examples file → a table of its messages, column by column."""

from array import array
from dataclasses import dataclass
from itertools import pairwise
from operator import add

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.core.canonical import transcript
from datasets.core.conversation import Transcript
from datasets.core.readers.rows import LineBlock
from datasets.core.tokenization.counter import CountAll
from datasets.core.validation.native import Memory, Scanned, recall

ROLES = {
    "s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool",
    "f": "function",
}  # fmt: skip

NO_CALLS = (False, None, None)
# Type bytes of a list and a string in MessagePack; four bytes of size follow each.
LIST, STRING = b"\xdd", b"\xdb"

_decode_texts = msgspec.msgpack.Decoder(list[str]).decode
_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class MessageTable:
    """The messages of several examples, one after the other."""

    counts: NDArray[np.int64]  # tokens of each message
    characters: int
    roles: bytes  # the first letter of each role
    messages: NDArray[np.intp]  # number of messages of each example
    packed: list[bytes]  # texts of each example, see `_packed`
    keys: list[bytes]  # `key_of` of each example
    lengths: "array[int]"  # of each line without its line feed, bytes
    with_tools: int  # number of examples
    rich: dict[int, bytes]  # lines that may hold more than roles and texts, by example

    @property
    def starts(self) -> NDArray[np.intp]:
        """For each example, the position of its first message."""
        return np.cumsum(self.messages) - self.messages

    def texts(self, example: int) -> list[str]:
        """The texts of an example's messages."""
        head = LIST + int(self.messages[example]).to_bytes(4)
        return _decode_texts(head + self.packed[example])


def message_table_of(piece: LineBlock, count: CountAll, memory: Memory) -> MessageTable:
    scanned = recall(piece.text, memory)
    if scanned is not None:
        lines = scanned.lines[:-1]  # an empty line follows the last line feed
        if int(lines["size"].sum()) + len(lines) == len(piece.text):
            counts = _counts(scanned, count, memory)
            return _spliced(piece.text, scanned, lines, counts, count)
    return _read(piece.examples, count)


def _counts(scanned: Scanned, count: CountAll, memory: Memory) -> NDArray[np.int64]:
    counts = scanned.counts.astype(np.int64)
    new = np.array(count(_decode_texts(scanned.new)), np.uint32)
    memory.learn(scanned.new, new)
    unknown = np.flatnonzero(counts < 0)
    counts[unknown] = new[~counts[unknown]]
    return counts


def _read(lines: list[bytes], count: CountAll) -> MessageTable:
    found = list(map(transcript, lines))
    texts = [text for each in found for text in _texts(each)]
    return MessageTable(
        counts=np.array(count(texts), np.int64),
        characters=sum(map(len, texts)),
        roles=b"".join(map(_roles, found)),
        messages=np.array([len(each.messages) for each in found], np.intp),
        packed=[_packed(_texts(each)) for each in found],
        keys=list(map(key_of, found)),
        lengths=array("I", map(len, lines)),
        with_tools=sum(each.uses_tools for each in found),
        rich=dict(enumerate(lines)),
    )


def key_of(transcript: Transcript) -> bytes:
    """Equal for conversations with the same roles, contents and tool calls."""
    texts = _packed(_texts(transcript))
    return texts + _roles(transcript) + _calls(transcript)


def _calls(transcript: Transcript) -> bytes:
    calls = [
        (turn.content is None, turn.tool_calls, turn.function_call)
        for turn in transcript.messages
    ]
    if all(call == NO_CALLS for call in calls):
        return b""
    return _encoder.encode(calls)


def _packed(texts: list[str]) -> bytes:
    """Texts in MessagePack, as the native code writes them."""
    parts = [text.encode() for text in texts]
    return b"".join([STRING + len(part).to_bytes(4) + part for part in parts])


def _texts(transcript: Transcript) -> list[str]:
    # A transcript's content is text, with parts joined.
    return [turn.content or "" for turn in transcript.messages]  # type: ignore[misc]


def _roles(transcript: Transcript) -> bytes:
    return "".join([turn.role[0] for turn in transcript.messages]).encode()


def _spliced(
    text: bytes,
    scanned: Scanned,
    lines: NDArray[np.void],
    counts: NDArray[np.int64],
    count: CountAll,
) -> MessageTable:
    """Merges the lines that native code has read with those it left to Python."""
    messages = lines["messages"].astype(np.intp)
    rich = {
        place: _line(text, lines[place])
        for place in np.flatnonzero(messages == 0).tolist()
    }
    read = _read(list(rich.values()), count)
    places = np.repeat(np.cumsum(messages)[list(rich)], read.messages)
    roles = np.frombuffer(scanned.roles, np.uint8)
    roles = np.insert(roles, places, np.frombuffer(read.roles, np.uint8))
    packed, keys = _keys(scanned, lines)
    for at, place in enumerate(rich):
        packed[place], keys[place] = read.packed[at], read.keys[at]
    for place in np.flatnonzero(lines["has_calls"]).tolist():
        keys[place] += _calls(transcript(_line(text, lines[place])))
    messages[list(rich)] = read.messages
    with_tools = int((lines["has_tools"] | lines["has_calls"]).sum())
    return MessageTable(
        counts=np.insert(counts, places, read.counts),
        characters=scanned.characters + read.characters,
        roles=roles.tobytes(),
        messages=messages,
        packed=packed,
        keys=keys,
        lengths=array("I", lines["size"].tobytes()),
        with_tools=with_tools + read.with_tools,
        rich=rich,
    )


def _keys(scanned: Scanned, lines: NDArray[np.void]) -> tuple[list[bytes], list[bytes]]:
    """Packed texts, and keys without their calls, of lines that native code has
    read."""
    said, roles = scanned.said, scanned.roles
    ends = pairwise([0, *lines["end"].tolist()])
    packed = [said[start:end] for start, end in ends]
    places = pairwise([0, *np.cumsum(lines["messages"]).tolist()])
    letters = [roles[start:end] for start, end in places]
    return packed, list(map(add, packed, letters))


def _line(text: bytes, at: np.void) -> bytes:
    start = int(at["start"])
    return text[start : start + int(at["size"])]
