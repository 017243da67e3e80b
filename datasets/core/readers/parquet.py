"""Parquet → one JSON object a row, a few rows in memory at a time.

A few bytes of a Parquet file can stand for millions of values: a repeated text is
stored once. So texts stay dictionary indices until the size of each row is known; a row
over the limit is never built.
"""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datasets.core.readers.rows import SourceRow, too_long
from slmgen.errors import InvalidInput, TooLarge

ROWS_AT_ONCE = 4_096
VALUES_AT_ONCE = 1_000_000
BYTES_AT_ONCE = 8 * 10**6  # of rows that are Python objects at the same time
MAX_LEAVES = 1_000
COPY_BYTES = 1 << 20
ROWS_WRITTEN_AT_ONCE = 1_000
# Columns of a written file whose cells are JSON text; "more" and "extra" hold the rest.
MORE = ("tool_calls", "function_call", "tool_call_id", "name", "weight", "more")
OWN_MARK = b"slmgen"

Sizes = NDArray[np.int64]


def rows(stream: BinaryIO, max_row_bytes: int, max_bytes: int) -> Iterator[SourceRow]:
    """Raises InvalidInput for a damaged file; TooLarge, by the size as JSON text."""
    with tempfile.TemporaryFile() as file, _readable():
        _copy(stream, file, max_bytes)
        metadata = pq.read_metadata(file)
        _check_size(metadata, max_bytes)
        file.seek(0)
        table = pq.ParquetFile(file, pre_buffer=False, read_dictionary=_texts(metadata))
        is_own = OWN_MARK in (table.schema_arrow.metadata or {})
        written = 0
        for number, value in enumerate(_values(table, max_row_bytes), 1):
            text = b"" if value is None else _json(value, is_own)
            written += len(text)
            if written > max_bytes:
                raise _too_large(max_bytes)
            is_long = value is None or len(text) > max_row_bytes
            fault = too_long(max_row_bytes) if is_long else None
            yield SourceRow(number, 0, b"" if fault else text, fault)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except MemoryError:  # Arrow's memory error is both this and an ArrowException
        raise
    # Values without a Python equivalent, such as text that is not UTF-8 or a date in
    # the year 20,000, raise ValueError and OverflowError.
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise InvalidInput(
            "The Parquet file is damaged, or of a kind that cannot be read; write it "
            "again, with plain columns of text, numbers or lists."
        ) from None


def _texts(metadata: Any) -> list[str]:
    """Paths of text columns. Arrow cannot read keys of maps as a dictionary."""
    leaves = [metadata.schema.column(n) for n in range(metadata.num_columns)]
    return [
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY" and ".key_value." not in leaf.path
    ]


def _values(table: Any, max_row_bytes: int) -> Iterator[dict[str, Any] | None]:
    """Each row as Python values; None for one that is too large."""
    for group in range(table.metadata.num_row_groups):
        at_once = _rows_at_once(table.metadata.row_group(group))
        for batch in table.iter_batches(at_once, row_groups=[group], use_threads=False):
            yield from _values_of(batch, max_row_bytes)


def _rows_at_once(group: Any) -> int:
    """As many rows as hold few values and bytes, if all rows are alike."""
    columns = [group.column(n) for n in range(group.num_columns)]
    values = sum(column.num_values for column in columns)
    size = sum(column.total_uncompressed_size for column in columns)
    share = min(VALUES_AT_ONCE / max(values, 1), BYTES_AT_ONCE / max(size, 1), 1.0)
    return min(max(int(group.num_rows * share), 1), ROWS_AT_ONCE)


def _values_of(batch: Any, max_row_bytes: int) -> Iterator[dict[str, Any] | None]:
    sizes = sum((_sizes(column) for column in batch.columns), np.zeros(len(batch), int))
    start = 0
    while start < len(batch):
        if sizes[start] > max_row_bytes:
            yield None
            start += 1
            continue
        ends = np.cumsum(sizes[start:])
        fitting = int(np.searchsorted(ends, BYTES_AT_ONCE, "right"))
        count = max(fitting, 1)
        large = np.flatnonzero(sizes[start : start + count] > max_row_bytes)
        count = int(large[0]) if len(large) else count
        yield from _unfolded(batch.slice(start, count))
        start += count


def _unfolded(batch: Any) -> list[dict[str, Any]]:
    """Replaces dictionary indices with their texts, which would take long in Python."""
    names = batch.schema.names
    cells = [_unfolded_column(column).to_pylist() for column in batch.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def _unfolded_column(column: Any) -> Any:
    kind = _unfolded_type(column.type)
    if kind == column.type:
        return column
    try:
        return column.cast(kind)
    # Nesting that Arrow cannot cast or calls invalid: lists of only nulls.
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return column


def _unfolded_type(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_struct(kind):
        fields = [kind.field(n) for n in range(kind.num_fields)]
        return pa.struct([each.with_type(_unfolded_type(each.type)) for each in fields])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_field.with_type(_unfolded_type(kind.value_type))
        return pa.list_(inner) if pa.types.is_list(kind) else pa.large_list(inner)
    return kind


def _sizes(array: Any) -> Sizes:
    """Bytes of JSON text that each value takes at least; one for small values."""
    kind = array.type
    ones: Sizes = np.ones(len(array), np.int64)
    if pa.types.is_dictionary(kind):
        known: Sizes = np.append(_sizes(array.dictionary), 1)
        return known.take(_numbers(array.indices, len(array.dictionary)))
    if pa.types.is_struct(kind):
        whole: Sizes = sum(map(_sizes, array.flatten()), ones)
        return whole
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ones + _sums(array)
    if pa.types.is_fixed_size_list(kind):
        inner = _sizes(array.flatten())
        counts = _numbers(pc.list_value_length(array), 0)
        ends: Sizes = np.append(0, np.cumsum(inner))
        return ones + np.diff(ends.take(np.append(0, np.cumsum(counts))))
    if (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    ):
        return ones + _numbers(pc.binary_length(array), 0)
    if pa.types.is_fixed_size_binary(kind):
        ones *= max(kind.byte_width, 1)
    return ones


def _sums(array: Any) -> Sizes:
    """The sum of the sizes of each list's values."""
    inner = (
        pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        if pa.types.is_map(array.type)
        else array.values
    )
    ends: Sizes = np.append(0, np.cumsum(_sizes(inner)))
    return np.diff(ends.take(np.asarray(array.offsets)))


def _numbers(array: Any, missing: int) -> Sizes:
    return np.asarray(pc.fill_null(array.cast(pa.int64()), missing), dtype=np.int64)


def _copy(stream: BinaryIO, file: Any, max_bytes: int) -> None:
    """Parquet is read from its end, and the upload may be a stream that cannot seek."""
    size = 0
    while chunk := stream.read(COPY_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        file.write(chunk)
    file.seek(0)


def _check_size(metadata: Any, max_bytes: int) -> None:
    if metadata.num_columns > MAX_LEAVES:
        raise InvalidInput(
            f"The Parquet file has {metadata.num_columns:,} columns, counting those "
            f"inside others; at most {MAX_LEAVES:,} are read; remove those that are "
            "not needed."
        )
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    values = sum(
        group.column(n).num_values for group in groups for n in range(group.num_columns)
    )
    # Each value takes at least a byte of text, even if it takes none in the file.
    if max(values, sum(group.total_byte_size for group in groups)) > max_bytes:
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
    """Removes the nulls that Parquet adds where a row's object lacks a key."""
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
    """A row as it was before `write` stored parts of it as JSON text."""
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
    """Writes one row an example; what fits no column of text is stored as JSON."""
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
