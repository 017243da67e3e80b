"""What an example is: a list of messages, read from one JSON object."""

from typing import Any, Literal

import msgspec

SYSTEM_ROLES = frozenset({"system", "developer"})
TOOL_ROLES = frozenset({"tool", "function"})
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Message(msgspec.Struct, gc=False):
    role: Role
    content: str | list[Any] | None = None
    tool_calls: Any = None
    function_call: Any = None
    tool_call_id: Any = None
    name: Any = None
    weight: Any = None

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


class Conversation(msgspec.Struct, gc=False):
    messages: list[Message]
    tools: Any = None

    @property
    def user_turns(self) -> int:
        return sum(message.role == "user" for message in self.messages)

    @property
    def uses_tools(self) -> bool:
        return bool(self.tools) or any(
            message.role in TOOL_ROLES or bool(message.calls)
            for message in self.messages
        )

    @property
    def has_system(self) -> bool:
        return any(message.role in SYSTEM_ROLES for message in self.messages)
