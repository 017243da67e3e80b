"""Parquet files become the same conversations as any other."""

import datetime as dt
import gzip
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.core.ingestion.ingest import Limits, ingest
from datasets.core.processes.bounded import Budget, run
from datasets.core.readers.parquet import MAX_LEAVES, _json
from datasets.core.readers.parquet import rows as parquet_rows
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


DAY = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
VALUES = [
    (pa.string(), "\u00e9"), (pa.large_string(), "x"), (pa.string_view(), "view"),
    (pa.uint64(), 2**64 - 1), (pa.float16(), 0.5), (pa.bool_(), False),
    (pa.binary(3), b"abc"), (pa.binary_view(), b"abc"), (pa.null(), None),
    (pa.date32(), DAY.date()), (pa.timestamp("us", "UTC"), DAY),
    (pa.time64("us"), dt.time(1, 2, 3, 4)), (pa.duration("ms"), dt.timedelta(days=2)),
    (pa.decimal128(10, 2), Decimal("12.34")), (pa.int8(), -128),
    (pa.dictionary(pa.int32(), pa.string()), "word"),
]  # fmt: skip
VIEWS = (pa.string_view(), pa.binary_view(), pa.null())
NESTINGS = {
    "plain": lambda kind, one: (kind, [one, None]),
    "list": lambda kind, one: (pa.list_(kind), [[one], [], None, [None, one]]),
    "large list": lambda kind, one: (pa.large_list(kind), [[], [one, one], None]),
    "lists in lists": lambda kind, one: (
        pa.list_(pa.list_(kind)), [[[one], []], None, [None]]
    ),
    "list of a fixed size": lambda kind, one: (pa.list_(kind, 2), [[one, one], None]),
    "map": lambda kind, one: (pa.map_(pa.string(), kind), [[("k", one)], [], None]),
    "struct": lambda kind, one: (
        pa.struct([("f", kind), ("g", pa.list_(kind))]),
        [{"f": one, "g": [one]}, None, {"f": None, "g": []}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("rows_in_group", [1, 7, 1_000])
def test_parquet_of_every_type_is_read_as_arrow_reads_it(nesting, rows_in_group):
    columns = {}
    for kind, one in VALUES:
        # Arrow writes no slices of views, and reads lists of nulls that are not whole.
        if nesting != "struct" or kind not in VIEWS:
            nested, values = NESTINGS[nesting](kind, one)
            columns[str(kind)] = pa.array((values * 12)[:23], nested)
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, row_group_size=rows_in_group)

    target.seek(0)
    found = [row.text for row in parquet_rows(target, 10**6, 10**8)]

    expected = pq.read_table(target).to_pylist()
    assert found == [_json(row, is_own=False) for row in expected]


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


def rows_in(content, max_row_bytes=10**6):
    return list(parquet_rows(io.BytesIO(content), max_row_bytes, 512 * 10**6))


def table_bytes(**columns):
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def faults_of_rows(content):
    return [row.fault.kind if row.fault else len(row.text) for row in rows_in(content)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["x" * 100] * 2_000_000]),
        pa.array([[{"role": "user", "content": "x" * 100}] * 1_000_000]),
        pa.array([[1] * 3_000_000]),
        pa.array([[[["x"] * 100] * 100] * 200]),
        pa.array([[("k", "v")] * 1_000_000], pa.map_(pa.string(), pa.string())),
    ],
    ids=["texts", "messages", "numbers", "lists of lists", "a map"],
)
def test_a_few_bytes_that_stand_for_a_huge_row_never_become_one(column):
    """As objects of Python its values would take more memory than there is."""
    content = table_bytes(question=column, answer=pa.array(["a"]))
    budget = Budget(cpu_seconds=60, memory_bytes=400 * 10**6)

    assert len(content) < 200_000
    assert run(faults_of_rows, content, budget=budget) == ["length"]


def test_rows_beside_a_huge_one_are_read():
    texts = [["a"], ["b"] * 2_000_000, ["c"], ["d"]]

    found = rows_in(table_bytes(question=pa.array(texts), answer=pa.array(["a"] * 4)))

    assert [row.line for row in found] == [1, 2, 3, 4]
    assert [row.fault is not None for row in found] == [False, True, False, False]
    assert json.loads(found[3].text) == {"question": ["d"], "answer": "a"}


def test_too_many_columns_are_refused():
    wide = {f"c{n}": ["x"] for n in range(MAX_LEAVES + 1)}

    with pytest.raises(InvalidInput, match=r"has 1,001 columns, .* at most 1,000"):
        rows_in(table_bytes(**wide))


def test_more_values_than_the_file_may_have_bytes_are_refused():
    content = table_bytes(question=pa.nulls(600_000, pa.string()))

    with pytest.raises(TooLarge):
        list(parquet_rows(io.BytesIO(content), 10**6, 500_000))
