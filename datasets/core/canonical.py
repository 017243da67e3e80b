"""A line of the examples file → its conversation. Lines were validated when written."""

import msgspec

from datasets.core.conversation import Conversation, Message, Transcript, Turn


class _TextTurn(Turn, gc=False):
    content: str | None = None


class _TextTranscript(Transcript, gc=False):
    messages: list[_TextTurn]  # type: ignore[assignment]  # narrower on purpose


_transcript = msgspec.json.Decoder(Transcript)


_text_transcript = msgspec.json.Decoder(_TextTranscript)


def transcript(line: bytes) -> Transcript:
    """The conversation of a line, without validation."""
    try:
        return _text_transcript.decode(line)
    except msgspec.ValidationError:
        found = _transcript.decode(line)
    for turn in found.messages:
        if isinstance(turn.content, list):
            turn.content = turn.text  # joins the parts of a content
    return found


_weighted = msgspec.json.Decoder(Conversation)


def weighted(line: bytes) -> list[Message]:
    """The messages of a line, with their weights."""
    return _weighted.decode(line).messages
