"""What an example is: a list of messages, read from one JSON object."""

from dataclasses import dataclass

SYSTEM_ROLES = frozenset({"system", "developer"})
TOOL_ROLES = frozenset({"tool", "function"})
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str | None
    tool_calls: bytes = b""  # as canonical JSON; empty when there are none

    @property
    def text(self) -> str:
        return self.content or ""

    @property
    def is_blank(self) -> bool:
        return not self.tool_calls and not self.text.strip()


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: tuple[Message, ...]
    has_tools: bool = False

    @property
    def user_turns(self) -> int:
        return sum(message.role == "user" for message in self.messages)

    @property
    def uses_tools(self) -> bool:
        return self.has_tools or any(
            bool(message.tool_calls) or message.role in TOOL_ROLES
            for message in self.messages
        )

    @property
    def has_system(self) -> bool:
        return any(message.role in SYSTEM_ROLES for message in self.messages)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one line of the uploaded file."""

    line: int
    kind: str
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line:,}: {self.sentence}"
