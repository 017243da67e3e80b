"""Parquet → one JSON object a row, a few rows in memory at a time."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.core.rows import Row, too_long
from slmgen.errors import InvalidInput, TooLarge

ROWS_AT_ONCE = 64
COPY_BYTES = 1 << 20
ROWS_WRITTEN_AT_ONCE = 1_000
# Columns of a written file whose cells are JSON text; "more" and "extra" hold the rest.
MORE = ("tool_calls", "function_call", "tool_call_id", "name", "weight", "more")
OWN_MARK = b"slmgen"


def rows(stream: BinaryIO, max_row_bytes: int, max_bytes: int) -> Iterator[Row]:
    """Raises InvalidInput for a damaged file and TooLarge, counted as JSON text."""
    with tempfile.TemporaryFile() as file, _readable():
        _copy(stream, file, max_bytes)
        table = pq.ParquetFile(file, pre_buffer=False)
        _check_size(table.metadata, max_bytes)
        is_own = OWN_MARK in (table.schema_arrow.metadata or {})
        number = written = 0
        for batch in table.iter_batches(ROWS_AT_ONCE, use_threads=False):
            for value in batch.to_pylist():
                number += 1
                text = _json(value, is_own)
                written += len(text)
                if written > max_bytes:
                    raise _too_large(max_bytes)
                fault = too_long(max_row_bytes) if len(text) > max_row_bytes else None
                yield Row(number, 0, b"" if fault else text, fault)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    # Values that Python has no form for, such as text that is not UTF-8 or a date in
    # the year 20,000, are ValueError and OverflowError.
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise InvalidInput(
            "The Parquet file is damaged, or of a kind that cannot be read; write it "
            "again, with plain columns of text, numbers or lists."
        ) from None


def _copy(stream: BinaryIO, file: Any, max_bytes: int) -> None:
    """Parquet is read from its end; the upload may be a stream that only goes on."""
    size = 0
    while chunk := stream.read(COPY_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        file.write(chunk)
    file.seek(0)


def _check_size(metadata: Any, max_bytes: int) -> None:
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"The file unpacks to more than {max_bytes // 10**6} MB; expected at most that "
        "much; split it."
    )


def _json(value: dict[str, Any], is_own: bool) -> bytes:
    plain = _plain(value)
    return msgspec.json.encode(_restored(plain) if is_own else plain, enc_hook=str)


def _plain(value: Any) -> Any:
    """Without the nulls that Parquet puts where a row's object lacks a key."""
    if isinstance(value, dict):
        return {
            str(key): _plain(part)
            for key, part in value.items()
            if part is not None or key == "content"
        }
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _restored(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it was before `write` put parts of it away as JSON text."""
    messages = [_unpacked(message, MORE) for message in row["messages"]]
    return {**_unpacked(row, ("tools", "extra")), "messages": messages}


def _unpacked(value: dict[str, Any], packed: tuple[str, ...]) -> dict[str, Any]:
    opened = {
        key: msgspec.json.decode(part) if key in packed else part
        for key, part in value.items()
    }
    more = {**opened.pop("more", {}), **opened.pop("extra", {})}
    return {**opened, **more}


MESSAGE = pa.struct([(name, pa.string()) for name in ("role", "content", *MORE)])
SCHEMA = pa.schema(
    [("messages", pa.list_(MESSAGE)), ("tools", pa.string()), ("extra", pa.string())],
    metadata={OWN_MARK: b"1"},
)


def write(rows: Iterator[dict[str, Any]], target: BinaryIO) -> None:
    """One row an example; what has no column of text is in one, as JSON."""
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        while batch := [_columns(row) for row in islice(rows, ROWS_WRITTEN_AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    extra = {key: row[key] for key in row if key not in {"messages", "tools"}}
    return {
        "messages": [_message(message) for message in row["messages"]],
        "tools": _text(row.get("tools")),
        "extra": _text(extra or None),
    }


def _message(message: dict[str, Any]) -> dict[str, str | None]:
    known = {name: _text(message.get(name)) for name in MORE if name != "more"}
    content = message.get("content")
    named = {"role", "content", *known}
    more = {key: message[key] for key in message if key not in named}
    if not isinstance(content, str | None):
        more["content"], content = content, None
    return {
        "role": message["role"],
        "content": content,
        **known,
        "more": _text(more or None),
    }


def _text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
