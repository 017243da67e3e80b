"""Twelve broken uploads and what the start page says to each: the table of
docs/bad-files.md, from the real answers.

.venv/bin/python -m pytest tests/datasets/test_bad_files.py compares; with
WRITE_BAD_FILES=1 in the environment it writes.
"""

import html
import re
from dataclasses import dataclass

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import make_lines

LIMIT_BYTES = 5_000_000  # for the file that is too large


@dataclass(frozen=True)
class BadFile:
    name: str
    content: bytes


FILES = (
    BadFile("nothing in it", b""),
    BadFile("not UTF-8", make_lines(1) + b'{"messages": "caf\xe9"}\n'),
    BadFile("damaged gzip", b"\x1f\x8b\x08\x00damaged"),
    BadFile("too large", make_lines(1) + b" " * LIMIT_BYTES),
    BadFile("not JSON", b"User: hi\n"),
    BadFile("cut off in the middle", make_lines(1) + b'{"messages": [{"role": "us'),
    BadFile("no messages", b'{"text": "hi", "id": 1}\n'),
    BadFile("unknown role", b'{"messages": [{"role": "bot", "content": "hi"}]}\n'),
    BadFile(
        "content that is no text",
        b'{"messages": [{"role": "user", "content": 5}, '
        b'{"role": "assistant", "content": "hi"}]}\n',
    ),
    BadFile("no answer", b'{"messages": [{"role": "user", "content": "hi"}]}\n'),
    BadFile(
        "an empty answer",
        b'{"messages": [{"role": "user", "content": "hi"}, '
        b'{"role": "assistant", "content": ""}]}\n',
    ),
    BadFile("more than one bad line in ten", make_lines(6) + b'{"messages": []}\n'),
)
# Where it is, what was found, what was expected, how to fix it.
PARTS = re.compile(
    r"(Line [\d,]+|The (?:gzip )?file)(:| is) (.+?); expected (.+); (.+)\."
)


def sentences(client, file: BadFile) -> list[str]:
    """What the page says about the file, but for the count of good lines."""
    upload = SimpleUploadedFile("chat.jsonl", file.content)
    answer = client.post("/app/", {"file": upload})
    assert answer.status_code in {400, 413}
    text = answer.content.decode()
    found = re.findall(r"<li>(.+?)</li>", text.partition("</ul>")[0].partition(
        'role="alert"')[2]) or re.findall(r'role="alert">(.+?)</p>', text)  # fmt: skip
    return [
        html.unescape(each)
        for each in found
        if "of all" not in each or "can be trained on" not in each
    ]


def table(client) -> str:
    rows = ["| the file | where | found | expected | fix |", "|---|---|---|---|---|"]
    for file in FILES:
        for sentence in sentences(client, file):
            where, _, found, expected, fix = PARTS.fullmatch(sentence).groups()
            cells = [file.name, where, *(f"{each}" for each in (found, expected, fix))]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)
