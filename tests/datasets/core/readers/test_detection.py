import codecs
import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.core.readers import json_array
from datasets.core.readers.detection import open_rows
from slmgen.errors import InvalidInput, TooLarge
from tests.factories import jsonl, make_conversation, make_lines


def rows_of(content, *, max_row_bytes=10_000, max_bytes=10**6):
    stream = io.BytesIO(content)
    source = open_rows(stream, max_row_bytes=max_row_bytes, max_bytes=max_bytes)
    return [(row.line, None if row.fault else row.text) for row in source.rows]


def test_lines_are_numbered_as_an_editor_does():
    assert rows_of(b'{"a":1}\r\n\n  \t\n{"b":2}') == [(1, b'{"a":1}'), (4, b'{"b":2}')]


def test_a_byte_order_mark_is_no_text():
    assert rows_of(codecs.BOM_UTF8 + b"{}\n") == [(1, b"{}")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_a_mark_is_read(encoding):
    text = '{"a": "日本 😀"}\n'

    content = "\ufeff".encode(encoding) + text.encode(encoding)

    assert rows_of(content) == [(1, text.strip().encode())]


def test_broken_utf_16_is_refused_with_the_offset():
    content = codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"\x00\xd8x\x00"

    with pytest.raises(InvalidInput, match="not UTF-16 text: the byte at offset 6"):
        rows_of(content)


def test_gzip_is_unpacked():
    assert rows_of(gzip.compress(b'{"a":1}\n{"b":2}\n')) == [
        (1, b'{"a":1}'),
        (2, b'{"b":2}'),
    ]


@pytest.mark.parametrize("damage", [slice(0, 20), slice(0, -4)])
def test_a_damaged_gzip_file_is_refused(damage):
    content = gzip.compress(make_lines())[damage]

    with pytest.raises(InvalidInput, match="damaged or cut off"):
        rows_of(content)


def test_a_gzip_bomb_is_stopped_at_the_limit():
    bomb = gzip.compress(b"\n" * 10_000_000)

    with pytest.raises(TooLarge, match="unpacks to more than 1 MB"):
        rows_of(bomb)


def test_a_giant_line_is_skipped_and_numbered():
    content = b'{"a":1}\n' + b"x" * 50_000 + b'\n{"b":2}\n'

    assert rows_of(content) == [(1, b'{"a":1}'), (2, None), (3, b'{"b":2}')]


def test_an_array_is_cut_into_its_elements():
    content = b'[\n {"a": "]},{["},\n\n {"b": [1, {"c": "\\""}]}\n]\n'

    assert rows_of(content) == [
        (2, b'{"a": "]},{["}'),
        (4, b'{"b": [1, {"c": "\\""}]}'),
    ]


def test_a_pretty_printed_element_becomes_one_line():
    text = json.dumps([make_conversation("Two\nlines")], indent=2).encode()

    ((line, element),) = rows_of(text)

    assert line == 2
    assert b"\n" not in element
    assert json.loads(element) == make_conversation("Two\nlines")


def test_an_empty_array_has_no_rows():
    assert rows_of(b" [ ] ") == []


@pytest.mark.parametrize("content", [b'[{"a": 1}', b'[{"a": 1},', b'[{"a": "x'])
def test_an_array_that_is_cut_off_is_refused(content):
    with pytest.raises(InvalidInput, match=r"Line 1: the JSON array is not closed"):
        rows_of(content)


def test_text_after_the_array_is_refused():
    with pytest.raises(InvalidInput, match="text follows the end"):
        rows_of(b'[{"a": 1}]\nmore')


def test_a_giant_element_is_refused():
    with pytest.raises(InvalidInput, match="is larger than"):
        rows_of(b'["' + b"x" * 600_000 + b'"]', max_row_bytes=100_000)


values = st.lists(
    st.dictionaries(
        st.text(max_size=8), st.text(max_size=20) | st.lists(st.text(max_size=5))
    ),
    max_size=6,
)


@settings(max_examples=30)  # a chunk of one byte is slow
@given(values, st.integers(1, 40))
def test_an_array_is_read_alike_wherever_chunks_end(rows, chunk_bytes):
    content = json.dumps(rows).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "CHUNK_BYTES", chunk_bytes)

        found = rows_of(content, max_row_bytes=10**6)

    assert [json.loads(text) for _, text in found] == rows


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "large.jsonl"
    path.write_bytes(jsonl([make_conversation("x" * 1000)]) * 20_000)

    tracemalloc.start()
    with path.open("rb") as file:
        source = open_rows(file, max_row_bytes=10**6, max_bytes=10**9)
        count = sum(1 for _ in source.rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 20_000
    assert peak < 5_000_000
