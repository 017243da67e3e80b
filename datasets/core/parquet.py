"""Parquet → one JSON object a row, a few rows in memory at a time."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.core.rows import Row, too_long
from slmgen.errors import InvalidInput, TooLarge

ROWS_AT_ONCE = 64
COPY_BYTES = 1 << 20


def rows(stream: BinaryIO, max_row_bytes: int, max_bytes: int) -> Iterator[Row]:
    """Raises InvalidInput for a damaged file and TooLarge, counted as JSON text."""
    with tempfile.TemporaryFile() as file, _readable():
        _copy(stream, file, max_bytes)
        table = pq.ParquetFile(file, pre_buffer=False)
        _check_size(table.metadata, max_bytes)
        number = written = 0
        for batch in table.iter_batches(ROWS_AT_ONCE, use_threads=False):
            for value in batch.to_pylist():
                number += 1
                text = _json(value)
                written += len(text)
                if written > max_bytes:
                    raise _too_large(max_bytes)
                fault = too_long(max_row_bytes) if len(text) > max_row_bytes else None
                yield Row(number, 0, b"" if fault else text, fault)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError):
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
        f"The file unpacks to more than {max_bytes // 10**6} MB, the most this server "
        "takes; split it."
    )


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(_plain(value), enc_hook=str)


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
