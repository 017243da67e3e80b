"""What a page costs: queries of the database, and bytes of the stored indexes."""

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from datasets.core.analysis.example_index import RECORD, linked, read_records, to_bytes
from datasets.models import Dataset, Kind, WorkItem
from datasets.storage import files
from tests.factories import jsonl, make_conversation, make_dataset

pytestmark = pytest.mark.django_db
ROWS = 1_000_000
MOST_BYTES = 64_000
ANSWERS = (
    "TODO",
    "As an AI language model I can not.",
    "Sorry, I cannot do that.",
    "caf\u00c3\u00a9 {}",
    "fine {} <|im_end|>",
    "a good answer {}",
)


@pytest.fixture
def read(monkeypatch):
    """Bytes read of stored files, by the first word of their names."""
    total = {}
    real = files.open_file

    class Counted:
        def __init__(self, file, name):
            self.file, self.name = file, name

        def read(self, size=-1):
            data = self.file.read(size)
            total[self.name] = total.get(self.name, 0) + len(data)
            return data

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

    def opened(key):
        return Counted(real(key), key.rpartition("/")[2].split("-")[0])

    monkeypatch.setattr(files, "open_file", opened)
    return total


@pytest.fixture
def large(owner):
    """A million rows: those of a real upload, to which an index points again and
    again, with as many different lengths as rows could have."""
    dataset = make_dataset(
        jsonl(
            make_conversation(f"q{n}", ANSWERS[n % len(ANSWERS)].format(n))
            for n in range(3_000)
        ),
        owner=owner,
    )
    item = WorkItem.objects.get(dataset=dataset, kind=Kind.ANALYSIS)
    with default_storage.open(item.file) as file:
        records = np.resize(read_records(file, 0, 3_000), ROWS)
    records["tokens"] = np.arange(ROWS) % 50_000
    records["first"] = np.arange(ROWS)
    records["first"][500_000] = 7
    records["first"][600_000] = 7
    default_storage.delete(item.file)
    default_storage.save(item.file, ContentFile(to_bytes(linked(records))))
    WorkItem.objects.filter(pk=item.pk).update(
        result={**item.result, "total_examples": ROWS, "distinct_lengths": 50_000}
    )
    Dataset.objects.filter(pk=dataset.pk).update(total_examples=ROWS)
    return dataset


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


def test_the_page_of_a_million_rows_reads_little_of_its_indexes(
    signed_in, large, read, django_assert_max_num_queries
):
    address = f"/app/datasets/{large.pk}/"
    page = signed_in.get(address)  # and examines the data, which asks more than once

    with django_assert_max_num_queries(6):
        again = signed_in.get(address)

    assert (page.status_code, again.status_code) == (200, 200)
    assert f"{ROWS:,}" in again.content.decode()
    assert len(Dataset.objects.get(pk=large.pk).problem_groups) >= 5
    assert 0 < read["index"] < MOST_BYTES
    assert read.get("problems.index", 0) == 0


@pytest.mark.parametrize("row", [1, 999_991])
def test_a_page_of_rows_is_found_wherever_it_is(signed_in, large, read, row):
    page = signed_in.get(f"/app/datasets/{large.pk}/?row={row}").content.decode()

    assert f"Row {row:,}" in page or f"/rows/{row}/" in page
    assert read["index"] < MOST_BYTES


@pytest.mark.parametrize("at", [999_999, 8])
def test_the_page_of_a_row_reads_its_record(signed_in, large, read, at):
    page = signed_in.get(f"/app/datasets/{large.pk}/rows/{at}/").content.decode()

    copies = page.count("/rows/500001/") and page.count("/rows/600001/")
    assert bool(copies) == (at == 8)
    limits = 10 * 512 * 8  # blocks of the table of lengths, for the model
    assert read["index"] <= (1 + 2 * (at == 8)) * RECORD.itemsize + limits


def test_a_page_of_problems_of_one_kind_reads_that_page(signed_in, large, read):
    address = f"/app/datasets/{large.pk}/problems/"
    page = signed_in.get(f"{address}?kind=refusal&page=3")

    assert page.status_code == 200
    assert read["problems.index"] == 50 * 14
    assert page.content.decode().count('<th scope="row">') == 50


@pytest.mark.parametrize(
    ("path", "most"),
    [("", 6), ("model/", 10), ("training/", 10), ("rows/1/", 6), ("closer/", 6)],
)
def test_a_page_asks_the_database_little(
    signed_in, owner, django_assert_max_num_queries, path, most
):
    dataset = make_dataset(owner=owner)
    address = f"/app/datasets/{dataset.pk}/{path}"
    signed_in.get(address)  # small data are examined when they are first shown

    with django_assert_max_num_queries(most):
        assert signed_in.get(address).status_code == 200


def test_the_training_page_of_a_million_rows_reads_little(signed_in, large, read):
    address = f"/app/datasets/{large.pk}/training/"
    signed_in.get(address)  # the deep checks, which are work, read all
    read.clear()

    assert signed_in.get(address).status_code == 200
    assert read["index"] < MOST_BYTES
