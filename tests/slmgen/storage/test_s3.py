"""Against a real server of the S3 protocol, over loopback."""

import io
import re
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from slmgen.storage.s3 import FIRST_READ_BYTES, PART_BYTES, RangedFile
from tests.factories import make_dataset, make_lines


@pytest.fixture
def requests_sent(objects):
    """Method and range of every request to the server."""
    sent = []

    def note(request, **kwargs):
        sent.append((request.method, request.headers.get("Range")))

    events = objects.client.meta.events
    events.register("before-send.s3", note)
    yield sent
    events.unregister("before-send.s3", note)


def ranged(content):
    """A file over `content`, and the ranges that were fetched."""
    fetched = []

    def fetch(start, end):
        fetched.append((start, end))
        return content[start:end]

    return io.BufferedReader(RangedFile(fetch, len(content)), 1024), fetched


def test_what_is_read_in_pieces_is_what_is_there():
    content = bytes(range(256)) * 4_000
    file, fetched = ranged(content)

    parts = [file.read(70_001) for _ in range(20)]

    assert b"".join(parts) == content
    assert len(fetched) < 6  # each read on fetches twice as much


def test_a_jump_fetches_little_again():
    content = bytes(10_000_000)
    file, fetched = ranged(content)
    file.read(3_000_000)

    file.seek(9_000_000)
    file.read(10)

    start, end = fetched[-1]
    assert (start, end - start) == (9_000_000, FIRST_READ_BYTES)


def test_a_short_answer_is_an_error_and_no_end_of_file():
    file = io.BufferedReader(RangedFile(lambda start, end: b"abc", 100))

    with pytest.raises(OSError, match="fewer bytes"):
        file.read(50)


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(objects, requests_sent):
    content = b"0123456789abcdef" * (PART_BYTES // 8)

    objects.save("large", ContentFile(content))

    assert [method for method, _ in requests_sent].count("PUT") == 2
    with objects.open("large") as file:
        assert file.file.read() == content


def test_an_object_that_is_not_there_is_a_missing_file(objects):
    with pytest.raises(FileNotFoundError):
        objects.open("nothing")


def test_a_server_that_is_away_is_an_error_of_the_system(objects):
    objects.endpoint_url = "http://127.0.0.1:9"

    with pytest.raises(OSError, match="object storage: EndpointConnectionError"):
        objects.size("nothing")


def test_everything_is_listed(objects):
    objects.save("a/b", ContentFile(b"four"))

    (found,) = objects.listing()

    assert (found.key, found.size) == ("a/b", 4)
    assert timezone.now() - found.modified < timedelta(minutes=1)


def test_a_link_downloads_for_a_while_and_the_bare_address_never(objects):
    objects.save("a/b", ContentFile(b"content"))

    link = objects.link("a/b", "name.ipynb")

    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"content"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="name.ipynb"'
        )
    assert "X-Amz-Expires=60" in link


def test_a_link_may_lead_to_another_address_of_the_server(objects):
    objects.public_endpoint = "https://files.example.org"

    link = objects.link("a/b", "name.ipynb")

    assert link.startswith(f"https://files.example.org/{objects.bucket_name}/a/b?")


@pytest.mark.django_db
@pytest.mark.parametrize("page", [1, 399])
def test_any_page_of_the_preview_fetches_little(
    client, settings, objects, requests_sent, page
):
    settings.SLMGEN_INLINE_ANALYSIS_BYTES = 10**9
    content = make_lines(2_000).replace(b"What is", b"What is " + b"very " * 400)
    dataset = make_dataset(content)
    requests_sent.clear()

    answer = client.get(f"/preview/{dataset.id}?page={page}").json()

    assert answer["examples"][0]["index"] == 5 * (page - 1)
    ranges = [re.findall(r"\d+", str(found)) for _, found in requests_sent if found]
    lengths = [int(end) - int(start) + 1 for start, end in ranges]
    assert len(lengths) == 2  # the index, the examples
    assert sum(lengths) <= 2 * FIRST_READ_BYTES < len(content) / 20


@pytest.mark.django_db
def test_who_asks_for_a_link_is_sent_to_the_object_and_others_get_the_file(
    client, objects
):
    dataset = make_dataset()
    made = client.post(
        "/generate", {"session_id": str(dataset.id)}, "application/json"
    ).json()

    program = client.get(made["download_url"], HTTP_ACCEPT="text/html,*/*;q=0.8")
    linked = client.get(f"{made['download_url']}?link=true")

    assert program.status_code == 200
    assert linked.status_code == 302
    with urllib.request.urlopen(linked["Location"]) as answer:
        assert answer.read() == program.content


@pytest.mark.django_db
def test_a_removed_object_is_409(client, objects):
    dataset = make_dataset()
    objects.delete(dataset.examples_key)

    answer = client.get(f"/preview/{dataset.id}")

    assert answer.status_code == 409
    assert "damaged or removed" in answer.json()["detail"]


@pytest.mark.django_db
def test_work_on_a_file_full_of_copies_fetches_it_in_few_requests(
    objects, requests_sent
):
    """Each copy is compared with its first: done over the network, 6,000 examples took
    longer than a minute."""
    make_dataset(make_lines(100) * 20)

    assert len(requests_sent) < 20
