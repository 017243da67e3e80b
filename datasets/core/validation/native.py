"""Whole batches of lines read by native code, where it was built.

It finds the lines that are certain to be conversations without a fault, what is said in
conversations of the everyday form, and which of it was counted before (the crate
`native`). It is an addition: without it, and for every other line, the same is found
out in Python.
"""

import ctypes
import logging
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.core.validation.native_library import built_library
from datasets.core.validation.schema import MAX_MESSAGES, MAX_WHITE_SPACE
from datasets.core.validation.text_rules import (
    CLOSING,
    DUMMY,
    EMPTY_WORDS,
    FENCE,
    MAX_PLACEHOLDER,
    MIN_PROSE,
    MIN_SENTENCES,
    REFUSAL_STARTS,
    RULES,
    STOPS,
    UNFINISHED,
    Rule,
)

Result = TypeVar("Result")

logger = logging.getLogger("slmgen.native")

BLANK, OTHER, DOUBTFUL, CLEAN = range(4)
OF_ANSWERS, WINDOW, ODD = 1, 2, 4  # of a sign
MAX_CHARACTER = 4  # bytes
MAX_BYTES = 1 << 30  # of one batch: places in it are 32 bits
REMEMBERED_BYTES = 16_000_000
HASH_MASK = 2**64 - 1  # bits of a hash that count: all, but where one tests clashes

LINE = np.dtype(
    [
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


@dataclass(frozen=True)
class Scanned:
    lines: NDArray[np.void]  # as of `judge`
    said: bytes  # texts of the messages of lines that are not OTHER, in MessagePack
    roles: bytes  # the first letter of the role of each
    counts: NDArray[np.int32]  # tokens of each text; ~place of those in `new`
    new: bytes  # a list of texts that were not counted lately, in MessagePack
    characters: int  # of all texts


class _Text(ctypes.Structure):
    _fields_ = (("start", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Rules(ctypes.Structure):
    _fields_ = (
        ("signs", _Text),
        ("flags", _Text),
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

    def copied(self) -> bytes:
        return ctypes.string_at(self.start, self.size) if self.size else b""


class _Found(ctypes.Structure):
    _fields_ = (
        ("lines", _View),
        ("said", _View),
        ("roles", _View),
        ("counts", _View),
        ("new", _View),
        ("characters", ctypes.c_uint64),
    )


LAYOUTS = (
    ctypes.sizeof(_Text),
    ctypes.sizeof(_Rules),
    LINE.itemsize,
    ctypes.sizeof(_Found),
)


def is_built() -> bool:
    """Whether there is native code."""
    return _native() is not None


class Memory:
    """Texts that were counted lately, with their tokens; empty in each process.

    Several threads may use one.
    """

    def __init__(self) -> None:
        library = _native()
        self.handle: int | None = None
        if library is not None:
            self.handle = library.memory(REMEMBERED_BYTES, HASH_MASK)
            weakref.finalize(self, library.forget, self.handle)

    def __reduce__(self) -> tuple[Any, ...]:
        return Memory, ()

    def learn(self, new: bytes, counts: NDArray[np.uint32]) -> None:
        """The tokens of `Scanned.new`."""
        library = _native()
        if library is not None and self.handle is not None and len(counts):
            texts = _Text(new, len(new))
            library.learn(self.handle, texts, counts.ctypes.data, len(counts))


def judge(text: bytes) -> NDArray[np.void] | None:
    """As `LINE`, one for each line feed and one more; None without native code."""
    return _scan(text, _lines, rules=_rules())


def recall(text: bytes, memory: Memory) -> Scanned | None:
    """No line is CLEAN. `text` must be known to be UTF-8. None without native code."""
    return _scan(text, _scanned, memory=memory.handle)


def _scan(
    text: bytes,
    read: Callable[[_Found], Result],
    *,
    rules: _Rules | None = None,
    memory: int | None = None,
) -> Result | None:
    library = _native()
    if library is None or len(text) > MAX_BYTES:
        return None
    found = library.scan(_Text(text, len(text)), rules, memory)
    if not found:
        _tell_of_panic()
        return None
    try:
        return read(found.contents)
    finally:
        library.release(found)


def _lines(found: _Found) -> NDArray[np.void]:
    return np.frombuffer(found.lines.copied(), LINE)


def _scanned(found: _Found) -> Scanned:
    return Scanned(
        lines=_lines(found),
        said=found.said.copied(),
        roles=found.roles.copied(),
        counts=np.frombuffer(found.counts.copied(), np.int32),
        new=found.new.copied(),
        characters=found.characters,
    )


@cache  # once a process
def _tell_of_panic() -> None:
    logger.error(
        "Native code gave up on a batch of lines (standard error says where); "
        "Python reads such batches"
    )


@cache
def _native() -> ctypes.CDLL | None:
    path = built_library()
    if path is None:
        return None
    try:
        library = ctypes.CDLL(str(path))
        sizes = list((ctypes.c_size_t * len(LAYOUTS)).in_dll(library, "LAYOUT_SIZES"))
    except (OSError, ValueError) as error:  # of another kind of machine, or no such
        logger.warning("Native code is not used: %s", error)
        return None
    if sizes != list(LAYOUTS):
        logger.warning("Native code is not used: it has structures of other sizes")
        return None
    found, memory, size = ctypes.POINTER(_Found), ctypes.c_void_p, ctypes.c_size_t
    for function, takes, gives in (
        (library.scan, (_Text, ctypes.POINTER(_Rules), memory), found),
        (library.release, (found,), None),
        (library.memory, (size, ctypes.c_uint64), memory),
        (library.learn, (memory, _Text, ctypes.c_void_p, size), None),
        (library.forget, (memory,), None),
    ):
        function.argtypes, function.restype = takes, gives
    return library


@cache
def _rules() -> _Rules:
    signs = [
        (sign, _flags(rule))
        for rule in RULES
        for sign in rule.rarer_triggers or rule.triggers
    ]
    signs.append((FENCE, OF_ANSWERS + ODD))
    texts, flags = zip(*signs, strict=True)
    return _Rules(
        signs=_text("\0".join(texts)),
        flags=_text(bytes(flags)),
        window=max(rule.first_characters or 0 for rule in RULES) * MAX_CHARACTER,
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
    has_window = rule.first_characters is not None
    return rule.answers_only * OF_ANSWERS + has_window * WINDOW


def _text(text: str | bytes) -> _Text:
    data = text if isinstance(text, bytes) else text.encode()
    return _Text(data, len(data))
