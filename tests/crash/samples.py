import json
import random

WORDS = [f"word{number}" for number in range(5_000)]


def rows(megabytes: float) -> bytes:
    """Conversations of random words: nothing in them is the same."""
    lines, size = [], 0
    while size < megabytes * 10**6:
        question, answer = (" ".join(random.choices(WORDS, k=60)) for _ in range(2))
        messages = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
        lines.append(json.dumps({"messages": messages}))
        size += len(lines[-1]) + 1
    return "\n".join(lines).encode() + b"\n"
