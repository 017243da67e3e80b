"""How a model reads text: its vocabulary and its chat template."""

from dataclasses import dataclass
from typing import Literal

from datasets.core.tokenization.model_lengths import NormalForm

Marks = tuple[str, str]  # before and after

SYSTEM_ROLE = {
    "role": "yes",
    "refused": "no",
    "folded": "folded into the first user turn",
}


@dataclass(frozen=True)
class Vocabulary:
    name: str
    encoding: str | None = None  # None: no package carries it
    normal_form: NormalForm | None = None


@dataclass(frozen=True)
class ChatTemplate:
    """See catalog.toml for what each of these means."""

    family: str
    user: Marks
    assistant: Marks
    eos: str
    special: tuple[str, ...]
    system: Marks = ("", "")
    system_place: Literal["role", "refused", "folded"] = "role"
    default_system: str | None = None
    start: str = ""
    end: str = ""
    strips: bool = False
    thought: str = ""
    thought_in: Literal["after", "final", "all"] = "after"
    alternates: bool = False
    checked: bool = False

    @property
    def assistant_marker(self) -> str:
        """What an answer follows: with some, the end of the question."""
        before, _ = self.assistant
        return before if before.strip() else self.user[1]

    @property
    def turn_end(self) -> str:
        return self.assistant[1].strip()

    @property
    def system_role(self) -> str:
        """ "yes", "no", or how it is worked around."""
        return SYSTEM_ROLE[self.system_place]
