"""Detects the writing systems of a text by its letters."""

import string
from collections import Counter

import numpy as np

SPANS = {
    "latin": ("AZ", "az", "Àɏ"),
    "cyrillic": ("Ѐԯ",),
    "greek": ("ͰϿ",),
    "arabic": ("\u0600\u06ff", "\u0750\u077f"),
    "hebrew": ("\u0590\u05ff",),
    "devanagari": ("\u0900\u097f",),
    "bengali": ("\u0980\u09ff",),
    "thai": ("\u0e00\u0e7f",),
    "kana": ("\u3040\u30ff",),
    "hangul": ("\u1100\u11ff", "가힣"),
    "han": ("\u3400\u4dbf", "\u4e00\u9fff"),
}
NAMES = tuple(SPANS)
PLANE = 1 << 16  # letters beyond the first Unicode plane are not counted


def _table() -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    table = np.full(PLANE, len(NAMES), np.uint8)
    for number, spans in enumerate(SPANS.values()):
        for span in spans:
            table[ord(span[0]) : ord(span[1]) + 1] = number
    return table


TABLE = _table()


def letters(text: str) -> Counter[str]:
    """Number of letters of each writing system."""
    if text.isascii():  # Latin letters only
        rest = text.encode().translate(None, string.ascii_letters.encode())
        return Counter(latin=len(text) - len(rest))
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    numbers = TABLE[np.minimum(codes, PLANE - 1)]
    counts = np.bincount(numbers, minlength=len(NAMES) + 1)
    return Counter({name: int(n) for name, n in zip(NAMES, counts, strict=False) if n})
