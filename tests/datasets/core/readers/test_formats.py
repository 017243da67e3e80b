"""A file format is one Reader in one tuple; all else takes it from there."""

import gzip
import io
import re

import msgspec
import pytest

from datasets.core.readers import formats, rows
from datasets.core.readers.detection import is_packed
from datasets.core.readers.reader import Content, Reader
from datasets.core.readers.rows import SourceRow
from datasets.models import Dataset
from datasets.serializers import UploadSerializer
from slmgen.errors import InvalidInput
from tests.conftest import REPO
from tests.datasets.reading import read, turns
from tests.factories import make_dataset, make_lines


# What adding a format takes: a function that cuts content into rows, its Reader ...
def card_rows(content):
    for number, line in enumerate(content.stream, 1):
        cells = [cell.partition(b":") for cell in line.strip()[1:-1].split(b"|")]
        row = {key.decode(): value.decode() for key, _, value in cells}
        yield SourceRow(number, 0, msgspec.json.encode(row))


CARDS = Reader(
    "Flash cards",
    sniff=lambda head: head.startswith(b"<"),
    rows=card_rows,
    unit="Row",
    has_columns=True,
)


def cards_of(*keys):
    """Fifty cards with these keys."""
    cells = ["|".join(f"{key}:{key} {n}" for key in keys) for n in range(50)]
    return "".join(f"<{each}>\n" for each in cells).encode()


@pytest.fixture
def _cards(monkeypatch):
    """... and a place in the tuple."""
    monkeypatch.setattr(formats, "READERS", (CARDS, *formats.READERS))


@pytest.mark.usefixtures("_cards")
def test_a_new_format_is_detected_and_read():
    content = cards_of("prompt", "completion")

    for packed in (content, gzip.compress(content)):
        found, examples = read(packed)

        assert (found.container, found.examples) == ("Flash cards", 50)
        assert examples[7]["messages"] == turns("prompt 7", "completion 7")


@pytest.mark.usefixtures("_cards")
def test_problems_of_a_new_format_count_what_it_counts():
    found, _ = read(cards_of("prompt", "completion") + b"<prompt:alone>\n")

    assert str(found.problems[0]).startswith("Row 51: the key 'completion' is missing")


@pytest.mark.usefixtures("_cards")
def test_columns_of_a_new_format_can_be_chosen():
    content = cards_of("front", "back", "box")

    with pytest.raises(InvalidInput, match="The columns are 'front', 'back', 'box'"):
        read(content)

    _, examples = read(content, {"user": "front", "assistant": "back"})
    assert examples[0]["messages"] == turns("front 0", "back 0")


@pytest.mark.django_db
@pytest.mark.usefixtures("_cards")
@pytest.mark.parametrize("address", ["/app/", "/app/docs/formats/"])
def test_a_new_format_is_named_where_files_are_asked_for(client, address):
    assert "Flash cards, " in client.get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("_cards")
def test_a_new_format_is_named_on_the_page_of_its_data(client):
    make_dataset(cards_of("prompt", "completion"))
    dataset = Dataset.objects.get()

    assert "Flash cards" in client.get(f"/app/datasets/{dataset.id}/").content.decode()


def test_the_api_names_every_format():
    asked = UploadSerializer().fields["file"].help_text

    assert asked == f"{formats.any_name()}, at most 512 MB"
    assert [name for name in formats.names() if name not in asked] == []


def test_the_documents_name_every_format():
    text = (REPO / "docs" / "datasets.md").read_text(encoding="utf-8")
    table = text.partition("| wrapped in |")[2].partition("\n\n")[0]

    first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))
    for name in formats.names():
        assert name in first_cells


STORED_CHARACTERS = Dataset._meta.get_field("container").max_length


@pytest.mark.parametrize("reader", formats.READERS, ids=lambda each: each.name)
def test_a_name_can_be_stored_and_stands_for_one_format(reader):
    assert len(reader.name) <= STORED_CHARACTERS
    assert formats.names().count(reader.name) == 1


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'{"messages": []}\n', "JSON Lines"),
        (b'\r\n {"a,b": 1}', "JSON Lines"),
        (b' [{"a": 1},\n', "JSON array"),
        (b"a,b\n1,2\n", "CSV"),
        (b"a;b,c;d\n", "CSV"),
        (b"\na\tb\n", "TSV"),
        (b"PAR1\x15,\x04\n", "Parquet"),
        (b"", "JSON Lines"),
        (b"just a sentence", "JSON Lines"),
        (b"\xff\x00\x01", "JSON Lines"),
    ],
)
def test_formats_are_told_apart_by_the_first_bytes(head, name):
    assert formats.reader_of(head).name == name


def test_a_dataset_of_a_format_that_is_gone_has_rows():
    assert [formats.row_name_of(n) for n in ("JSON Lines", "CSV", "Gone")] == [
        "line", "row", "row",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (make_lines(3), False),
        (b"a,b\n", False),
        (gzip.compress(b"{}", mtime=0), True),
        (b"PAR1....PAR1", True),
        (b"", False),
    ],
)
def test_what_may_hold_more_than_its_size_is_packed(content, expected):
    file = io.BytesIO(content)
    file.seek(2)

    assert is_packed(file) is expected
    assert file.tell() == 0


def test_rows_and_blocks_of_lines_keep_their_order():
    stream = io.BufferedReader(io.BytesIO(b'{"a":1}\n' + b"x" * 90 + b'\n{"b":2}\n'))

    found = formats.JSON_LINES.rows(Content(stream, 40, 10**6))

    assert [(type(each).__name__, each.line) for each in found] == [
        ("LineBlock", 1), ("SourceRow", 2), ("LineBlock", 3),
    ]  # fmt: skip


def test_blocks_stay_whole_between_batches_of_rows(monkeypatch):
    monkeypatch.setattr(rows, "BATCH_ROWS", 2)
    one, block = SourceRow(1, 0, b"{}"), rows.LineBlock(2, 3, b"{}\n{}\n")

    found = list(rows.batches([one, block, one, one, one]))

    assert found == [[one], block, [one, one], [one]]
