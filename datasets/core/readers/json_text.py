"""JSON text → a value, or the fault that explains why there is none."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from datasets.core.faults import catalog
from datasets.core.faults.fault import Fault
from datasets.core.readers.json_array import STRUCTURE

MAX_DEPTH = 64
# Commas and brackets of one row, outside its texts. What shows a row makes an object of
# each value, and answers nobody else meanwhile. No row shorter than MAX_WHITE_SPACE has
# so many ("[]," is two), so those who read only such rows need not count.
MAX_SIGNS = 150_000
SIGNS = (b",", b"[", b"{")
SURROGATE = re.compile("[\ud800-\udfff]")

_decoder = msgspec.json.Decoder()


def decode(text: bytes) -> Any:
    """Strict JSON (RFC 8259), within limits that every later reader can handle.

    Raises Fault; UnicodeDecodeError when `text` is not UTF-8.
    """
    if fault := nesting_fault(text):
        raise fault
    try:
        value = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _explained(text, error) from None
    if b"\\u0000" in text and any("\0" in string for string in _strings(value)):
        raise Fault(catalog.NUL, found="a NUL character (\\u0000) is in the text")
    return value


def nesting_fault(text: bytes) -> Fault | None:
    """Why readers would fail on the text, or take long, although it may be valid
    JSON."""
    if is_too_deep(text):
        found = f"the JSON is nested more than {MAX_DEPTH} levels deep"
        return Fault(catalog.DEPTH, found=found)
    if _has_too_many_signs(text):
        return Fault(
            catalog.LENGTH,
            found=f"more than {MAX_SIGNS:,} commas and brackets outside the texts",
            expected="a conversation, which is mostly text",
            fix="leave out keys with long lists of values, or split it",
        )
    return None


def _has_too_many_signs(text: bytes) -> bool:
    if len(text) <= MAX_SIGNS or sum(map(text.count, SIGNS)) <= MAX_SIGNS:
        return False
    found = sum(match[0] in SIGNS for match in STRUCTURE.finditer(text))
    return found > MAX_SIGNS


def is_too_deep(text: bytes) -> bool:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in STRUCTURE.finditer(text):
        token = match[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            return True
    return False


def _explained(text: bytes, error: Exception) -> Fault:
    """The decoder's error in our words; its own are about bytes, not about data."""
    decoded = text.decode()  # not UTF-8: the caller knows the position in the file
    if isinstance(error, msgspec.ValidationError):
        return Fault(catalog.NUMBER, found="a number is too large to be kept exactly")
    try:
        value = json.loads(decoded, parse_constant=_refuse_constant)
    except json.JSONDecodeError as fault:
        return _not_json(_place(fault))
    except (ValueError, RecursionError) as fault:
        return _not_json(str(fault))
    if any(SURROGATE.search(string) for string in _strings(value)):
        found = "the text holds an unpaired surrogate (\\ud800 to \\udfff)"
        return Fault(catalog.SURROGATE, found=found)
    return _not_json("it is no value")


def _not_json(reason: str) -> Fault:
    return Fault(catalog.JSON, found=f"not valid JSON: {reason}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _place(fault: json.JSONDecodeError) -> str:
    if fault.msg.startswith("Extra data"):
        return f"text follows the object at column {fault.colno:,}"
    return f"{fault.msg.removesuffix(' at')} at column {fault.colno:,}"


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
