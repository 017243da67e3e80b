"""Lines of the examples file → who says what in them, in columns."""

from array import array
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.core.conversations import Transcript
from datasets.core.reading import transcript
from datasets.core.rows import Lines
from datasets.core.scan import Scanned, scan

ROLES = {
    "s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool",
    "f": "function",
}  # fmt: skip

NO_CALLS = (False, None, None)
LIST_HEAD = 5  # bytes

_decode_texts = msgspec.msgpack.Decoder(list[str]).decode
_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Speech:
    """The messages of several examples, one after the other."""

    texts: list[str]
    roles: bytes  # the first letter of each
    messages: NDArray[np.intp]  # of each example, how many
    keys: list[bytes]  # `key_of` each example
    lengths: "array[int]"  # of each line without its line feed, bytes
    with_tools: int  # examples
    rich: dict[int, bytes]  # lines in which there may be more than roles and texts

    @property
    def starts(self) -> NDArray[np.intp]:
        """Of each example, the place of its first message."""
        return np.cumsum(self.messages) - self.messages


def speech(piece: Lines) -> Speech:
    scanned = scan(piece.text, judged=False)
    if scanned is not None:
        lines = scanned.lines[:-1]  # nothing follows the last line feed
        if int(lines["size"].sum()) + len(lines) == len(piece.text):
            return _spliced(piece.text, scanned, lines)
    return _read(piece.examples)


def _read(lines: list[bytes]) -> Speech:
    found = list(map(transcript, lines))
    return Speech(
        texts=[text for each in found for text in _texts(each)],
        roles=b"".join(map(_roles, found)),
        messages=np.array([len(each.messages) for each in found], np.intp),
        keys=list(map(key_of, found)),
        lengths=array("I", map(len, lines)),
        with_tools=sum(each.uses_tools for each in found),
        rich=dict(enumerate(lines)),
    )


def key_of(transcript: Transcript) -> bytes:
    """Equal for conversations with the same roles, contents and tool calls."""
    texts = b"".join(map(_packed, _texts(transcript)))
    return texts + _roles(transcript) + _calls(transcript)


def _calls(transcript: Transcript) -> bytes:
    calls = [
        (turn.content is None, turn.tool_calls, turn.function_call)
        for turn in transcript.messages
    ]
    if all(call == NO_CALLS for call in calls):
        return b""
    return _encoder.encode(calls)


def _packed(text: str) -> bytes:
    """As native code writes it, in MessagePack."""
    data = text.encode()
    return b"\xdb" + len(data).to_bytes(4) + data


def _texts(transcript: Transcript) -> list[str]:
    # A transcript's parts of a text are joined.
    return [turn.content or "" for turn in transcript.messages]  # type: ignore[misc]


def _roles(transcript: Transcript) -> bytes:
    return "".join([turn.role[0] for turn in transcript.messages]).encode()


def _spliced(text: bytes, scanned: Scanned, lines: NDArray[np.void]) -> Speech:
    """What native code has read, and between it what it left to Python."""
    said, letters = scanned.said, scanned.roles
    texts = _decode_texts(said)
    ends = np.cumsum(lines["messages"]).tolist()
    keys = [
        said[start:end] + letters[first:last]
        for (start, end), (first, last) in zip(
            pairwise([LIST_HEAD, *lines["end"].tolist()]),
            pairwise([0, *ends]),
            strict=True,
        )
    ]
    messages = lines["messages"].astype(np.intp)
    with_tools = int((lines["has_tools"] | lines["has_calls"]).sum())
    for place in np.flatnonzero(lines["has_calls"]).tolist():
        keys[place] += _calls(transcript(_line(text, lines[place])))
    rich = {}
    all_texts: list[str] = []
    all_roles = []
    done = 0  # messages of `texts`
    for place in np.flatnonzero(messages == 0).tolist():
        end = ends[place]
        rich[place] = _line(text, lines[place])
        found = transcript(rich[place])
        all_texts += texts[done:end] + _texts(found)
        all_roles += [letters[done:end], _roles(found)]
        keys[place], messages[place] = key_of(found), len(found.messages)
        with_tools += found.uses_tools
        done = end
    return Speech(
        texts=all_texts + texts[done:],
        roles=b"".join([*all_roles, letters[done:]]),
        messages=messages,
        keys=keys,
        lengths=array("I", lines["size"].tobytes()),
        with_tools=with_tools,
        rich=rich,
    )


def _line(text: bytes, at: np.void) -> bytes:
    start = int(at["start"])
    return text[start : start + int(at["size"])]
