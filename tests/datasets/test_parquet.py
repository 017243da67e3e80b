"""Parquet files become the same conversations as any other."""

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.core.ingest import Limits, ingest
from slmgen.errors import InvalidInput, TooLarge
from tests.datasets.reading import new_targets, read, turns


def parquet(rows):
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), target)
    return target.getvalue()


def test_parquet_rows_are_read_plain_and_gzipped():
    content = parquet([{"question": "q", "answer": "a", "n": n} for n in range(200)])

    for packed in (content, gzip.compress(content)):
        found, examples = read(packed)

        assert found.container == "Parquet"
        assert examples[199] == {"messages": turns("q", "a"), "n": 199}


def test_parquet_messages_lose_the_nulls_that_columns_add():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    messages = [{"role": "user", "content": "q"}, answer]

    _, (example,) = read(parquet([{"messages": messages}]))

    assert example["messages"] == messages


def test_a_parquet_row_is_named_as_a_row():
    rows = [{"question": "q", "answer": "a"}] * 20 + [{"question": "q", "answer": None}]

    found, _ = read(parquet(rows))

    assert str(found.problems[0]).startswith("Row 21: the key 'answer' is missing")


@pytest.mark.parametrize("cut", [slice(0, 50), slice(0, -3), slice(0, 4)])
def test_a_damaged_parquet_file_is_refused(cut):
    with pytest.raises(InvalidInput, match="Parquet file is damaged"):
        read(parquet([{"question": "q", "answer": "a"}] * 100)[cut])


def test_parquet_text_that_is_not_utf_8_is_refused():
    """Fuzzing found it: Arrow checks text only when it becomes a Python string."""
    target = io.BytesIO()
    table = pa.table({"question": ["what_ever"] * 3, "answer": ["a"] * 3})
    pq.write_table(table, target, compression="none", use_dictionary=False)
    content = target.getvalue().replace(b"what_ever", b"what\xffever")

    with pytest.raises(InvalidInput, match="Parquet file is damaged"):
        read(content)


def test_parquet_dates_that_python_has_no_form_for_are_refused():
    years = pa.array([10**7], pa.date32())
    target = io.BytesIO()
    pq.write_table(pa.table({"question": ["q"], "answer": ["a"], "day": years}), target)

    with pytest.raises(InvalidInput, match="Parquet file is damaged, or of a kind"):
        read(target.getvalue())


def test_a_parquet_file_that_unpacks_to_too_much_is_refused():
    rows = [{"question": "q" * 1000, "answer": "a"}] * 10_000
    limits = Limits(max_bytes=10**6, max_row_bytes=10**6, min_examples=1)

    with pytest.raises(TooLarge):
        ingest(io.BytesIO(parquet(rows)), new_targets(), limits)
