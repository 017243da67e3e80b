"""Whole batches of lines read by native code, where it was built.

It finds the lines that are certain to be conversations without a fault, and what is
said in conversations of the everyday form (`datasets/native/scan.rs`). It is an
addition: without it, and for every other line, the same is found out in Python.
"""

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from datasets.core.structure import MAX_MESSAGES, MAX_WHITE_SPACE
from datasets.core.texts import (
    CLOSING,
    DUMMY,
    EMPTY_WORDS,
    FENCE,
    MAX_PLACEHOLDER,
    MIN_PROSE,
    MIN_SENTENCES,
    REFUSAL_STARTS,
    REFUSAL_WINDOW,
    RULES,
    STOPS,
    UNFINISHED,
    Rule,
    Sign,
)
from datasets.native.build import built

logger = logging.getLogger(__name__)

BLANK, OTHER, DOUBTFUL, CLEAN = range(4)
OF_ANSWERS, WINDOW, ODD = 1, 2, 4  # of a sign
MAX_CHARACTER = 4  # bytes
MAX_BYTES = 1 << 30  # of one batch: places in it are 32 bits

LINE = np.dtype(
    [
        ("signs", "<u8"),  # bits: places in SIGNS
        ("start", "<u4"),  # in the text, without white space around it; bytes
        ("size", "<u4"),
        ("kind", "<u4"),
        ("has_tools", "<u4"),  # in a list beside the messages
        ("has_calls", "<u4"),  # of tools, or results of some
        ("messages", "<u4"),  # 0 if it is OTHER
        ("end", "<u4"),  # of its texts in `said`
    ],
    align=True,
)
SIGNS: tuple[Sign, ...] = (*RULES, FENCE)


@dataclass(frozen=True)
class Scanned:
    lines: NDArray[np.void]  # `LINE`, one for each line feed and one more
    said: bytes  # texts of the messages of lines that are not OTHER, in MessagePack
    roles: bytes  # the first letter of the role of each


class _Text(ctypes.Structure):
    _fields_ = (("start", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Rules(ctypes.Structure):
    _fields_ = (
        ("signs", _Text),
        ("flags", _Text),
        ("bits", _Text),
        ("window", ctypes.c_size_t),
        ("starts", _Text),
        ("ends", _Text),
        ("stops", _Text),
        ("sentences", ctypes.c_size_t),
        ("prose", ctypes.c_size_t),
        ("closings", _Text),
        ("words", _Text),
        ("short", ctypes.c_size_t),
        ("max_line", ctypes.c_size_t),
        ("max_messages", ctypes.c_size_t),
    )


class _View(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))

    def copied(self, width: int = 1) -> bytes:
        size = self.size * width
        return ctypes.string_at(self.start, size) if size else b""


class _Found(ctypes.Structure):
    _fields_ = (("lines", _View), ("said", _View), ("roles", _View))


def scan(text: bytes, *, judged: bool) -> Scanned | None:
    """None where there is no native code. If it is not `judged`, no line is CLEAN.

    What is not judged must be known to be UTF-8.
    """
    call = _native()
    if call is None or len(text) > MAX_BYTES:
        return None
    return call(text, judged)


@cache
def _native() -> Callable[[bytes, bool], Scanned | None] | None:
    path = built()
    if not path.exists():
        return None
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:  # of another kind of machine
        logger.warning("Native code is not used: %s", error)
        return None
    library.scan.argtypes = (_Text, ctypes.POINTER(_Rules))
    library.scan.restype = ctypes.POINTER(_Found)
    library.release.argtypes = (ctypes.POINTER(_Found),)
    library.release.restype = None
    rules = ctypes.byref(_rules())

    def call(text: bytes, judged: bool) -> Scanned | None:
        found = library.scan(_Text(text, len(text)), rules if judged else None)
        if not found:
            return None
        try:
            return Scanned(
                np.frombuffer(found.contents.lines.copied(LINE.itemsize), LINE),
                found.contents.said.copied(),
                found.contents.roles.copied(),
            )
        finally:
            library.release(found)

    return call


def _rules() -> _Rules:
    signs = [
        (sign, _flags(rule), SIGNS.index(rule))
        for rule in RULES
        for sign in rule.openings or rule.signs
    ]
    signs.append((FENCE, OF_ANSWERS + ODD, SIGNS.index(FENCE)))
    texts, flags, bits = zip(*signs, strict=True)
    return _Rules(
        signs=_text("\0".join(texts)),
        flags=_text(bytes(flags)),
        bits=_text(bytes(bits)),
        window=REFUSAL_WINDOW * MAX_CHARACTER,
        starts=_text("\0".join([*REFUSAL_STARTS, DUMMY])),
        ends=_text("".join(UNFINISHED)),
        stops=_text(STOPS),
        sentences=MIN_SENTENCES,
        prose=MIN_PROSE,
        closings=_text("".join(CLOSING)),
        words=_text("\0".join(EMPTY_WORDS)),
        short=MAX_PLACEHOLDER,
        max_line=MAX_WHITE_SPACE,
        max_messages=MAX_MESSAGES,
    )


def _flags(rule: Rule) -> int:
    return rule.of_answers * OF_ANSWERS + (rule.window is not None) * WINDOW


def _text(text: str | bytes) -> _Text:
    data = text if isinstance(text, bytes) else text.encode()
    return _Text(data, len(data))
