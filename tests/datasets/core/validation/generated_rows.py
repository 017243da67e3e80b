"""Rows with and without faults, for tests that compare two ways to read them."""

import json
from contextlib import suppress

from hypothesis import strategies as st

from tests.sources import own, real

CLEAN_ROWS = [own("office_tasks.chat.jsonl"), real("user_oriented_252.chat.jsonl")]
PIECES = [
    "<|im_end|>", "</s>", "<s> [INST]", "[/INST]", "<</SYS>>", "<end_of_turn>", "<b>",
    "</think>", "<tool_call>", "<｜end｜>", "{{ name }}", "{{", "As an AI", "As a AI",
    "as an artificial intelligence", "I'm just a language model", "Sorry, I cannot",
    "I can’t", "We must decline", "作为一个AI", "抱歉，我无法", "对不起", "Ã©", "Â ",
    "â€™", "\ufffd", "ÐŸÑ€", "café", "tbd", " N/A ", "[your answer]", "<insert it>",
    "lorem ipsum dolor sit", "```", "", " ", "\n", "\u3000", "\0", "...", "?", "yes",
    "One sentence. Another one! And then five more words, which", "汉字", "😀",
    "a" * 61,
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=4).map("".join)
CALL = {"id": "a", "type": "function",
        "function": {"name": "f", "arguments": '{"x": "<|end|>"}'}}  # fmt: skip
ROLES = st.sampled_from(["user", "assistant"]) | st.sampled_from(
    ["system", "developer", "tool", "function", "User"]
)


def nested(levels):
    return [nested(levels - 1)] if levels else []


MESSAGES = st.fixed_dictionaries(
    {"role": ROLES, "content": TEXTS},
    optional={
        "weight": st.sampled_from([0, 1, 2]),
        "tool_calls": st.sampled_from([[{}], [CALL], [{**CALL, "id": 5}], [], CALL]),
        "tool_call_id": st.sampled_from(["a", 5, None]),
        "name": st.just("f"),
    },
)
ROWS = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, max_size=5)},
    optional={"id": st.integers(), "tools": st.just([{"a": {"b": [{}]}}]),
              "note": st.just("a\0b"), "big": st.just(2**70), 'odd"key': st.just([]),
              "deep": st.sampled_from([40, 70]).map(nested)},
)  # fmt: skip
TURNS = st.lists(TEXTS, min_size=1, max_size=3).map(
    lambda texts: {
        "messages": [
            {"role": role, "content": text}
            for text in texts
            for role, text in (("user", "q"), ("assistant", text))
        ]
    }
)


def spellings(row):
    yield json.dumps(row).encode()
    yield json.dumps(row).replace("/", "\\/").encode()
    with suppress(UnicodeEncodeError):  # half a character
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
