"""The conversation: a list of messages, decoded from one JSON object."""

from typing import Any, Literal

import msgspec

SYSTEM_ROLES = frozenset({"system", "developer"})
TOOL_ROLES = frozenset({"tool", "function"})
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Turn(msgspec.Struct, gc=False, omit_defaults=True):
    """The part of a message that makes it equal to another: role, content and calls."""

    role: Role
    content: str | list[Any] | None = None
    tool_calls: Any = None
    function_call: Any = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part["text"] for part in self.content or ())

    @property
    def calls(self) -> Any:
        return self.tool_calls or self.function_call

    @property
    def is_blank(self) -> bool:
        return not self.calls and not self.text.strip()


class Message(Turn, gc=False):
    """A turn with the other fields of OpenAI's format."""

    tool_call_id: Any = None
    name: Any = None
    weight: Any = None


class Conversation(msgspec.Struct, gc=False):
    messages: list[Message]
    tools: Any = None


class Transcript(msgspec.Struct, gc=False):
    """A conversation as it is counted and compared."""

    messages: list[Turn]
    tools: Any = None

    @property
    def uses_tools(self) -> bool:
        if self.tools:
            return True
        for turn in self.messages:  # a loop; `any` with a generator takes twice as long
            if turn.tool_calls or turn.function_call or turn.role in TOOL_ROLES:
                return True
        return False


def whole_text(example: Transcript) -> str:
    """The text of an example, without system prompts, which repeat."""
    return "\n".join(
        [
            turn.content if type(turn.content) is str else turn.text
            for turn in example.messages
            if turn.role not in SYSTEM_ROLES
        ]
    )
