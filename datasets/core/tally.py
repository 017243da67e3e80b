"""Counting: one pass over the conversations, memory independent of their number."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from datasets.core.conversations import SYSTEM_ROLES, Conversation, Message
from datasets.core.tokens import CountTokens

TOKEN_BUCKETS = {"0-100": 100, "100-500": 500, "500-1000": 1000, "1000+": None}
DIGEST_BYTES = 16

SCRIPTS = {
    "latin": "A-Za-zÀ-ɏ",
    "cyrillic": "Ѐ-ԯ",
    "greek": "Ͱ-Ͽ",
    "arabic": "؀-ۿݐ-ݿ",
    "hebrew": "֐-׿",
    "devanagari": "ऀ-ॿ",
    "bengali": "ঀ-৿",
    "thai": "฀-๿",
    "kana": "぀-ヿ",
    "hangul": "ᄀ-ᇿ가-힣",
    "han": "㐀-䶿一-鿿",
}
SCRIPT_PATTERNS = {name: re.compile(f"[{span}]+") for name, span in SCRIPTS.items()}
SCRIPT_SAMPLE_EVERY = 7  # examples; the shares are an estimate from every seventh


@dataclass(slots=True)
class Tally:
    """Figures of the examples added so far."""

    count_tokens: CountTokens
    examples: int = 0
    characters: int = 0
    tokens: int = 0
    answer_tokens: int = 0
    multi_turn: int = 0
    with_system: int = 0
    with_tools: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    buckets: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)

    def add(self, conversation: Conversation) -> int:
        """Counts one example and gives back its tokens."""
        messages = conversation.messages
        tokens = sum(self._add_message(message) for message in messages)
        if self.examples % SCRIPT_SAMPLE_EVERY == 0:
            self._add_scripts(messages)
        self.examples += 1
        self.tokens += tokens
        self.lengths[tokens] += 1
        self.buckets[bucket(tokens)] += 1
        self.multi_turn += conversation.user_turns > 1
        self.with_system += conversation.has_system
        self.with_tools += conversation.uses_tools
        return tokens

    def _add_message(self, message: Message) -> int:
        tokens = self.count_tokens(message.text)
        role = "system" if message.role in SYSTEM_ROLES else message.role
        self.roles[role] += 1
        self.characters += len(message.text)
        if role == "assistant":
            self.answer_tokens += tokens
        return tokens

    def _add_scripts(self, messages: list[Message]) -> None:
        text = " ".join(message.text for message in messages)[:10_000]
        for name, pattern in SCRIPT_PATTERNS.items():
            self.letters[name] += sum(map(len, pattern.findall(text)))

    def percentile(self, percent: int) -> int:
        """The length that `percent` of the examples do not exceed (nearest rank)."""
        rank = -(-self.examples * percent // 100)
        seen = 0
        for length in sorted(self.lengths):
            seen += self.lengths[length]
            if seen >= rank:
                return length
        return 0

    def scripts(self) -> dict[str, float]:
        total = self.letters.total()
        return {
            name: round(count / total, 4)
            for name, count in self.letters.most_common()
            if count
        }


def bucket(tokens: int) -> str:
    return next(
        name for name, end in TOKEN_BUCKETS.items() if end is None or tokens < end
    )


def digest(conversation: Conversation) -> bytes:
    """Equal for conversations with the same roles, contents and tool calls."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for message in conversation.messages:
        content = b"-" if message.content is None else message.text.encode()
        calls = msgspec.json.encode(message.calls, order="sorted")
        for part in (message.role.encode(), content, calls):
            state.update(b"%d " % len(part))
            state.update(part)
    return state.digest()
